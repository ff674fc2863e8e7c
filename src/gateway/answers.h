// gateway/answers.h - what an upstream says, checked before a byte of it reaches a client.
//
// Every JSON text is held to the strict scan and to being the right kind of message: the response to this request, or,
// in a stream, a notification or a request of the server. What a policy hides is taken out here; all else goes on as it
// came. Nothing of an upstream's head is passed on but what is named here.
#pragma once

#include "gateway/exchange.h"
#include "http/head.h"

#include <string_view>

namespace weir::gateway {

/// Takes the head of the answer off the upstream link and decides what the answer is: whole or a stream.
///
/// Errors: upstream_redirect (never followed), upstream_refused (it wants another credential than weir's).
Result<void> take_answer_head(Exchange& exchange, const http::AnswerHead& head);

/// The whole answer has come (exchange.body_view): checks it and writes what the client gets.
///
/// Errors: upstream_malformed and the like: the client gets weir's own error instead.
Result<void> answer_whole(Exchange& exchange);

/// One JSON text of a stream or an answer, after the check.
struct Vetted {
    std::string_view text; // to send on: as it came, or in `rewritten`
    bool drop = false;     // nobody asked for it: it goes nowhere
    bool response = false; // it answers this exchange's request
    bool is_error = false; // a JSON-RPC error, or a result with isError
    bool asks = false;     // a request of the server's: its client has to answer, a person perhaps
};
/// `text` must have padding behind it. Rewrites into `rewritten`. Errors: json_* and upstream_malformed.
Result<Vetted> vet_message(Exchange& exchange, std::string_view text, PaddedBytes& rewritten);

/// Whether vet_message() failed since the server agrees on a revision that weir does not speak. The
/// handshake is refused then: a session whose messages nobody here can tell would be worse than none.
bool disagrees(const Exchange& exchange, Error error);
/// What the client is answered then: an error as the specification has it for versions, and no session id.
void write_disagreement(const Exchange& exchange, PaddedBytes& body);

/// The session id of the answer, sealed for the client, as a header line; nothing when there is none.
void append_session_line(Exchange& exchange, PaddedBytes& out);
/// The upstream's Retry-After as a header line; nothing when there is none.
void append_retry_after(const Exchange& exchange, PaddedBytes& out);
/// The upstream's event id, sealed for the client; lives in the exchange's workspace until the next event.
std::string_view sealed_event_id(Exchange& exchange, std::string_view id);

} // namespace weir::gateway
