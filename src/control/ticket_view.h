// control/ticket_view.h - a ticket's row as those see it who look at it from outside the store.
//
// Pure. Owns nothing: a view is a copy.
#pragma once

#include "control/store.h"
#include "control/tickets.h"

namespace weir::control {

/// What a state is called towards waiters and people.
post::TicketState shown(approve::State state);
/// `ticket` as people see it; with the body that it came with, if it did.
TicketView view_of(const Ticket& ticket);

} // namespace weir::control
