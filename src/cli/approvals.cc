// cli/approvals.cc - `weir approvals list|show|approve|deny|withdraw|revoke|watch`: people decide on calls that wait.
#include "cli/commands.h"
#include "cli/desk_option.h"
#include "cli/inbox.h"
#include "cli/output.h"
#include "cli/tickets.h"
#include "gateway/config_values.h"

#include "approve/ticket.h"
#include "base/clock.h"
#include "base/limits.h"

#include <fmt/format.h>
#include <poll.h>
#include <CLI/CLI.hpp>
#include <memory>

namespace weir::cli {
namespace {

constexpr int look_again_ms = 250; // approve --wait
constexpr size_t id_size = 29;     // ap_ and 26 characters

struct ApprovalsOptions {
    DeskOptions desk;
    std::string word, reason;
    std::string timeout = "60s";
    std::string after;
    size_t limit = TicketQuestion::page_max;
    bool all = false, json = false, utc = false, wait = false;
};

Exit told(const Refusal& refusal) {
    complain(printable(refusal.why));
    return refusal.exit;
}

Exit list(const TicketDesk& desk, const ApprovalsOptions& options) {
    const auto list = desk.list({.all = options.all, .after = options.after, .limit = options.limit});
    if (!list) return told(list.error());
    if (options.json) {
        print(list->json + "\n");
        return Exit::ok;
    }
    if (list->tickets.empty()) say(options.all ? "there are no tickets" : "nothing waits for approval");
    else print(ticket_table(list->tickets, unix_now_ns(), out_surface().terminal && !options.utc).text(out_surface()));
    if (!list->next.empty()) say(fmt::format("there may be more: --after {}", printable(list->next)));
    return Exit::ok;
}

std::expected<std::string, Refusal> choose(const TicketDesk& desk, const std::string& word, Last last) {
    if (word.size() == id_size && word.starts_with("ap_") &&
        word.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", 3) ==
            std::string::npos)
        return word;
    TicketQuestion question;
    if (word == "last") {
        question = {.all = last == Last::any, .newest = true, .limit = 1};
        if (last != Last::any) question.state = last == Last::approved ? "approved" : "pending";
        const auto newest = desk.first(question);
        if (newest) return newest->id;
        if (newest.error().exit != Exit::not_found) return std::unexpected(newest.error());
        return choose_ticket({}, word, last);
    }
    question = {.all = true, .prefix = word.starts_with("ap_") ? word : "ap_" + word};
    // The beginning of no id there can be: the desk need not be asked.
    if (!approve::is_ticket_id(question.prefix, true)) return choose_ticket({}, word, last);
    const auto tickets = desk.all(question, question.limit + 1);
    if (!tickets) return std::unexpected(tickets.error());
    if (tickets->size() > question.limit)
        return std::unexpected(Refusal{Exit::usage, fmt::format("very many tickets begin with \"{}\"", word)});
    return choose_ticket(*tickets, word, last);
}

Exit show(const TicketDesk& desk, const ApprovalsOptions& options) {
    const auto id = choose(desk, options.word, Last::any);
    if (!id) return told(id.error());
    const auto ticket = desk.one(*id);
    if (!ticket) return told(ticket.error());
    print(options.json ? ticket->json + "\n" : ticket_page(*ticket, unix_now_ns(), options.utc));
    return Exit::ok;
}

/// Until the approved call has run, or cannot any more.
std::expected<Ticket, Refusal> wait_for_end(const TicketDesk& desk, Ticket ticket, const std::string& timeout) {
    const uint64_t until = unix_now_ns() + gateway::parse_duration(timeout).value_or(60 * s_ns);
    while (ticket.state == "approved" || ticket.state == "executing") {
        if (unix_now_ns() > until)
            return std::unexpected(Refusal{Exit::timed_out, ticket.id + " is " + ticket.state + " still"});
        ::poll(nullptr, 0, look_again_ms);
        auto now = desk.one(ticket.id);
        if (!now) return now;
        ticket = std::move(*now);
    }
    return ticket;
}

Exit decide(const TicketDesk& desk, const ApprovalsOptions& options, std::string_view decision) {
    const auto id = choose(desk, options.word, decision == "revoke" ? Last::approved : Last::waiting);
    if (!id) return told(id.error());
    auto ticket = desk.decide(*id, decision, options.reason);
    if (ticket && options.wait) ticket = wait_for_end(desk, std::move(*ticket), options.timeout);
    if (!ticket) return told(ticket.error());
    if (options.json) print(ticket->json + "\n");
    else if (!out_surface().terminal) print(ticket_line(*ticket, unix_now_ns()));
    else
        print(printable(fmt::format("{} {}: {}/{}, asked by {}", ticket->id, ticket->state, ticket->server,
                                    ticket->name, ticket->person.empty() ? ticket->principal : ticket->person)) +
              "\n");
    if (!options.wait || ticket->state == "answered") return Exit::ok;
    return ticket->state == "ambiguous" ? Exit::failed : Exit::conflict;
}

} // namespace

void add_approvals(CLI::App& app, Exit& exit) {
    CLI::App* approvals = app.add_subcommand("approvals", "Decide on calls that wait for people");
    approvals->require_subcommand(1);
    using Run = std::function<Exit(const TicketDesk&, const ApprovalsOptions&)>;
    const auto add = [&](const char* name, const char* text, bool of_one, Run run) {
        CLI::App* command = approvals->add_subcommand(name, text);
        auto options = std::make_shared<ApprovalsOptions>();
        if (of_one)
            command->add_option("ticket", options->word, "its id, the beginning of it, or `last`: the newest")
                ->type_name("ID")
                ->required();
        add_desk_options(*command, options->desk);
        command->add_flag("--socket", options->desk.socket, "by the control socket, though there is a login");
        command->add_flag("--json", options->json, "one JSON document");
        command->callback([options, run = std::move(run), &exit] {
            const auto desk = open_desk(options->desk);
            exit = desk ? run(*desk, *options) : desk.error();
        });
        return std::pair(command, options);
    };
    {
        const auto [command, options] = add("list", "List what waits, the oldest first", false, list);
        command->add_flag("--all", options->all, "also what is over");
        command->add_option("--limit", options->limit, "how many at most")
            ->check(CLI::Range(size_t{1}, TicketQuestion::page_max))
            ->type_name("N")
            ->capture_default_str();
        command->add_option("--after", options->after, "the next page: what the one before says")
            ->check(
                [](const std::string& text) { return is_place(text) ? std::string() : "that is not what a page says"; })
            ->type_name("NEXT");
        command->add_flag("--utc", options->utc, "times in UTC");
    }
    {
        const auto [command, options] =
            add("show", "Show a call: who asks for what exactly, and why it waits", true, show);
        command->add_flag("--utc", options->utc, "times in UTC");
    }
    const auto verb = [&](const char* name, const char* text) {
        const auto made = add(name, text, true, [name](const TicketDesk& desk, const ApprovalsOptions& options) {
            return decide(desk, options, name);
        });
        made.first->add_option("--reason", made.second->reason, "told to the client and kept in the record")
            ->type_name("TEXT");
        return made;
    };
    {
        const auto [command, options] = verb("approve", "Let the call run, once");
        command->add_flag("--wait", options->wait, "until it has run; exit code 7 if it has not in time");
        command->add_option("--timeout", options->timeout, "how long to wait")
            ->check([](const std::string& text) {
                return gateway::parse_duration(text) ? std::string() : "write a duration such as 30s";
            })
            ->capture_default_str();
    }
    verb("deny", "Refuse the call");
    verb("withdraw", "Take back what was asked for, before anybody decided");
    verb("revoke", "Take back an approval, before the call runs");
    add("watch", "Decide as calls come: a list with keys; in a pipe, a line for each change", false,
        [](const TicketDesk& desk, const ApprovalsOptions& options) { return watch(desk, options.json); });
}

} // namespace weir::cli
