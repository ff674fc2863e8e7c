// gateway/desk_routes.cc - from paths to pages, lists, tickets and decisions.
#include "gateway/desk_routes.h"

#include "gateway/authentication.h"
#include "gateway/desk_guard.h"
#include "json/scan.h"
#include "json/utf8.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
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
constexpr std::string_view approvals = desk_path, whoami_path = "/api/v1/whoami";

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
    return {.status = status,
            .body = out.end_object().text(),
            .etag = ticket == nullptr ? std::string() : etag_of(ticket->version)};
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

/// What a list is asked for.
struct Question {
    control::Listing listing{.count_max = listed_max};
    std::optional<post::TicketState> state;
    std::optional<std::string> server, name;
    bool mine = false; // what the asking person asked for
};

/// `%41` to `A`; nothing when a percent sign is followed by something else.
std::optional<std::string> decoded(std::string_view text) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        uint8_t octet = 0;
        const char* const end = text.data() + std::min(i + 3, text.size());
        const auto [stop, error] = std::from_chars(text.data() + i + 1, end, octet, 16);
        if (error != std::errc() || stop != text.data() + i + 3) return std::nullopt;
        out += static_cast<char>(octet);
        i += 2;
    }
    return out;
}

/// One of a list's questions. False: it is none, or has no such answer.
bool read_member(std::string_view name, std::string value, bool person, Question& into) {
    const bool flag = value == "1" || value == "0";
    if (name == "all" && flag) {
        into.listing.all = value == "1";
    } else if (name == "mine" && flag && person) {
        into.mine = value == "1";
    } else if (name == "state") {
        const auto found = std::ranges::find(states, value);
        if (found == states.end() || found == states.begin()) return false;
        into.state = static_cast<post::TicketState>(found - states.begin());
    } else if (name == "server") {
        into.server = std::move(value);
    } else if (name == "name") {
        into.name = std::move(value);
    } else if (name == "id") {
        if (!approve::is_ticket_id(value, true)) return false;
        into.listing.prefix = std::move(value);
    } else if (name == "newest" && flag) {
        into.listing.newest_first = value == "1";
    } else if (name == "after") {
        into.listing.after = std::move(value);
    } else if (name == "limit") {
        const char* const end = value.data() + value.size();
        const auto [stop, error] = std::from_chars(value.data(), end, into.listing.count_max);
        return error == std::errc() && stop == end && into.listing.count_max - 1 < listed_max;
    } else {
        return false;
    }
    return true;
}

std::expected<Question, std::string> read_question(std::string_view query, bool person) {
    Question question;
    while (!query.empty()) {
        const std::string_view member = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(query.size(), member.size() + 1));
        const size_t equals = std::min(member.find('='), member.size());
        auto value = decoded(member.substr(std::min(equals + 1, member.size())));
        if (!value || !read_member(member.substr(0, equals), std::move(*value), person, question))
            return std::unexpected(
                fmt::format("what may be asked is all=1, state=STATE, server=NAME, name=NAME, id=BEGINNING, newest=1, "
                            "{}limit=1 to {} and after=NEXT",
                            person ? "mine=1, " : "", listed_max));
    }
    // A state that nothing in the short list has is asked for by name: so the long one is meant.
    if (question.state && *question.state > post::TicketState::executing) question.listing.all = true;
    return question;
}

DeskReply list(const DeskRequest& request, const DeskParts& parts, const approve::Decider* person) {
    auto question = read_question(request.query, person != nullptr);
    if (!question) return error(400, "invalid", question.error());
    control::Listing listing = std::move(question->listing);
    // Asked on another thread, which may be late: it gets copies.
    listing.wanted = [state = question->state, server = question->server, name = question->name, mine = question->mine,
                      who = person == nullptr ? std::nullopt : std::optional(*person)](const TicketView& ticket) {
        if ((state && ticket.state != *state) || (server && ticket.server != *server) || (name && ticket.name != *name))
            return false;
        return !who || (mine ? approve::is_asker(*who, ticket.asker) : approve::may_see(*who, ticket.asker, ticket.by));
    };
    const auto listed = parts.list(std::move(listing));
    if (!listed && listed.error() == Error::invalid)
        return error(400, "invalid", "`after` is the `next` of the page before");
    if (!listed) return unavailable();
    json::Text out;
    out.begin_object().name("approvals").begin_array();
    for (const TicketView& ticket : listed->tickets) write_ticket(out, ticket, false);
    out.end_array().name("more").boolean(!listed->next.empty());
    if (!listed->next.empty()) out.name("next").string(listed->next);
    return {.body = out.end_object().text()};
}

DeskReply show(const DeskParts& parts, std::string_view id, const approve::Decider* person) {
    const auto ticket = parts.find(id);
    if (!ticket && ticket.error() == Error::not_found) return error(404, "not_found", "no such ticket");
    if (!ticket) return unavailable();
    if (person != nullptr && !approve::may_see(*person, ticket->asker, ticket->by))
        return error(403, name_of(approve::Right::not_named), text_of(approve::Right::not_named));
    json::Text out;
    write_ticket(out, *ticket, true);
    return {.body = out.text(), .etag = etag_of(ticket->version)};
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

control::Actor actor_of(const DeskRequest& request, const approve::Decider* person) {
    if (person != nullptr) return {fmt::format("token:{}:{}", person->issuer, person->subject), *person};
    return {fmt::format("unix:{}:{}", request.visitor.uid, as_json_text(request.visitor.name))};
}

/// What became of a decision, in HTTP.
DeskReply reply_to(const control::Decided& decided) {
    const TicketView& ticket = decided.ticket;
    const auto standing = [&](std::string_view what) {
        return fmt::format("{} is {} {}{}{}{}{}", ticket.id, name_of(ticket.state), what,
                           ticket.decided_by.empty() ? "" : ", decided by ", ticket.decided_by,
                           ticket.decided_note.empty() ? "" : ": ", ticket.decided_note);
    };
    switch (decided.outcome) {
        case control::Outcome::done:
        case control::Outcome::unchanged: break;
        case control::Outcome::not_found: return error(404, "not_found", "no such ticket");
        case control::Outcome::conflict: return error(409, "conflict", standing("already"), &ticket);
        case control::Outcome::changed:
            return error(412, "changed",
                         standing(fmt::format("in version {}, which If-Match does not name", ticket.version)), &ticket);
        case control::Outcome::forbidden: return error(403, name_of(decided.right), text_of(decided.right));
        case control::Outcome::said: return kept_reply(decided.said);
        case control::Outcome::other_request:
            return error(422, "key_reused", "this Idempotency-Key was sent with another decision");
        case control::Outcome::unavailable: return unavailable();
        case control::Outcome::unknown: return error(504, decision_unknown, decision_unknown_text);
    }
    json::Text out;
    write_ticket(out, ticket, false);
    return {.body = out.text(), .etag = etag_of(ticket.version)};
}

DeskReply decide(const DeskParts& parts, std::string_view id, const DeskRequest& request,
                 const approve::Decider* person) {
    const auto word = read_decision(request.body);
    if (!word) return error(400, "invalid", word.error());
    auto guard = read_guard(request, id);
    if (!guard) return error(400, "invalid", guard.error());
    guard->write = [](const control::Decided& decided) { return kept_text(reply_to(decided)); };
    return reply_to(parts.decide(id, word->verb, actor_of(request, person), word->note, std::move(*guard)));
}

/// As whom the desk takes who asks.
DeskReply whoami(const DeskRequest& request, const approve::Decider* person) {
    json::Text out;
    out.begin_object().name("by").string(as_json_text(actor_of(request, person).by));
    if (person != nullptr) {
        out.name("issuer").string(as_json_text(person->issuer)).name("subject").string(as_json_text(person->subject));
        out.name("name").string(as_json_text(person->display));
        write_texts(out.name("groups"), person->groups);
        out.name("groups_known").boolean(person->groups_known);
    }
    return {.body = out.end_object().text()};
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
    if (!ticket.asker.issuer.empty()) {
        text("issuer", ticket.asker.issuer);
        if (!ticket.asker.subjects.empty()) text("subject", ticket.asker.subjects.front());
    }
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
    if (!ticket.decider_issuer.empty()) {
        out.name("decider").begin_object();
        text("issuer", ticket.decider_issuer);
        text("subject", ticket.decider_subject);
        text("name", ticket.decider_name);
        out.end_object();
    }
    text("decided_note", ticket.decided_note);
    number("decided_unix_ns", ticket.decided_unix_ns);
    if (body) text("body", ticket.body);
    out.end_object();
}

DeskReply answer_desk(const DeskRequest& request, const DeskParts& parts, const approve::Decider* person) {
    std::string_view rest = request.path;
    if (rest == whoami_path && request.method == http::Method::get) return whoami(request, person);
    if (!is_approvals(rest) || rest == whoami_path) {
        if (person != nullptr) return error(404, "not_found", "no such page");
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
    if (decision) return decide(parts, rest, request, person);
    if (!rest.empty()) return show(parts, rest, person);
    return list(request, parts, person);
}

post::DeskNews answer_person(const post::DeskAsk& ask, const DeskParts& parts) {
    DeskRequest request;
    request.method = ask.posted ? http::Method::post : http::Method::get;
    request.path = ask.path;
    request.query = ask.query;
    request.body = ask.body;
    request.if_match = ask.if_match;
    request.idempotency_key = ask.idempotency_key;
    DeskReply reply = answer_desk(request, parts, &ask.who);
    return {.waiter = ask.waiter, .status = reply.status, .body = std::move(reply.body), .etag = std::move(reply.etag)};
}

bool is_approvals(std::string_view path) {
    return path == whoami_path ||
           (path.starts_with(approvals) && (path.size() == approvals.size() || path[approvals.size()] == '/'));
}

} // namespace weir::gateway
