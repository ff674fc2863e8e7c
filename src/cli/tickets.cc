// cli/tickets.cc - tickets out of JSON, and tickets as text.
#include "cli/tickets.h"

#include "cli/entry_text.h"
#include "cli/http_client.h"
#include "cli/scanned.h"
#include "control/fetch.h"
#include "json/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace weir::cli {
namespace {

constexpr uint64_t silence_ns_max = 15 * s_ns; // the store may have to wait for its disk
constexpr size_t answer_bytes_max = Scanned::text_bytes_max;
constexpr std::string_view root = "/api/v1/approvals";

std::vector<std::string> texts(json::Value list, Workspace& space) {
    std::vector<std::string> out;
    for (const json::Value each : list.elements()) out.emplace_back(each.string(space));
    return out;
}

Ticket ticket_of(json::Value from, Workspace& space) {
    const auto text = [&](std::string_view name) { return std::string(from.find(name).string(space)); };
    const auto number = [&](std::string_view name) {
        return static_cast<uint64_t>(from.find(name).integer().value_or(0));
    };
    Ticket ticket;
    ticket.id = text("id");
    ticket.state = text("state");
    ticket.principal = text("principal");
    ticket.person = text("person");
    ticket.client = text("client");
    ticket.server = text("server");
    ticket.method = text("method");
    ticket.name = text("name");
    ticket.reason = text("reason");
    ticket.session = text("session");
    ticket.digest = text("digest");
    ticket.decided_by = text("decided_by");
    ticket.decided_note = text("decided_note");
    if (const std::string subject = text("subject"); !subject.empty())
        ticket.asker = fmt::format("{} ({})", subject, text("issuer"));
    if (const json::Value decider = from.find("decider"); decider)
        ticket.decider = fmt::format("{} ({}, {})", decider.find("name").string(space),
                                     decider.find("subject").string(space), decider.find("issuer").string(space));
    ticket.body = text("body");
    ticket.policies = texts(from.find("policies"), space);
    for (const json::Value who : from.find("by").elements()) ticket.by.push_back(texts(who, space));
    ticket.generation = number("generation");
    ticket.created_ns = number("created_unix_ns");
    ticket.expires_ns = number("expires_unix_ns");
    ticket.decided_ns = number("decided_unix_ns");
    ticket.json = from.raw();
    return ticket;
}

std::string joined(std::span<const std::string> texts, std::string_view between) {
    std::string out;
    for (const std::string& text : texts) out.append(out.empty() ? "" : between).append(text);
    return out;
}

Exit exit_of(uint16_t status) {
    switch (status) {
        case 400: return Exit::usage;
        case 401:
        case 403: return Exit::denied;
        case 404: return Exit::not_found;
        case 409: return Exit::conflict;
        default: return Exit::failed;
    }
}

using Answer = std::expected<control::FetchAnswer, Refusal>;

/// Without a body it is read, else posted.
Answer ask_socket(const std::string& socket, const std::string& target, std::string_view body) {
    BufferPool pool;
    HttpExchange exchange(pool);
    HttpRequest request;
    if (!body.empty()) {
        request.method = http::Method::post;
        request.fields.emplace_back("Content-Type", "application/json");
        request.body = body;
    }
    const Endpoint to = {.host = {}, .authority = "localhost", .target = target, .socket = socket};
    if (!exchange.start(to, request, silence_ns_max) || !exchange.read_all(answer_bytes_max))
        return std::unexpected(
            Refusal{Exit::unreachable, fmt::format("cannot reach weir: {}. Is `weir run` running?", exchange.why())});
    return control::FetchAnswer{exchange.status(), std::string(exchange.body().text())};
}

Answer ask_url(const std::string& url, const std::string& target, std::string_view body, const std::string& ca,
               const TicketDesk::Token& token_for) {
    auto token = token_for();
    if (!token) return std::unexpected(Refusal{Exit::denied, token.error()});
    if (token->empty())
        return std::unexpected(
            Refusal{Exit::denied,
                    fmt::format("not signed in to {}: `weir login --url {}`, or a token in WEIR_TOKEN", url, url)});
    auto answer = control::fetch({.url = url + target,
                                  .post = !body.empty(),
                                  .type = "application/json",
                                  .body = std::string(body),
                                  .bearer = std::move(*token),
                                  .ca = ca,
                                  .time_ns_max = 2 * silence_ns_max,
                                  .answer_bytes_max = answer_bytes_max});
    if (!answer)
        return std::unexpected(Refusal{Exit::unreachable, fmt::format("cannot reach {}: {}", url, answer.error())});
    if (answer->status == 401)
        return std::unexpected(
            Refusal{Exit::denied,
                    fmt::format("{} does not take the token; it may have ended: `weir login --url {}`", url, url)});
    return std::move(*answer);
}

void lay_out(json::Value value, size_t indent, Workspace& space, std::string& out) {
    const auto quoted = [&](json::Value text) {
        json::Text one;
        one.string(text.string(space));
        return printable(one.text());
    };
    const std::string line = "\n" + std::string(2 * indent + 2, ' ');
    const bool object = value.is(json::Kind::object);
    if (value.is(json::Kind::string)) {
        out += quoted(value);
    } else if (value.count() == 0) {
        out += printable(object ? "{}" : value.is(json::Kind::array) ? "[]" : value.raw());
    } else {
        out += object ? '{' : '[';
        bool first = true;
        const auto begin = [&] {
            out += (first ? "" : ",") + line;
            first = false;
        };
        if (object) {
            for (const auto& [name, member] : value.members()) {
                begin();
                out += quoted(name) + ": ";
                lay_out(member, indent + 1, space, out);
            }
        } else {
            for (const json::Value element : value.elements()) {
                begin();
                lay_out(element, indent + 1, space, out);
            }
        }
        out += line.substr(0, line.size() - 2) + (object ? '}' : ']');
    }
}

Refusal not_weir() { return {Exit::failed, "what answered is not weir"}; }

std::string indented(std::string_view text) {
    std::string out = "  ";
    for (const char octet : text) out += octet == '\n' ? "\n  " : std::string(1, octet);
    return out + "\n";
}

std::string who(const Ticket& ticket) { return ticket.person.empty() ? ticket.principal : ticket.person; }
std::string call(const Ticket& ticket) { return ticket.server + "/" + ticket.name; }

} // namespace

bool is_place(std::string_view text) {
    return text.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyz._") == std::string_view::npos;
}

/// Asks, and puts the JSON of a good answer into `into`.
std::expected<void, Refusal> TicketDesk::ask(const std::string& target, std::string_view body, Scanned& into) const {
    const Answer answer = token_ ? ask_url(url_, target, body, ca_, token_) : ask_socket(socket_, target, body);
    if (!answer) return std::unexpected(answer.error());
    if (!into.scan(answer->body) || !into.value().is(json::Kind::object)) return std::unexpected(not_weir());
    if (answer->status == 200) return {};
    std::string why = into.member("text");
    return std::unexpected(
        Refusal{exit_of(answer->status), why.empty() ? fmt::format("HTTP {}", answer->status) : std::move(why)});
}

std::expected<Identity, Refusal> TicketDesk::whoami() const {
    Scanned answer;
    if (auto asked = ask("/api/v1/whoami", {}, answer); !asked) return std::unexpected(asked.error());
    Identity who{.text = answer.member("by"), .json = std::string(answer.text.text())};
    if (const std::string subject = answer.member("subject"); !subject.empty()) {
        who.text = fmt::format("{} ({}, {})", answer.member("name"), subject, answer.member("issuer"));
        const auto groups = texts(answer.value().find("groups"), answer.space);
        const bool known = answer.value().find("groups_known").boolean();
        who.text += groups.empty() ? "" : "; groups " + joined(groups, ", ");
        who.text += known ? "" : "; there may be groups that the token does not list";
    }
    return who;
}

std::expected<TicketList, Refusal> TicketDesk::list(const TicketQuestion& question) const {
    Scanned answer;
    std::string target = fmt::format("{}?limit={}", root, question.limit);
    if (question.all) target += "&all=1";
    if (question.newest) target += "&newest=1";
    // What is asked for came from where it is asked, or has been checked: nothing in it needs escaping.
    for (const auto& [name, value] : {std::pair("&id=", &question.prefix), std::pair("&state=", &question.state),
                                      std::pair("&after=", &question.after)})
        if (!value->empty()) target += name + *value;
    if (auto asked = ask(target, {}, answer); !asked) return std::unexpected(asked.error());
    TicketList list;
    for (const json::Value each : answer.value().find("approvals").elements())
        list.tickets.push_back(ticket_of(each, answer.space));
    list.next = answer.value().find("next").string(answer.space);
    if (!is_place(list.next)) return std::unexpected(not_weir());
    list.json = answer.text.text();
    return list;
}

std::expected<std::vector<Ticket>, Refusal> TicketDesk::all(TicketQuestion question, size_t most) const {
    std::vector<Ticket> tickets;
    for (;;) {
        auto page = list(question);
        if (!page) return std::unexpected(page.error());
        std::ranges::move(page->tickets, std::back_inserter(tickets));
        if (page->next.empty() || tickets.size() >= most) return tickets;
        if (page->next == question.after) return std::unexpected(not_weir());
        question.after = std::move(page->next);
    }
}

std::expected<Ticket, Refusal> TicketDesk::first(TicketQuestion question) const {
    question.limit = 1;
    auto found = all(std::move(question), 1);
    if (!found) return std::unexpected(found.error());
    if (found->empty()) return std::unexpected(Refusal{Exit::not_found, "there is no such ticket"});
    return std::move(found->front());
}

std::expected<Ticket, Refusal> TicketDesk::one(std::string_view id) const {
    Scanned answer;
    if (auto asked = ask(fmt::format("{}/{}", root, id), {}, answer); !asked) return std::unexpected(asked.error());
    return ticket_of(answer.value(), answer.space);
}

std::expected<Ticket, Refusal> TicketDesk::decide(std::string_view id, std::string_view decision,
                                                  std::string_view note) const {
    json::Text body;
    body.begin_object().name("decision").string(decision).name("note").string(as_utf8(note)).end_object();
    Scanned answer;
    if (auto asked = ask(fmt::format("{}/{}/decision", root, id), body.text(), answer); !asked)
        return std::unexpected(asked.error());
    return ticket_of(answer.value(), answer.space);
}

std::expected<std::string, Refusal> choose_ticket(std::span<const Ticket> tickets, std::string_view word, Last last) {
    if (word == "last") {
        const Ticket* newest = nullptr;
        for (const Ticket& each : tickets) {
            if (last == Last::approved ? each.state != "approved" : last == Last::waiting && !each.waits()) continue;
            const bool newer = newest == nullptr || std::pair(each.waits(), each.created_ns) >=
                                                        std::pair(newest->waits(), newest->created_ns);
            if (newer) newest = &each;
        }
        if (newest != nullptr) return newest->id;
        return std::unexpected(Refusal{Exit::not_found, last == Last::approved  ? "nothing is approved that has not run"
                                                        : last == Last::waiting ? "nothing waits for approval"
                                                                                : "there are no tickets"});
    }
    const std::string beginning = word.starts_with("ap_") ? std::string(word) : fmt::format("ap_{}", word);
    for (const bool waiting : {true, false}) {
        std::vector<std::string> found;
        for (const Ticket& each : tickets)
            if (each.waits() == waiting && each.id.starts_with(beginning)) found.push_back(each.id);
        if (found.size() == 1) return found[0];
        if (found.empty()) continue;
        const size_t count = found.size();
        found.resize(std::min<size_t>(count, 5));
        return std::unexpected(Refusal{Exit::usage, fmt::format("{} tickets begin with \"{}\": {}{}", count, word,
                                                                joined(found, " "), count > 5 ? " ..." : "")});
    }
    return std::unexpected(
        Refusal{Exit::not_found, fmt::format("no ticket \"{}\"; `weir approvals list --all` shows them", word)});
}

std::string time_left(uint64_t until_ns, uint64_t now_ns) {
    const uint64_t seconds = until_ns > now_ns ? (until_ns - now_ns) / s_ns : 0;
    if (seconds < 60) return fmt::format("{}s", seconds);
    if (seconds < 3600) return fmt::format("{}m {}s", seconds / 60, seconds % 60);
    if (seconds < 86'400) return fmt::format("{}h {}m", seconds / 3600, seconds / 60 % 60);
    return fmt::format("{}d {}h", seconds / 86'400, seconds / 3600 % 24);
}

std::string approvers(const Ticket& ticket) {
    std::string out;
    for (const auto& each : ticket.by) {
        if (!out.empty()) out += "; and ";
        out += joined(each, " or ");
    }
    return out;
}

std::string laid_out(std::string_view json) {
    Scanned scanned;
    if (!scanned.scan(json)) return printable(json);
    std::string out;
    lay_out(scanned.value(), 0, scanned.space, out);
    return out;
}

std::string ticket_page(const Ticket& ticket, uint64_t now_ns, bool utc) {
    std::string out = printable(ticket.id) + "  " + printable(ticket.state);
    if (ticket.waits()) out += ", " + time_left(ticket.expires_ns, now_ns) + " left";
    out += '\n';
    const auto line = [&](std::string_view name, const std::string& text) {
        if (!text.empty()) out += fmt::format("  {:<10}{}\n", name, printable(text));
    };
    const auto time = [&](uint64_t ns) {
        if (ns == 0) return std::string();
        if (utc) return utc_time(ns);
        return ns > now_ns ? fmt::format("in {} ({})", time_left(ns, now_ns), utc_time(ns))
                           : fmt::format("{} ({})", ago(ns, now_ns), utc_time(ns));
    };
    line("who", who(ticket));
    line("subject", ticket.asker);
    if (ticket.principal != who(ticket)) line("principal", ticket.principal);
    line("client", ticket.client);
    line("server", ticket.server);
    line("method", ticket.method);
    line("name", ticket.name);
    line("reason", ticket.reason);
    line("policies", joined(ticket.policies, ", "));
    line("approvers", approvers(ticket));
    line("asked", time(ticket.created_ns));
    line("expires", time(ticket.expires_ns));
    line("decided",
         ticket.decided_by.empty()
             ? ""
             : fmt::format("by {}, {}{}{}", ticket.decider.empty() ? ticket.decided_by : ticket.decider,
                           time(ticket.decided_ns), ticket.decided_note.empty() ? "" : ": ", ticket.decided_note));
    const auto marks = [&] { // for whoever looks things up; below what is to be decided about
        line("session", ticket.session);
        line("digest", ticket.digest);
        return out;
    };
    if (ticket.body.empty()) return marks();
    Scanned body;
    const bool good = body.scan(ticket.body);
    const json::Value params = good ? body.value().find("params") : json::Value();
    const json::Value arguments = params.find("arguments");
    if (const json::Value shown = arguments ? arguments : params; shown)
        out += "\n" + std::string(arguments ? "arguments" : "params") + "\n" + indented(laid_out(shown.raw()));
    out += "\nexactly what will run\n" + indented(printable(ticket.body)) + "\n";
    return marks();
}

Table ticket_table(std::span<const Ticket> tickets, uint64_t now_ns, bool terminal) {
    Table table({"ticket", "state", "who", "call", "asked", terminal ? "left" : "expires", "reason"});
    for (const Ticket& each : tickets) {
        const bool waits = each.waits();
        table.row({{each.id},
                   {each.state, waits                      ? Tone::warn
                                : each.state == "answered" ? Tone::good
                                                           : Tone::plain},
                   {who(each)},
                   {call(each)},
                   {terminal ? ago(each.created_ns, now_ns) : utc_time(each.created_ns), Tone::faint},
                   {each.expires_ns == 0 ? std::string("-")
                    : terminal           ? time_left(each.expires_ns, now_ns)
                                         : utc_time(each.expires_ns),
                    waits && each.expires_ns < now_ns + 60 * s_ns ? Tone::bad : Tone::faint},
                   {each.reason}});
    }
    return table;
}

std::string ticket_line(const Ticket& ticket, uint64_t time_ns) {
    std::string out = utc_time(time_ns);
    for (const std::string& text :
         {ticket.id, ticket.state, who(ticket), call(ticket), ticket.reason, ticket.decided_by, ticket.decided_note})
        out += "\t" + printable(text);
    return out + "\n";
}

} // namespace weir::cli
