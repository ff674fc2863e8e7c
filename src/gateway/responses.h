// gateway/responses.h - what policies say of answers: they are judged, masked or replaced before a byte of them is sent.
//
// What a policy may need to know of a request is kept when it goes upstream, and only if a policy on = "response" names
// it: any other answer is not looked into. What a server says before its answer (progress, log messages, requests of its
// own) is masked as well, for all calls that it may belong to, and by policies that name its own method. Each message is
// judged and masked by itself: a value that is split over two events is not found, nor is one that only a later event
// shows to be one.
//
// A stream that was taken up again is judged by the names in its sealed event id; its arguments are gone, so conditions
// on them count as the stricter policy needs (policy/facts.h).
#pragma once

#include "gateway/exchange.h"
#include "mcp/message.h"
#include "mcp/rewrite.h"

namespace weir::gateway {

/// Keeps of a request what is needed when its answer comes; nullptr when no policy has a say in that. `facts` are those
/// it was judged by. What is kept lives in the exchange's workspace.
const AnswerFacts* keep_for_answer(Exchange& exchange, const policy::Facts& facts);
/// The same for a stream that is taken up again.
const AnswerFacts* keep_for_resumed(Exchange& exchange);

enum class Outcome : uint8_t {
    goes_on,  // with the edits
    replaced, // the edits put a denial in its place
    dropped,  // it goes nowhere
};

/// Judges the response `message` to the request that `kept` tells of, records what is masked or blocked, and adds the
/// edits. `id` is the request's as JSON, `method` its method. `kept` may be nullptr.
Outcome judge_answer(Exchange& exchange, const AnswerFacts* kept, const mcp::Message& message, mcp::Method method,
                     std::string_view id, mcp::Edits& edits);
/// The same for a request or notification of a server: never replaced. Errors: mask_failed.
Result<Outcome> judge_said(Exchange& exchange, const mcp::Message& message, mcp::Edits& edits);

/// tools/list: takes outputSchema out of the definitions of tools whose answers may be masked, since these may not fit it
/// any more. Whether there were any: such a list is private.
bool relax_tools(Exchange& exchange, json::Value result, mcp::Edits& edits);

} // namespace weir::gateway
