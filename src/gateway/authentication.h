// gateway/authentication.h - who sends a request: its bearer token, or the refusal that its client can act on.
//
// The token is read out of the head, judged by the worker's own Authenticator, and goes no further: nothing here copies,
// logs or records it. A refusal is the challenge of RFC 6750, section 3, with the place of the metadata (RFC 9728, section
// 5.1) and the scopes that are needed; why it was refused stands in the log, not in the answer.
#pragma once

#include "gateway/exchange.h"

#include <optional>

namespace weir::gateway {

/// step_authenticate for a server that asks who comes. Waits, for a bounded time, while keys are fetched that the token may
/// need.
Next authenticate(Exchange& exchange);

/// Whether the token's time is over, by either clock: what waits with it, or stays open, ends.
bool token_over(const Exchange& exchange);

/// The call waited for people and is to go on: its token is judged once more, as it is now. Nothing: it is good.
std::optional<Next> judge_token_again(Exchange& exchange);

/// The token of a call that waits for people has ended: the client is told so in the way that lets it come again with a new
/// one, and finds its ticket then.
Next refuse_ended_token(Exchange& exchange);

/// Whether what the request asks for needs scopes that its principal lacks. Its body was read, and is still there.
///
/// Errors: scope_missing; refusal.lines then names all that is needed.
Result<void> check_scopes(Exchange& exchange);

/// Where approvals are at the admin listener; its metadata are below /.well-known/ under the same path.
inline constexpr std::string_view desk_path = "/api/v1/approvals";

/// Scheme and authority by which this client knows weir. In exchange.space, or for ever.
std::string_view base_url(Exchange& exchange);

} // namespace weir::gateway
