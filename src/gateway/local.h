// gateway/local.h - what weir answers itself: refusals, denials and the pages of the admin listener; and the end of every
// exchange.
//
// One place writes status lines for the client, so that framing, keep-alive and the body always agree.
#pragma once

#include "gateway/exchange.h"

#include <string_view>

namespace weir::gateway {

/// Whether `host` (of the request) is one of the configured `hosts`; loopback names with the listening port by default.
bool host_served(const http::Authority& host, const Generation& generation);
/// Whether `origin` is one of the configured `origins`.
bool origin_allowed(std::string_view origin, const Generation& generation);

/// Writes a whole answer, JSON unless `type` says otherwise, to the client, if it is still there. An empty body has no Content-Type.
/// `more` is whole header lines, each ending in CRLF. The bytes leave at the end of the turn.
void write_answer(Exchange& exchange, uint16_t status, std::string_view body, std::string_view more = {},
                  std::string_view type = "application/json");
/// The same of JSON that is not copied: it leaves from where it was received.
void pass_answer(Exchange& exchange, uint16_t status, net::Link::Taken body, std::string_view more);

/// What a browser needs to see of an answer, when the request came from an allowed origin.
void append_cors_lines(const Exchange& exchange, PaddedBytes& out);
/// OPTIONS from an allowed origin: what it may send.
Next answer_preflight(Exchange& exchange);

/// One page of the admin listener: /livez, /readyz, /metrics, /status.
Next answer_page(Exchange& exchange);

} // namespace weir::gateway
