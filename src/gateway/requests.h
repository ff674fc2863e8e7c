// gateway/requests.h - from the octets of a request to what it asks: one strict scan, the era, the session, the checks
// of head against body. Nothing here decides whether it may.
#pragma once

#include "gateway/exchange.h"
#include "mcp/sealed.h"

namespace weir::gateway {

/// To whom the ids of this exchange are bound; `upstream_session` for event ids.
mcp::Bond bond_of(const Exchange& exchange, std::string_view upstream_session);

/// Reads exchange.body_view (or, for GET and DELETE, the head alone). On failure exchange.refusal.detail may say more.
///
/// Errors: json_*, rpc_*, header_mismatch, protocol_unsupported, session_unknown, batch_refused, id_in_flight.
Result<void> read_request(Exchange& exchange);

} // namespace weir::gateway
