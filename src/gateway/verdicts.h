// gateway/verdicts.h - what the policies say about a request, recorded, and turned into what goes upstream or back.
#pragma once

#include "gateway/exchange.h"
#include "mcp/reply.h"
#include "policy/verdict.h"

namespace weir::gateway {

enum class Judged : uint8_t {
    forward, // exchange.outgoing is what the upstream is sent
    held,    // the store has been asked for its ticket
    answered // the client has its answer: denied, or nothing of a batch is left
};

/// Judges what read_request() read, records `asked` and the verdict, and builds the request that goes upstream (or the
/// denial). Uses the views into the request's octets: the last step that may.
///
/// Errors: record_unavailable.
Result<Judged> judge_request(Exchange& exchange);

/// The call was approved: judges what the ticket keeps on the policies of now, records the verdict, and builds the request.
/// An approval never overrides a block.
Result<Judged> judge_again(Exchange& exchange);

/// What the client is told when `verdict` does not let a request or its answer go on. `id` is the request's, as JSON.
mcp::Denial denial_of(const Exchange& exchange, const policy::Verdict& verdict, mcp::Method method,
                      std::string_view name, std::string_view id);
/// The JSON-RPC code of that, 0 when it is a result.
int64_t denial_code(const policy::Verdict& verdict, mcp::Method method);

} // namespace weir::gateway
