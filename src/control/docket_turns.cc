// control/docket_turns.cc - what happens to tickets: asked for, joined, decided, claimed, answered, expired.
//
// Each runs within a group's transaction and takes part in its undoing; what is to be told is collected, and told when the
// group is on disk.
#include "control/docket.h"
#include "crypto/hex.h"
#include "crypto/secret.h"

#include <algorithm>

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

TicketView view_of(const Ticket& t) {
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
    view.body = t.body;
    view.by = t.by;
    view.policies = t.policies;
    view.reason = t.reason;
    view.session_key = t.session_key;
    view.generation = t.generation;
    view.created_unix_ns = t.created_ns;
    if (t.state == State::pending || t.state == State::approved) view.expires_unix_ns = t.expires_ns;
    view.decided_by = t.decided_by;
    view.decided_note = t.decided_note;
    view.decided_unix_ns = t.decided_ns;
    return view;
}

/// Whether what people were asked, or have said yes to, was a call of a tool that has been changed since.
bool of_another_tool(const Ticket& ticket, const post::HeldCall& call) {
    const std::array<uint8_t, 32> unknown{};
    return (ticket.state == State::pending || ticket.state == State::approved) && ticket.definition != unknown &&
           call.definition != unknown && ticket.definition != call.definition;
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
OrText<bool> Docket::take(Live& entry, Turn how, std::string by, std::string note) {
    Ticket& ticket = entry.ticket;
    const auto next = approve::after(ticket.state, how);
    if (!next) return false;
    remember_before(ticket.id);
    const uint64_t version = ticket.version++, wall = now();
    ticket.state = *next;
    if (how == Turn::approve || how == Turn::deny || how == Turn::withdraw || how == Turn::revoke) {
        ticket.decided_by = by;
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
             .text = std::move(note)});
        !noted)
        return std::unexpected(noted.error());
    return true;
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
            news_to(entry, waiter);
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
    news_to(entry, waiter);
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
    for (const Waiter& waiter : found->second.waiters) {
        const bool claimer = waiter.worker == ask.worker && waiter.ref == ask.waiter;
        if (claimer || *taken) news_to(found->second, waiter, claimer && *taken);
    }
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

void Docket::news_to(const Live& entry, const Waiter& waiter, bool granted) {
    const Ticket& ticket = entry.ticket;
    post::ApprovalNews news;
    news.waiter = waiter.ref;
    news.ticket = ticket.id;
    news.state = shown(ticket.state);
    news.granted = granted;
    news.expires_unix_ns = ticket.expires_ns;
    news.text = told_text(ticket);
    if (ticket.state == State::approved || granted) news.body = ticket.body;
    else if (ticket.state == State::answered) news.body = ticket.answer;
    tellings_.push_back({waiter.worker, std::move(news)});
}

void Docket::tell_all(const Live& entry) {
    for (const Waiter& waiter : entry.waiters) news_to(entry, waiter);
}

void Docket::unavailable(const post::ApprovalAsk& ask, std::string_view why) {
    if (ask.kind != post::ApprovalAsk::Kind::submit && ask.kind != post::ApprovalAsk::Kind::claim) return;
    post::ApprovalNews news;
    news.waiter = ask.waiter;
    news.ticket = ask.ticket;
    news.text = why;
    tellings_.push_back({ask.worker, std::move(news)});
}

// What people ask.

std::vector<TicketView> Docket::list(bool all, size_t count_max) {
    std::vector<TicketView> views;
    for (const auto& [id, entry] : live_)
        if (!approve::is_over(entry.ticket.state)) views.push_back(view_of(entry.ticket));
    std::ranges::sort(views, {}, [](const TicketView& view) { return std::pair(view.created_unix_ns, view.id); });
    if (views.size() > count_max) views.resize(count_max);
    if (!all || views.size() == count_max) return views;
    if (auto past = table_->past(count_max - views.size()))
        for (const Ticket& ticket : *past) views.push_back(view_of(ticket));
    return views;
}

Result<TicketView> Docket::find(const std::string& id) {
    if (const auto found = live_.find(id); found != live_.end()) return view_of(found->second.ticket);
    const auto row = table_->find(id);
    if (!row) return fail(Error::io_failed);
    if (!*row) return fail(Error::not_found);
    return view_of(**row);
}

OrText<void> Docket::decide(DecideQuestion& question) {
    const auto answer = [&](Outcome outcome, const Ticket& ticket) {
        answers_.push_back(
            [promise = question.answer, outcome, view = view_of(ticket)] { promise->set_value({outcome, view}); });
    };
    const auto found = live_.find(question.id);
    if (found == live_.end()) {
        const auto row = table_->find(question.id);
        if (!row) return std::unexpected(row.error());
        if (*row) answer(Outcome::conflict, **row);
        else answer(Outcome::not_found, {});
        return {};
    }
    Live& entry = found->second;
    const auto taken = take(entry, turn_of(question.verb), question.by, question.note);
    if (!taken) return std::unexpected(taken.error());
    if (*taken) tell_all(entry);
    const bool same = !*taken && entry.ticket.decided_by == question.by &&
                      ((question.verb == Verb::approve && entry.ticket.state == State::approved) ||
                       (question.verb == Verb::deny && entry.ticket.state == State::denied));
    answer(*taken ? Outcome::done : same ? Outcome::unchanged : Outcome::conflict, entry.ticket);
    return {};
}

} // namespace weir::control
