// cli/status.cc - `weir status`: what the running weir says about itself, through its control socket or, where that does not
// answer, its admin listener, by https if that is how it listens; on a terminal also which calls wait for people, which only
// the control socket tells.
#include "cli/commands.h"
#include "cli/config_option.h"
#include "cli/desk_option.h"
#include "cli/http_client.h"
#include "cli/output.h"
#include "cli/target.h"
#include "cli/tickets.h"

#include "base/clock.h"
#include "base/limits.h"
#include "json/scan.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <memory>

namespace weir::cli {
namespace {

constexpr uint64_t silence_ns_max = 5 * s_ns;
constexpr size_t waiting_shown_max = 10;

/// The body of GET /status, or why there is none.
std::expected<std::string, std::string> fetch(BufferPool& pool, const Endpoint& from) {
    HttpExchange exchange(pool);
    if (!exchange.start(from, {}, silence_ns_max) || !exchange.read_all(1 << 20))
        return std::unexpected(exchange.why());
    if (exchange.status() != 200) return std::unexpected(fmt::format("HTTP {}", exchange.status()));
    return std::string(exchange.body().text());
}

/// What waits for people, a row each; behind the table of what weir counts.
std::string waiting(const TicketDesk& desk) {
    const auto list = desk.list({});
    if (!list) {
        complain(printable(list.error().why));
        return {};
    }
    std::vector<Ticket> tickets = list->tickets;
    std::erase_if(tickets, [](const Ticket& each) { return !each.waits(); });
    if (tickets.empty()) return {};
    const size_t count = tickets.size();
    tickets.resize(std::min(count, waiting_shown_max));
    if (count > waiting_shown_max)
        say(fmt::format("{} more wait; `weir approvals list` shows them", count - waiting_shown_max));
    return "\n" + ticket_table(tickets, unix_now_ns(), out_surface().terminal).text(out_surface());
}

/// The page at the admin listener. The certificate is for what people call it by, which may be no address.
Endpoint admin_endpoint(const gateway::Config& config, const std::string& ca) {
    return {.host = host_of(*config.admin),
            .port = config.admin->port,
            .authority = desk_authority(config),
            .target = "/status",
            .tls = config.admin_tls,
            .ca = ca};
}

Exit status(const std::string& file, const std::string& ca, bool as_json) {
    const auto config = load_or_complain(file);
    if (!config) return Exit::invalid_config;
    BufferPool pool;
    const std::string socket = config->state_dir + "/control.sock";
    bool socket_answers = true;
    auto answer = fetch(pool, {.host = {}, .authority = "localhost", .target = "/status", .socket = socket});
    if (!answer && config->admin) {
        const std::string first = answer.error();
        socket_answers = false;
        answer = fetch(pool, admin_endpoint(*config, ca));
        if (!answer) answer = std::unexpected(fmt::format("{}; {}", first, answer.error()));
    }
    if (!answer) {
        complain(printable(fmt::format("cannot reach weir: {}. Is `weir run -c {}` running?", answer.error(), file)));
        return Exit::unreachable;
    }
    if (as_json) {
        print(*answer + "\n");
        return Exit::ok;
    }
    PaddedBytes text(pool);
    text.append(*answer);
    json::Scanner scanner{json::ScanLimits{}};
    const auto document = scanner.scan(text.padded());
    if (!document || !json::Value::root(*document).is(json::Kind::object)) {
        complain("what answered is not weir");
        return Exit::failed;
    }
    Table table({"what", "value"});
    Workspace space(pool);
    for (const auto& [name, value] : json::Value::root(*document).members()) {
        const std::string shown(value.is(json::Kind::string) ? value.string(space) : value.raw());
        const bool bad = name.equals("record_failed") && value.boolean();
        table.row({{std::string(name.string(space))}, {shown, bad ? Tone::bad : Tone::plain}});
    }
    print(table.text(out_surface()));
    if (socket_answers && out_surface().terminal) print(waiting(TicketDesk(socket)));
    return Exit::ok;
}

} // namespace

void add_status(CLI::App& app, Exit& exit) {
    CLI::App* command = app.add_subcommand("status", "Show what the running weir says about itself");
    auto file = std::make_shared<std::string>();
    auto json = std::make_shared<bool>(false);
    add_config_option(*command, *file);
    auto ca = std::make_shared<std::string>();
    command->add_option("--ca", *ca, "a file of authorities for an admin listener with TLS, in place of the system's")
        ->type_name("FILE");
    command->add_flag("--json", *json, "one JSON document");
    command->callback([file, ca, json, &exit] { exit = status(*file, *ca, *json); });
}

} // namespace weir::cli
