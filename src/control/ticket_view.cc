// control/ticket_view.cc - from rows to views.
#include "control/ticket_view.h"

#include "crypto/hex.h"

namespace weir::control {

using approve::State;
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

TicketView view_of(const Ticket& t) {
    TicketView view;
    view.id = t.id;
    view.state = shown(t.state);
    view.version = t.turns;
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
    view.decider_issuer = t.decider.issuer;
    view.decider_subject = t.decider.subject;
    view.decider_name = t.decider.display;
    view.asker = t.asker;
    view.decided_unix_ns = t.decided_ns;
    return view;
}

} // namespace weir::control
