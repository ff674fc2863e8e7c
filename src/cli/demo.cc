// cli/demo.cc - `weir demo`: weir and an MCP server of its own, nothing to install, nothing kept.
#include "cli/commands.h"
#include "cli/config_option.h"
#include "cli/demo_place.h"
#include "cli/output.h"
#include "cli/sessions.h"
#include "cli/signals.h"
#include "cli/target.h"
#include "cli/tour.h"

#include "base/log.h"
#include "gateway/gateway.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>

namespace weir::cli {
namespace {

constexpr uint16_t usual_port = 7070;

struct DemoOptions {
    bool check = false;
    uint16_t port = 0; // 0: the usual one, or any if that is taken
};

void invite(const DemoPlace& place, uint16_t port) {
    const std::string weir = program_invocation_name, file = " -c " + place.config();
    print(
        fmt::format("weir demo: MCP at http://127.0.0.1:{}/mcp/acme\n"
                    "  nothing is installed or kept; configuration, policies and record are in {}\n\n"
                    "Try in another terminal:\n",
                    port, place.path()));
    const auto line = [&](std::string_view command, std::string_view arguments, std::string_view comment) {
        print(fmt::format("  {} {}{}{}\n      {}\n", weir, command, file, arguments,
                          toned(out_surface(), Tone::faint, comment)));
    };
    line("call", " acme/query sql=\"select * from orders\"", "# allowed");
    line("call", " acme/list_customers limit=2", "# allowed, and what agents should not see is masked");
    line("call", " acme/query sql=\"drop table customers\"", "# blocked, with a reason that the model can use");
    line("call", " acme/refund order=1007 amount=900", "# waits for a person: in a third terminal");
    line("approvals show", " last", "#   who asks for what exactly, and why it waits");
    line("approvals approve", " last", "#   and the call runs, once (or deny; or approvals watch)");
    line("call", " acme/countdown from=5", "# an event stream, relayed event by event");
    line("tools list", "", "# delete_customer is hidden, and refused by name");
    line("sessions list", "", "# what was recorded");
    line("sessions show", " last", "# each call with its verdict");
    line("status", "", "# what weir says about itself");
    print(
        fmt::format("\nPolicies: {}/policies/shop.lua\n"
                    "Any MCP client: Streamable HTTP at http://127.0.0.1:{}/mcp/acme\n\n"
                    "Ctrl-C ends the demo and removes the directory.\n",
                    place.path(), port));
}

void tell(const Step& step) {
    print(fmt::format("{}  {}\n        {}\n",
                      toned(out_surface(), step.good ? Tone::good : Tone::bad, step.good ? "good" : "BAD "),
                      printable(step.what), toned(out_surface(), Tone::faint, printable(step.seen))));
}

/// The record of the tour, read back, and the newest session as `weir sessions show last` prints it.
bool check_record(const gateway::Config& config) {
    const std::string segments = config.state_dir + "/segments";
    const Step step = recorded(segments);
    tell(step);
    print("\nweir sessions show last\n");
    return sessions_show({.segments = segments, .session = "last"}) == Exit::ok && step.good;
}

Exit demo(const DemoOptions& options) {
    // Before any thread. The tour ends by itself, and at once when it is told to.
    std::optional<Signals> signals;
    if (!options.check) signals.emplace();
    log::set_level(log::Level::warn);
    const uint16_t port =
        options.check && options.port == 0 ? free_port(0) : free_port(options.port != 0 ? options.port : usual_port);
    if (port == 0 || (options.port != 0 && port != options.port)) {
        complain(fmt::format("port {} of 127.0.0.1 is taken: choose another with --port", options.port));
        return Exit::failed;
    }
    const auto acme = demo::Acme::start();
    if (!acme) {
        complain(fmt::format("acme cannot listen on 127.0.0.1: {}", std::strerror(errno)));
        return Exit::failed;
    }
    DemoPlace place;
    if (const auto made = place.make(port, (*acme)->url(), options.check ? "1s" : "45s"); !made) {
        complain(made.error());
        return Exit::failed;
    }
    auto config = load_or_complain(place.config());
    if (!config) return Exit::invalid_config;
    auto gateway = gateway::Gateway::start(*config);
    if (!gateway) {
        for (const std::string& line : gateway.error().lines) complain(printable(line));
        return static_cast<Exit>(gateway.error().exit_code);
    }
    bool good = true;
    if (options.check) {
        good = walk(endpoint_of(*config, "acme"), **acme, TicketDesk(config->state_dir + "/control.sock"), tell);
    } else {
        invite(place, port);
        signals->wait();
        say("weir demo: ending");
    }
    (*gateway)->drain();
    if (signals) signals->leave_at_next();
    (*gateway)->join();
    if (options.check) good = check_record(*config) && good;
    if (options.check) say(good ? "weir demo: all went as it should" : "weir demo: something went wrong, see above");
    return good ? Exit::ok : Exit::failed;
}

} // namespace

void add_demo(CLI::App& app, Exit& exit) {
    CLI::App* command =
        app.add_subcommand("demo", "Try weir: it starts with an MCP server of its own, in a temporary directory");
    auto options = std::make_shared<DemoOptions>();
    command->add_flag("--check", options->check, "go through the tour by itself, say what happened, and end");
    command
        ->add_option("--port", options->port, "where to listen on 127.0.0.1; by default 7070, or any if that is taken")
        ->check(CLI::Range(1, 65535));
    command->callback([options, &exit] { exit = demo(*options); });
}

} // namespace weir::cli
