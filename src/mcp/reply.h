// mcp/reply.h - every JSON-RPC message that weir originates, in one place, so that each can be held to the schemas.
//
// Pure: appends to the PaddedBytes it is given. Texts are UTF-8 and are quoted here; ids and data are JSON already.
#pragma once

#include "base/bytes.h"
#include "mcp/era.h"
#include "mcp/message.h"

#include <cstdint>
#include <string_view>

namespace weir::mcp {

struct ErrorReply {
    std::string_view id;   // JSON text; empty: none could be read
    Era era = Era::legacy; // without an id the legacy era says null, the modern one leaves it out
    int32_t code = -32603;
    std::string_view message;
    std::string_view data; // JSON text; empty: none
};
void write_error(PaddedBytes& out, const ErrorReply& reply);

/// The `data` of protocol_unsupported: {"supported":[…],"requested":"…"}.
void write_versions(PaddedBytes& out, std::string_view requested);

/// Why a request is refused by a policy.
struct Denial {
    std::string_view id;        // JSON text
    Era era = Era::legacy;
    std::string_view revision;  // of MCP
    Method method = Method::unknown;
    std::string_view name;      // tool, prompt or URI
    bool hidden = false;        // refused as if it did not exist
    bool as_error = false;      // tools/call: a JSON-RPC error instead of a result
    bool as_result = false;     // other methods cannot: ignored
    std::string_view code;      // of the policy, snake_case
    std::string_view text, hint;
    uint32_t retry_after_s = 0;
    int32_t rpc_code = 40301;
};
/// Writes the answer that a client can read best for its method (mcp.md 4.1): a result with isError for tools/call, the
/// revision's "not found" for resources, an empty completion, a JSON-RPC error with data otherwise.
/// Returns the JSON-RPC code that was used; 0 for a result.
int32_t write_denial(PaddedBytes& out, const Denial& denial);

} // namespace weir::mcp
