// control/docket_turns.cc - what happens to tickets: asked for, joined, decided, claimed, answered, expired.
//
// Each runs within a group's transaction and takes part in its undoing; what is to be told is collected, and told when the
// group is on disk.
#include "control/docket.h"
#include "crypto/hex.h"
#include "crypto/secret.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <tuple>

namespace weir::control {
namespace {

using approve::State;
using approve::Turn;
using post::TicketState;

TicketState shown(State state) {
    switch (state) {
        case State::pending: return TicketState::pending;
        case State::approved: return TicketState::approved;
        case State::executing: return TicketState::executing;
        case State::answered: return TicketState::answered;
        case State::ambiguous: return TicketState::ambiguous;
        case State::denied: return TicketState::denied;
        case State::expired: return TicketState::expired;
        case State::withdrawn: return TicketState::withdrawn;
        case State::revoked: return TicketState::revoked;
    }
    return TicketState::unavailable;
}

record::Kind kind_of(State state) {
    switch (state) {
        case State::pending: return record::Kind::held;
        case State::approved: return record::Kind::approved;
        case State::executing: return record::Kind::executing;
        case State::answered: return record::Kind::answered;
        case State::ambiguous: return record::Kind::ambiguous;
        case State::denied: return record::Kind::denied;
        case State::expired: return record::Kind::expired;
        case State::withdrawn: return record::Kind::withdrawn;
        case State::revoked: return record::Kind::withdrawn;
    }
    return record::Kind::ambiguous;
}

Turn turn_of(Verb verb) {
    switch (verb) {
        case Verb::approve: return Turn::approve;
        case Verb::deny: return Turn::deny;
        case Verb::withdraw: return Turn::withdraw;
        case Verb::revoke: return Turn::revoke;
    }
    return Turn::deny;
}

TicketView view_of(const Ticket& t, bool body = true) {
    TicketView view;
    view.id = t.id;
    view.state = shown(t.state);
    view.version = t.version;
    view.principal = t.principal;
    view.person = t.person;
    view.client = t.client;
    view.server = t.server;
    view.method = t.method;
    view.name = t.name;
    view.digest.resize(64);
    crypto::write_hex({reinterpret_cast<const char*>(t.digest.data()), t.digest.size()}, view.digest.data());
    if (body) view.body = t.body;
    view.by = t.by;
    view.policies = t.policies;
    view.reason = t.reason;
    view.session_key = t.session_key;
    view.generation = t.generation;
    view.created_unix_ns = t.created_ns;
    if (t.state == State::pending || t.state == State::approved) view.expires_unix_ns = t.expires_ns;
    view.decided_by = t.decided_by;
    view.decided_note = t.decided_note;
    view.decider_issuer = t.decider.issuer;
    view.decider_subject = t.decider.subject;
    view.decider_name = t.decider.display;
    view.asker = t.asker;
    view.decided_unix_ns = t.decided_ns;
    return view;
}

/// Whether what people were asked, or have said yes to, was a call of a tool that has been changed since.
bool of_another_tool(const Ticket& ticket, const post::HeldCall& call) {
    const std::array<uint8_t, 32> unknown{};
    return (ticket.state == State::pending || ticket.state == State::approved) && ticket.definition != unknown &&
           call.definition != unknown && ticket.definition != call.definition;
}

/// Who it is by their token, if by one.
Person person_of(const Actor& actor) {
    if (!actor.person) return {};
    return {actor.person->issuer, actor.person->subject, actor.person->display};
}

/// A place in a listing as its pages name it: among those that are not over, or those that are.
struct Place {
    bool over = false;
    uint64_t created_ns = 0;
    std::string id{};
};

std::string text_of(const Place& place) {
    return (place.over ? "o." : "w.") + std::to_string(place.created_ns) + "." + place.id;
}

std::optional<Place> read_place(std::string_view text) {
    Place place{.over = text.starts_with("o.")};
    if (!place.over && !text.starts_with("w.")) return std::nullopt;
    text.remove_prefix(2);
    const char* const end = text.data() + text.size();
    const auto [dot, error] = std::from_chars(text.data(), end, place.created_ns);
    if (error != std::errc() || dot == end || *dot != '.') return std::nullopt;
    place.id = std::string_view(dot + 1, end);
    if (!approve::is_ticket_id(place.id)) return std::nullopt;
    return place;
}

/// What a waiting client is told of how it ended.
std::string told_text(const Ticket& t) {
    const auto who = [&](std::string_view word) {
        std::string text = "the approval " + t.id + " was " + std::string(word);
        if (!t.decided_note.empty()) text += ": " + t.decided_note;
        return text;
    };
    switch (t.state) {
        case State::denied: return who("refused");
        case State::withdrawn: return who("withdrawn");
        case State::revoked: return who("revoked");
        case State::expired: return "nobody decided about " + t.id + " in time";
        case State::ambiguous:
            return "the call of " + t.id +
                   " was approved and may have run; its outcome is not known. Find out before you ask again.";
        case State::pending:
        case State::approved:
        case State::executing:
        case State::answered: break;
    }
    return {};
}

} // namespace

// Turns.

void Docket::remember_before(const std::string& id) {
    const auto found = live_.find(id);
    undo_.push_back({id, found != live_.end(), found == live_.end() ? Ticket{} : found->second.ticket});
}

OrText<void> Docket::save(Live& entry, uint64_t version) {
    const auto saved = table_->update(entry.ticket, version);
    if (!saved) return std::unexpected(saved.error());
    if (!*saved) return std::unexpected("ticket " + entry.ticket.id + " was changed by somebody else");
    return {};
}

/// Takes `how` if it may follow; false: it may not, and nothing has changed.
OrText<bool> Docket::take(Live& entry, Turn how, std::string by, std::string note, Person person) {
    Ticket& ticket = entry.ticket;
    const auto next = approve::after(ticket.state, how);
    if (!next) return false;
    remember_before(ticket.id);
    const uint64_t version = ticket.version++, wall = now();
    ticket.state = *next;
    if (how == Turn::approve || how == Turn::deny || how == Turn::withdraw || how == Turn::revoke) {
        ticket.decided_by = by;
        ticket.decider = person;
        ticket.decided_note = note;
        ticket.decided_ns = wall;
    }
    if (how == Turn::approve) ticket.expires_ns = wall + options_.limits.claim_ns_max;
    if (how == Turn::claim) ticket.expires_ns = UINT64_MAX >> 1;
    if (how == Turn::put_back) ticket.expires_ns = wall + options_.limits.claim_ns_max;
    if (approve::is_over(ticket.state)) ticket.stands_ns = wall + options_.limits.answer_kept_ns_max;
    if (const auto saved = save(entry, version); !saved) return std::unexpected(saved.error());
    if (const auto noted = table_->remember(
            {.number = 0,
             .ticket = ticket.id,
             .version = ticket.version,
             .kind = static_cast<uint16_t>(how == Turn::put_back ? record::Kind::approved : kind_of(ticket.state)),
             .by = std::move(by),
             .text = std::move(note),
             .person = std::move(person)});
        !noted)
        return std::unexpected(noted.error());
    return true;
}

/// A wish that is not granted changes nothing but the version, which makes its entry one of its own.
OrText<void> Docket::refuse(Live& entry, const DecideQuestion& question, approve::Right right) {
    Ticket& ticket = entry.ticket;
    remember_before(ticket.id);
    const uint64_t version = ticket.version++;
    if (const auto saved = save(entry, version); !saved) return saved;
    return table_->remember({.number = 0,
                             .ticket = ticket.id,
                             .version = ticket.version,
                             .kind = static_cast<uint16_t>(record::Kind::not_entitled),
                             .by = question.actor.by,
                             .text = std::string(approve::text_of(right)),
                             .person = person_of(question.actor)});
}

OrText<void> Docket::expire_due() {
    const uint64_t wall = now();
    std::vector<std::string> due;
    for (const auto& [id, entry] : live_)
        if ((approve::is_over(entry.ticket.state) ? entry.ticket.stands_ns : entry.ticket.expires_ns) <= wall)
            due.push_back(id);
    for (const auto& id : due) {
        Live& entry = live_.at(id);
        if (approve::is_over(entry.ticket.state)) {
            forget(id);
            continue;
        }
        const bool unused = entry.ticket.state == State::approved;
        const auto taken = take(entry, Turn::expire, "weir",
                                unused ? "approved, and nobody asked again in time" : "nobody decided in time");
        if (!taken) return std::unexpected(taken.error());
        if (*taken) tell_all(entry);
    }
    return {};
}

// What workers ask.

OrText<void> Docket::ask(post::ApprovalAsk&& ask) {
    using Kind = post::ApprovalAsk::Kind;
    switch (ask.kind) {
        case Kind::submit: return submit(ask);
        case Kind::claim: return claim(ask);
        case Kind::finish: return finish(ask);
        case Kind::put_back:
            drop_waiter(ask);
            if (const auto found = live_.find(ask.ticket); found != live_.end()) {
                const auto taken =
                    take(found->second, Turn::put_back, "weir", ask.body.empty() ? "not one octet had left" : ask.body);
                if (!taken) return std::unexpected(taken.error());
                if (*taken) tell_all(found->second);
            }
            return {};
        case Kind::delivered:
            drop_waiter(ask);
            if (const auto found = live_.find(ask.ticket); found != live_.end()) {
                remember_before(ask.ticket);
                Ticket& ticket = found->second.ticket;
                ticket.answer.clear();
                ticket.stands_ns = now();
                ticket.told = true;
                return save(found->second, ticket.version);
            }
            return {};
        case Kind::leave: drop_waiter(ask); return {};
    }
    return {};
}

OrText<void> Docket::submit(post::ApprovalAsk& ask) {
    post::HeldCall& call = *ask.call;
    const Waiter waiter{ask.worker, ask.waiter};
    bool may_have_run = false;
    const auto known = by_digest_.find(call.digest);
    if (known != by_digest_.end() && of_another_tool(live_.at(known->second).ticket, call)) {
        // It stays among those that are over until its time; its digest goes to the new one.
        Live& entry = live_.at(known->second);
        const Turn how = entry.ticket.state == State::pending ? Turn::withdraw : Turn::revoke;
        const auto taken = take(entry, how, "weir", "the tool was changed since it was asked for");
        if (!taken) return std::unexpected(taken.error());
        tell_all(entry);
    } else if (known != by_digest_.end()) {
        Live& entry = live_.at(known->second);
        Ticket& ticket = entry.ticket;
        // A refusal stands for its time, so that asking again and again moves nobody; the rest is told once.
        if (!approve::is_over(ticket.state) || ticket.state == State::denied || !ticket.told) {
            entry.waiters.push_back(waiter);
            news_to(entry, waiter, Says::answer);
            if (approve::is_over(ticket.state) && ticket.state != State::answered && !ticket.told) {
                remember_before(ticket.id);
                ticket.told = true;
                return save(entry, ticket.version);
            }
            return {};
        }
        may_have_run = ticket.state == State::ambiguous;
        remember_before(ticket.id);
        forget(std::string(known->second));
    }
    size_t pending = 0, of_principal = 0;
    if (live_.size() >= std::min(options_.limits.approvals_max, options_.limits.approvals_per_principal_max)) {
        for (const auto& [id, entry] : live_) { // only when a cap may be near
            if (entry.ticket.state != State::pending) continue;
            ++pending;
            of_principal += entry.ticket.principal == call.principal;
        }
    }
    if (pending >= options_.limits.approvals_max || of_principal >= options_.limits.approvals_per_principal_max) {
        unavailable(ask, "too many calls wait for approval already");
        return {};
    }
    std::array<uint8_t, 16> bits{};
    if (!options_.random(bits)) return std::unexpected(std::string("the kernel gives no random octets"));
    Ticket ticket;
    ticket.id = approve::ticket_id(bits);
    ticket.digest = call.digest;
    ticket.definition = call.definition;
    ticket.principal = std::move(call.principal);
    ticket.person = std::move(call.person);
    ticket.asker = std::move(call.asker);
    ticket.client = std::move(call.client);
    ticket.server = std::move(call.server);
    ticket.method = std::move(call.method);
    ticket.name = std::move(call.name);
    ticket.body = std::move(call.body);
    ticket.reason = std::move(call.reason);
    if (may_have_run) ticket.reason = "The same call was approved before and may already have run. " + ticket.reason;
    ticket.session_key = std::move(call.session_key);
    ticket.by = std::move(call.by);
    ticket.policies = std::move(call.policies);
    ticket.generation = call.generation;
    ticket.created_ns = now();
    ticket.expires_ns = ticket.created_ns + call.within_ns;
    remember_before(ticket.id);
    if (const auto inserted = table_->insert(ticket); !inserted) return inserted;
    if (const auto noted = table_->remember({.number = 0,
                                             .ticket = ticket.id,
                                             .version = ticket.version,
                                             .kind = static_cast<uint16_t>(record::Kind::held),
                                             .by = {},
                                             .text = ticket.reason});
        !noted)
        return noted;
    by_digest_[ticket.digest] = ticket.id;
    const std::string id = ticket.id;
    Live& entry = live_.emplace(id, Live{std::move(ticket), {waiter}}).first->second;
    news_to(entry, waiter, Says::answer);
    return {};
}

OrText<void> Docket::claim(post::ApprovalAsk& ask) {
    const auto found = live_.find(ask.ticket);
    if (found == live_.end()) {
        unavailable(ask, "the approval is gone");
        return {};
    }
    const auto taken = take(found->second, Turn::claim, "weir", {});
    if (!taken) return std::unexpected(taken.error());
    news_to(found->second, {ask.worker, ask.waiter}, *taken ? Says::grant : Says::answer);
    if (!*taken) return {};
    for (const Waiter& waiter : found->second.waiters)
        if (waiter.worker != ask.worker || waiter.ref != ask.waiter) news_to(found->second, waiter, Says::change);
    return {};
}

OrText<void> Docket::finish(post::ApprovalAsk& ask) {
    const auto found = live_.find(ask.ticket);
    if (found == live_.end()) return {};
    Ticket& ticket = found->second.ticket;
    if (ticket.state == State::executing && !ask.ambiguous && ask.body.size() <= options_.limits.answer_kept_bytes_max)
        ticket.answer = ask.body; // a copy: this may have to be tried again
    const auto taken = take(found->second, ask.ambiguous ? Turn::lose : Turn::answer, "weir",
                            ask.ambiguous ? "it had left, and no answer came whole" : std::string());
    if (!taken) return std::unexpected(taken.error());
    if (*taken) tell_all(found->second);
    return {};
}

void Docket::drop_waiter(const post::ApprovalAsk& ask) {
    if (const auto found = live_.find(ask.ticket); found != live_.end())
        std::erase_if(found->second.waiters,
                      [&](const Waiter& waiter) { return waiter.worker == ask.worker && waiter.ref == ask.waiter; });
}

void Docket::forget(const std::string& id) {
    const auto found = live_.find(id);
    if (found == live_.end()) return;
    if (const auto known = by_digest_.find(found->second.ticket.digest);
        known != by_digest_.end() && known->second == id)
        by_digest_.erase(known);
    live_.erase(found);
}

void Docket::news_to(const Live& entry, const Waiter& waiter, Says says) {
    const Ticket& ticket = entry.ticket;
    post::ApprovalNews news;
    news.waiter = waiter.ref;
    news.ticket = ticket.id;
    news.state = shown(ticket.state);
    news.answer = says != Says::change;
    news.granted = says == Says::grant;
    news.expires_unix_ns = ticket.expires_ns;
    news.text = told_text(ticket);
    if (ticket.state == State::approved || news.granted) news.body = ticket.body;
    else if (ticket.state == State::answered) news.body = ticket.answer;
    tellings_.push_back({waiter.worker, std::move(news)});
}

void Docket::tell_all(const Live& entry) {
    for (const Waiter& waiter : entry.waiters) news_to(entry, waiter, Says::change);
}

void Docket::unavailable(const post::ApprovalAsk& ask, std::string_view why) {
    if (ask.kind != post::ApprovalAsk::Kind::submit && ask.kind != post::ApprovalAsk::Kind::claim) return;
    post::ApprovalNews news;
    news.waiter = ask.waiter;
    news.ticket = ask.ticket;
    news.answer = true;
    news.text = why;
    tellings_.push_back({ask.worker, std::move(news)});
}

// What people ask.

Result<Listed> Docket::list(const Listing& listing) {
    const auto after = listing.after.empty() ? std::optional<Place>(Place{}) : read_place(listing.after);
    if (!after) return fail(Error::invalid);
    Listed listed;
    std::vector<TicketView>& views = listed.tickets;
    for (const auto& [id, entry] : live_) {
        const Ticket& ticket = entry.ticket;
        if (approve::is_over(ticket.state) || after->over) continue;
        if (std::tie(ticket.created_ns, ticket.id) <= std::tie(after->created_ns, after->id)) continue;
        TicketView view = view_of(ticket, false);
        if (!listing.wanted || listing.wanted(view)) views.push_back(std::move(view));
    }
    std::ranges::sort(views, {}, [](const TicketView& view) { return std::pair(view.created_unix_ns, view.id); });
    // One more than asked for tells whether there is more.
    const size_t sought = listing.count_max + 1, standing = std::min(views.size(), listing.count_max);
    if (listing.all && views.size() < sought) {
        const PastPlace place = after->over ? PastPlace{after->created_ns, after->id} : PastPlace{};
        const auto wanted = [&](const Ticket& ticket) {
            return !listing.wanted || listing.wanted(view_of(ticket, false));
        };
        const auto past = table_->past(sought - views.size(), place, wanted);
        if (!past) return fail(Error::io_failed);
        for (const Ticket& ticket : *past) views.push_back(view_of(ticket, false));
    }
    if (views.size() <= listing.count_max) return listed;
    views.resize(listing.count_max);
    if (!views.empty()) listed.next = text_of({views.size() > standing, views.back().created_unix_ns, views.back().id});
    return listed;
}

Result<TicketView> Docket::find(const std::string& id) {
    if (const auto found = live_.find(id); found != live_.end()) return view_of(found->second.ticket);
    const auto row = table_->find(id);
    if (!row) return fail(Error::io_failed);
    if (!*row) return fail(Error::not_found);
    return view_of(**row);
}

OrText<void> Docket::decide(DecideQuestion& question) {
    const auto answer = [&](Outcome outcome, const Ticket& ticket, approve::Right right = approve::Right::granted) {
        answers_.push_back([promise = question.answer, outcome, right, view = view_of(ticket)] {
            promise->set_value({outcome, view, right});
        });
    };
    const Turn how = turn_of(question.verb);
    const auto right_about = [&](const Ticket& ticket) {
        if (!question.actor.person) return approve::Right::granted;
        return approve::right_to(how, *question.actor.person, ticket.asker, ticket.by);
    };
    const auto found = live_.find(question.id);
    if (found == live_.end()) {
        const auto row = table_->find(question.id);
        if (!row) return std::unexpected(row.error());
        if (!*row) answer(Outcome::not_found, {});
        else if (const auto right = right_about(**row); right != approve::Right::granted)
            answer(Outcome::forbidden, **row, right);
        else answer(Outcome::conflict, **row);
        return {};
    }
    Live& entry = found->second;
    if (const auto right = right_about(entry.ticket); right != approve::Right::granted) {
        if (!approve::is_over(entry.ticket.state))
            if (const auto refused = refuse(entry, question, right); !refused) return refused;
        answer(Outcome::forbidden, entry.ticket, right);
        return {};
    }
    const auto taken = take(entry, how, question.actor.by, question.note, person_of(question.actor));
    if (!taken) return std::unexpected(taken.error());
    if (*taken) tell_all(entry);
    const bool same = !*taken && entry.ticket.decided_by == question.actor.by &&
                      entry.ticket.decider == person_of(question.actor) &&
                      ((question.verb == Verb::approve && entry.ticket.state == State::approved) ||
                       (question.verb == Verb::deny && entry.ticket.state == State::denied));
    answer(*taken ? Outcome::done : same ? Outcome::unchanged : Outcome::conflict, entry.ticket);
    return {};
}

} // namespace weir::control
