// gateway/stream.h - an upstream's event stream on its way to the client, event by event.
//
// An event leaves when it is complete, checked and framed afresh; nothing is held back for size. The client's own pace
// holds: when it has a full window unsent, the upstream is not read. A silent stream gets a comment every heartbeat.
#pragma once

#include "gateway/exchange.h"

namespace weir::gateway {

/// The head said text/event-stream: commits the answer to the client (but for `initialize`, whose session id needs the
/// result first) and relays what is there.
Next begin_stream(Exchange& exchange);
/// Relays what has come since.
Next relay_stream(Exchange& exchange);
/// The upstream broke off or what it says cannot be relayed: an error event for the request's id, then the end.
Next end_stream(Exchange& exchange, Error error);

/// Sends a whole event before there is an answer: the stream begins with it, and the answer will be its last event.
void send_event(Exchange& exchange, std::string_view event);
/// Sends the answer of an exchange whose stream began so, and ends the stream.
void send_last_event(Exchange& exchange, std::string_view message);

} // namespace weir::gateway
