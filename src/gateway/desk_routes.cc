// gateway/desk_routes.cc - from paths to pages, lists, tickets and decisions.
#include "gateway/desk_routes.h"

#include "json/scan.h"
#include "json/utf8.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>

namespace weir::gateway {
namespace {

using control::DeskReply;
using control::DeskRequest;
using control::TicketView;
using control::Verb;

constexpr size_t listed_max = 1000; // tickets of one answer
constexpr size_t note_bytes_max = 4096;
constexpr std::string_view approvals = "/api/v1/approvals";

// In the order of post::TicketState.
constexpr std::array<std::string_view, 10> states = {"unavailable", "pending", "approved", "executing", "answered",
                                                     "ambiguous",   "denied",  "expired",  "withdrawn", "revoked"};
// In the order of Verb.
constexpr std::array<std::string_view, 4> verbs = {"approve", "deny", "withdraw", "revoke"};

std::string_view name_of(post::TicketState state) { return states.at(static_cast<size_t>(state)); }

/// `text` if it is UTF-8, else with '?' for each octet beyond ASCII.
std::string as_json_text(std::string_view text) {
    std::string out(text);
    if (!json::valid_utf8(text)) std::ranges::replace_if(out, [](char octet) { return octet < 0; }, '?');
    return out;
}

DeskReply error(uint16_t status, std::string_view name, std::string_view text, const TicketView* ticket = nullptr) {
    json::Text out;
    out.begin_object().name("error").string(name).name("text").string(as_json_text(text));
    if (ticket != nullptr) write_ticket(out.name("ticket"), *ticket, false);
    return {.status = status, .body = out.end_object().text()};
}

DeskReply unavailable() {
    return error(503, "approvals_unavailable",
                 "the store of approvals does not answer: see weir's log; nothing was decided");
}

void write_texts(json::Text& out, const std::vector<std::string>& texts) {
    out.begin_array();
    for (const std::string& text : texts) out.string(as_json_text(text));
    out.end_array();
}

DeskReply list(const DeskParts& parts, bool all) {
    const auto tickets = parts.list(all, listed_max + 1);
    if (!tickets) return unavailable();
    json::Text out;
    out.begin_object().name("approvals").begin_array();
    for (size_t i = 0; i < std::min(tickets->size(), listed_max); ++i) write_ticket(out, (*tickets)[i], false);
    out.end_array().name("more").boolean(tickets->size() > listed_max).end_object();
    return {.body = out.text()};
}

DeskReply show(const DeskParts& parts, std::string_view id) {
    const auto ticket = parts.find(id);
    if (!ticket && ticket.error() == Error::not_found) return error(404, "not_found", "no such ticket");
    if (!ticket) return unavailable();
    json::Text out;
    write_ticket(out, *ticket, true);
    return {.body = out.text()};
}

struct Word {
    Verb verb{};
    std::string note;
};

/// What a person decided, or what is wrong with how it was said.
std::expected<Word, std::string> read_decision(std::string_view body) {
    BufferPool pool;
    PaddedBytes text(pool);
    text.append(body);
    json::Scanner scanner{json::ScanLimits{.text_bytes_max = 1 << 20}};
    const auto document = scanner.scan(text.padded());
    if (!document) return std::unexpected(std::string(row_of(document.error()).text));
    const json::Value root = json::Value::root(*document);
    if (!root.is(json::Kind::object)) return std::unexpected("the body must be a JSON object");
    Workspace space(pool);
    std::optional<Verb> verb;
    Word word;
    for (const auto& [name, value] : root.members()) {
        const std::string_view said = value.string(space);
        if (name.equals("decision") && value.is(json::Kind::string)) {
            const auto found = std::ranges::find(verbs, said);
            if (found != verbs.end()) verb = static_cast<Verb>(found - verbs.begin());
        } else if (name.equals("note") && value.is(json::Kind::string)) {
            word.note = said;
        } else {
            return std::unexpected("the members are decision and note, both strings");
        }
    }
    if (!verb) return std::unexpected("decision must be approve, deny, withdraw or revoke");
    if (word.note.size() > note_bytes_max)
        return std::unexpected(fmt::format("the note has more than {} octets", note_bytes_max));
    word.verb = *verb;
    return word;
}

DeskReply decide(const DeskParts& parts, std::string_view id, const DeskRequest& request) {
    const auto word = read_decision(request.body);
    if (!word) return error(400, "invalid", word.error());
    const std::string by = fmt::format("unix:{}:{}", request.visitor.uid, as_json_text(request.visitor.name));
    const control::Decided decided = parts.decide(id, word->verb, by, word->note);
    const TicketView& ticket = decided.ticket;
    switch (decided.outcome) {
        case control::Outcome::done:
        case control::Outcome::unchanged: break;
        case control::Outcome::not_found: return error(404, "not_found", "no such ticket");
        case control::Outcome::conflict:
            return error(409, "conflict",
                         fmt::format("{} is {} already{}{}{}{}", ticket.id, name_of(ticket.state),
                                     ticket.decided_by.empty() ? "" : ", decided by ", ticket.decided_by,
                                     ticket.decided_note.empty() ? "" : ": ", ticket.decided_note),
                         &ticket);
        case control::Outcome::unavailable: return unavailable();
    }
    json::Text out;
    write_ticket(out, ticket, false);
    return {.body = out.text()};
}

DeskReply page(const DeskRequest& request, const DeskParts& parts) {
    BufferPool pool;
    PaddedBytes out(pool);
    const Page made = parts.page(request.path, out);
    return {.status = made.status, .type = made.type, .body = std::string(out.text())};
}

} // namespace

void write_ticket(json::Text& out, const TicketView& ticket, bool body) {
    const auto text = [&](std::string_view name, std::string_view value) {
        out.name(name).string(as_json_text(value));
    };
    const auto number = [&](std::string_view name, uint64_t value) {
        out.name(name).number(static_cast<int64_t>(value));
    };
    out.begin_object();
    text("id", ticket.id);
    text("state", name_of(ticket.state));
    number("version", ticket.version);
    text("principal", ticket.principal);
    text("person", ticket.person);
    text("client", ticket.client);
    text("server", ticket.server);
    text("method", ticket.method);
    text("name", ticket.name);
    text("reason", ticket.reason);
    write_texts(out.name("policies"), ticket.policies);
    out.name("by").begin_array();
    for (const auto& who : ticket.by) write_texts(out, who);
    out.end_array();
    text("session", ticket.session_key);
    number("generation", ticket.generation);
    text("digest", ticket.digest);
    number("created_unix_ns", ticket.created_unix_ns);
    number("expires_unix_ns", ticket.expires_unix_ns);
    text("decided_by", ticket.decided_by);
    text("decided_note", ticket.decided_note);
    number("decided_unix_ns", ticket.decided_unix_ns);
    if (body) text("body", ticket.body);
    out.end_object();
}

DeskReply answer_desk(const DeskRequest& request, const DeskParts& parts) {
    std::string_view rest = request.path;
    if (!rest.starts_with(approvals) || (rest.size() > approvals.size() && rest[approvals.size()] != '/')) {
        if (request.method != http::Method::get) return error(405, "method_not_allowed", "pages are read with GET");
        return page(request, parts);
    }
    if (!parts.list || !parts.decide) return unavailable();
    rest.remove_prefix(std::min(rest.size(), approvals.size() + 1));
    const bool decision = rest.ends_with("/decision");
    if (decision) rest.remove_suffix(std::string_view("/decision").size());
    if (rest.find('/') != std::string_view::npos || (decision && rest.empty()))
        return error(404, "not_found", "no such page");
    if (request.method != (decision ? http::Method::post : http::Method::get))
        return error(405, "method_not_allowed",
                     decision ? "decisions are made with POST" : "tickets are read with GET");
    if (decision) return decide(parts, rest, request);
    if (!rest.empty()) return show(parts, rest);
    if (!request.query.empty() && request.query != "all=1" && request.query != "all=0")
        return error(400, "invalid", "the only question is all=1");
    return list(parts, request.query == "all=1");
}

} // namespace weir::gateway
