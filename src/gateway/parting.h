// gateway/parting.h - the last word to a server whose session weir does not go on with: DELETE of it.
//
// Not a client's DELETE, which is forwarded like any other request. An exchange of weir's own, without a client: it takes the
// steps from `credential` on, and whatever comes of it is in the record and nowhere else. Best effort: a server that does
// not answer in time keeps its session for as long as it likes.
#pragma once

#include "base/limits.h"
#include "gateway/exchange.h"

namespace weir::gateway {

/// At once, on one worker. Beyond it sessions are left (weir_upstream_sessions_left_total): a server that answers no DELETE
/// must not take what clients need.
inline constexpr uint32_t partings_max = 16;
/// So long a server has for its answer.
inline constexpr uint64_t parting_ns_max = 5 * s_ns;

/// The initialize of `exchange` was refused for what its server agreed on: ends the session that the server opened for it, if
/// it opened one. Nobody waits for it.
void part(Exchange& exchange);

} // namespace weir::gateway
