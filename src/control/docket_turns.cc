// control/docket_turns.cc - what happens to tickets: asked for, joined, decided, claimed, answered, expired.
//
// Each runs within a group's transaction and takes part in its undoing; what is to be told is collected, and told when the
// group is on disk.
#include "control/docket.h"
#include "control/ticket_view.h"

#include <algorithm>
#include <optional>

namespace weir::control {
namespace {

using approve::State;
using approve::Turn;

constexpr uint64_t said_max = 100'000; // answers that are kept for who decides again with the same key

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

/// Whether what people were asked, or have said yes to, was a call of a tool that has been changed since.
bool of_another_tool(State state, const std::array<uint8_t, 32>& definition, const post::HeldCall& call) {
    const std::array<uint8_t, 32> unknown{};
    return (state == State::pending || state == State::approved) && definition != unknown &&
           call.definition != unknown && definition != call.definition;
}

/// Who it is by their token, if by one.
Person person_of(const Actor& actor) {
    if (!actor.person) return {};
    return {actor.person->issuer, actor.person->subject, actor.person->display};
}

/// What a waiting client is told of how it ended.
std::string told_text(std::string_view id, State state, std::string_view note) {
    const std::string ticket(id);
    const auto who = [&](std::string_view word) {
        std::string text = "the approval " + ticket + " was " + std::string(word);
        if (!note.empty()) text.append(": ").append(note);
        return text;
    };
    switch (state) {
        case State::denied: return who("refused");
        case State::withdrawn: return who("withdrawn");
        case State::revoked: return who("revoked");
        case State::expired: return "nobody decided about " + ticket + " in time";
        case State::ambiguous:
            return "the call of " + ticket +
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

/// Takes `how` if it may follow; false: it may not, and nothing has changed.
OrText<bool> Docket::take(Live& entry, Turn how, std::string by, std::string note, Person person) {
    const auto next = approve::after(entry.state, how);
    if (!next) return false;
    const auto row = row_of(entry);
    if (!row) return std::unexpected(row.error());
    Ticket& ticket = **row;
    const uint64_t version = ticket.version++, wall = now();
    ++ticket.turns;
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
    if (const auto saved = save(entry, ticket, version); !saved) return std::unexpected(saved.error());
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
    const auto row = row_of(entry);
    if (!row) return std::unexpected(row.error());
    Ticket& ticket = **row;
    const uint64_t version = ticket.version++;
    if (const auto saved = save(entry, ticket, version); !saved) return saved;
    return table_->remember({.number = 0,
                             .ticket = ticket.id,
                             .version = ticket.version,
                             .kind = static_cast<uint16_t>(record::Kind::not_entitled),
                             .by = question.actor.by,
                             .text = std::string(approve::text_of(right)),
                             .person = person_of(question.actor)});
}

OrText<void> Docket::expire_due() {
    for (const uint64_t wall = now(); !due_.empty() && (*due_.begin())->due_ns() <= wall;) {
        Live& entry = **due_.begin();
        if (entry.over()) {
            if (const auto ended = end_standing(entry); !ended) return ended;
            continue;
        }
        const bool unused = entry.state == State::approved;
        const auto taken = take(entry, Turn::expire, "weir",
                                unused ? "approved, and nobody asked again in time" : "nobody decided in time");
        if (!taken) return std::unexpected(taken.error());
        if (const auto told = tell_all(entry); !told) return told;
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
            if (Live* const entry = find_live(ask.ticket)) {
                const auto taken =
                    take(*entry, Turn::put_back, "weir", ask.body.empty() ? "not one octet had left" : ask.body);
                if (!taken) return std::unexpected(taken.error());
                if (*taken) return tell_all(*entry);
            }
            return {};
        case Kind::delivered:
        case Kind::leave:
            drop_waiter(ask);
            if (Live* const entry = find_live(ask.ticket)) return let_go(*entry, ask.kind == Kind::delivered);
            return {};
    }
    return {};
}

OrText<void> Docket::submit(post::ApprovalAsk& ask) {
    post::HeldCall& call = *ask.call;
    const Waiter waiter{ask.worker, ask.waiter};
    bool may_have_run = false;
    Live* replaced = nullptr; // a ticket that is over, by the one that is made now
    const auto known = by_digest_.find(call.digest);
    if (known != by_digest_.end() && of_another_tool(known->second->state, known->second->definition, call)) {
        // It stays among those that are over until its time; its digest goes to the new one.
        Live& entry = *known->second;
        const Turn how = entry.state == State::pending ? Turn::withdraw : Turn::revoke;
        const auto taken = take(entry, how, "weir", "the tool was changed since it was asked for");
        if (!taken) return std::unexpected(taken.error());
        if (const auto told = tell_all(entry); !told) return told;
    } else if (known != by_digest_.end()) {
        Live& entry = *known->second;
        // A refusal stands for its time, so that asking again and again moves nobody; the rest is told once.
        if (!entry.over() || entry.state == State::denied || !entry.told) {
            entry.waiters.push_back(waiter);
            if (const auto told = news_to(entry, waiter, Says::answer); !told) return told;
            if (!entry.over() || entry.state == State::answered || entry.told) return {};
            const auto row = row_of(entry);
            if (!row) return std::unexpected(row.error());
            (*row)->told = true;
            return save(entry, **row, entry.version);
        }
        may_have_run = entry.state == State::ambiguous;
        replaced = &entry;
    }
    const auto of_principal = principals_.find(call.principal);
    if (pending_ >= options_.limits.approvals_max ||
        (of_principal != principals_.end() &&
         of_principal->second.pending >= options_.limits.approvals_per_principal_max)) {
        unavailable(ask, "too many calls wait for approval already");
        return {};
    }
    std::array<uint8_t, 16> bits{};
    if (!options_.random(bits)) return std::unexpected(std::string("the kernel gives no random octets"));
    if (replaced != nullptr && replaced->waiters.empty()) {
        if (const auto ended = end_standing(*replaced); !ended) return ended;
    } else if (replaced != nullptr) {
        remember_before(*replaced); // Its digest goes to the new one; it stays for those who are to hear how it ended.
    }
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
    if (const auto inserted = table_->insert(ticket); !inserted) return inserted;
    if (const auto noted = table_->remember({.number = 0,
                                             .ticket = ticket.id,
                                             .version = ticket.version,
                                             .kind = static_cast<uint16_t>(record::Kind::held),
                                             .by = {},
                                             .text = ticket.reason});
        !noted)
        return noted;
    remember_new(ticket.id);
    Live& entry = stand({.id = ticket.id,
                         .version = ticket.version,
                         .state = ticket.state,
                         .digest = ticket.digest,
                         .definition = ticket.definition,
                         .principal = ticket.principal,
                         .expires_ns = ticket.expires_ns});
    entry.waiters.push_back(waiter);
    rows_.insert_or_assign(ticket.id, std::move(ticket));
    return news_to(entry, waiter, Says::answer);
}

OrText<void> Docket::claim(post::ApprovalAsk& ask) {
    Live* const entry = find_live(ask.ticket);
    if (entry == nullptr) {
        unavailable(ask, "the approval is gone");
        return {};
    }
    const auto taken = take(*entry, Turn::claim, "weir", {});
    if (!taken) return std::unexpected(taken.error());
    if (const auto told = news_to(*entry, {ask.worker, ask.waiter}, *taken ? Says::grant : Says::answer); !told)
        return told;
    if (!*taken) return {};
    for (const Waiter& waiter : entry->waiters)
        if (waiter.worker != ask.worker || waiter.ref != ask.waiter)
            if (const auto told = news_to(*entry, waiter, Says::change); !told) return told;
    return {};
}

OrText<void> Docket::finish(post::ApprovalAsk& ask) {
    Live* const entry = find_live(ask.ticket);
    if (entry == nullptr) return {};
    if (entry->state == State::executing && !ask.ambiguous && ask.body.size() <= options_.limits.answer_kept_bytes_max)
        if (const auto kept = table_->keep_answer(ask.ticket, ask.body); !kept) return kept;
    const auto taken = take(*entry, ask.ambiguous ? Turn::lose : Turn::answer, "weir",
                            ask.ambiguous ? "it had left, and no answer came whole" : std::string());
    if (!taken) return std::unexpected(taken.error());
    return *taken ? tell_all(*entry) : OrText<void>();
}

/// A waiter has gone, with the answer or without. Once it was received by one, who asks for the same asks for another run; it
/// stays for those who waited when it came, until the last of them has gone.
OrText<void> Docket::let_go(Live& entry, bool received) {
    if (entry.state != State::answered || !(entry.told || received)) return {};
    const bool last = entry.waiters.empty();
    if (entry.told && !last) return {};
    const auto row = row_of(entry);
    if (!row) return std::unexpected(row.error());
    (*row)->told = true;
    if (last) {
        if (const auto dropped = table_->drop_answer(entry.id()); !dropped) return dropped;
        (*row)->stands_ns = now();
    }
    return save(entry, **row, entry.version);
}

OrText<void> Docket::news_to(const Live& entry, const Waiter& waiter, Says says) {
    post::ApprovalNews news;
    news.waiter = waiter.ref;
    news.ticket = entry.id();
    news.state = shown(entry.state);
    news.answer = says != Says::change;
    news.granted = says == Says::grant;
    news.expires_unix_ns = entry.expires_ns;
    if (entry.over() && entry.state != State::answered) {
        const auto note = table_->text(entry.id(), TicketText::decided_note);
        if (!note) return std::unexpected(note.error());
        news.text = told_text(entry.id(), entry.state, *note);
    }
    if (entry.state == State::approved || entry.state == State::answered || news.granted) {
        auto body = table_->text(entry.id(), entry.state == State::answered ? TicketText::answer : TicketText::body);
        if (!body) return std::unexpected(body.error());
        news.body = std::move(*body);
    }
    tellings_.push_back({waiter.worker, std::move(news)});
    return {};
}

OrText<void> Docket::tell_all(const Live& entry) {
    for (const Waiter& waiter : entry.waiters)
        if (const auto told = news_to(entry, waiter, Says::change); !told) return told;
    return {};
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

// What people decide.

/// Keeps what is answered to a decision that has a key, if something stands decided by it or against it.
OrText<void> Docket::keep(const DecideQuestion& question, Decided& decided) {
    const bool stands = decided.outcome == Outcome::done || decided.outcome == Outcome::unchanged ||
                        decided.outcome == Outcome::conflict;
    if (!stands || question.guard.key.empty()) return {};
    decided.said = question.guard.write(decided);
    return table_->say(question.actor.by, question.guard.key, {question.guard.request, decided.said, now()}, said_max);
}

OrText<void> Docket::decide(DecideQuestion& question) {
    const Guard& guard = question.guard;
    const auto answer = [&](Decided decided) -> OrText<void> {
        if (const auto kept = keep(question, decided); !kept) return kept;
        answers_.push_back([promise = question.answer, decided = std::move(decided)] { promise->set_value(decided); });
        return {};
    };
    if (!guard.key.empty()) {
        auto said = table_->said(question.actor.by, guard.key);
        if (!said) return std::unexpected(said.error());
        if (*said && (*said)->made_ns + said_kept_ns > now()) {
            const bool same = (*said)->digest == guard.request;
            answers_.push_back([promise = question.answer, same, text = std::move((*said)->answer)] {
                promise->set_value({.outcome = same ? Outcome::said : Outcome::other_request, .said = text});
            });
            return {};
        }
    }
    const Turn how = turn_of(question.verb);
    Live* const entry = find_live(question.id);
    std::optional<Ticket> past;
    Ticket* row = nullptr;
    if (entry != nullptr) {
        const auto found = row_of(*entry);
        if (!found) return std::unexpected(found.error());
        row = *found;
    } else {
        auto found = table_->find(question.id, false);
        if (!found) return std::unexpected(found.error());
        if (!*found) return answer({.outcome = Outcome::not_found});
        past = std::move(*found);
        row = &*past;
    }
    if (question.actor.person) {
        const auto right = approve::right_to(how, *question.actor.person, row->asker, row->by);
        if (right != approve::Right::granted) {
            if (entry != nullptr && !entry->over())
                if (const auto refused = refuse(*entry, question, right); !refused) return refused;
            return answer({.outcome = Outcome::forbidden, .ticket = view_of(*row), .right = right});
        }
    }
    if (!guard.versions.empty() && std::ranges::find(guard.versions, row->turns) == guard.versions.end())
        return answer({.outcome = Outcome::changed, .ticket = view_of(*row)});
    if (entry == nullptr) return answer({.outcome = Outcome::conflict, .ticket = view_of(*row)});
    const auto taken = take(*entry, how, question.actor.by, question.note, person_of(question.actor));
    if (!taken) return std::unexpected(taken.error());
    if (*taken)
        if (const auto told = tell_all(*entry); !told) return told;
    const bool same = !*taken && row->decided_by == question.actor.by && row->decider == person_of(question.actor) &&
                      ((question.verb == Verb::approve && row->state == State::approved) ||
                       (question.verb == Verb::deny && row->state == State::denied));
    return answer({.outcome = *taken ? Outcome::done
                              : same ? Outcome::unchanged
                                     : Outcome::conflict,
                   .ticket = view_of(*row)});
}

} // namespace weir::control
