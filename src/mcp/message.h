// mcp/message.h - one JSON-RPC message of MCP: its kind, its id, its method, and the parts of its params that weir decides on.
//
// Strict (JSON-RPC 2.0, and MCP where it is narrower): what any other reader of the same text might understand otherwise
// is refused. Pure. Views point into the scanned text, or into `space` where something had to be decoded.
#pragma once

#include "base/result.h"
#include "base/workspace.h"
#include "json/document.h"
#include "mcp/methods.h"

#include <string_view>

namespace weir::mcp {

enum class Kind : uint8_t { request, notification, result, error };
/// legacy: revisions that open with `initialize`. modern: 2026-07-28, each request speaks for itself in `_meta`.
enum class Era : uint8_t { legacy, modern };

struct Message {
    json::Value envelope;
    Kind kind = Kind::request;
    json::Value id;               // requests, results; nothing on notifications
    std::string_view method_text; // decoded
    Method method = Method::unknown;
    json::Value params;           // an object, or nothing
    json::Value meta;             // params._meta: an object, or nothing
    std::string_view name;        // params.name, .uri or .taskId, as named_by(method) has it; decoded
    json::Value arguments;        // tools/call, prompts/get: an object, or nothing
    json::Value payload;          // `result` or `error`
    // The modern claim and what goes with it (params._meta, "io.modelcontextprotocol/…").
    json::Value claimed_version;  // protocolVersion
    json::Value client_capabilities;
    json::Value client_info;      // of `_meta`, or of initialize's params
};

/// Reads `envelope`, which must be an object. `id` gets the id if there is a readable one, also when the rest is refused,
/// so that the refusal can echo it.
///
/// Errors:
///   rpc_invalid   not an object; jsonrpc is not "2.0"; no or an odd id (strings and integers within 2^53 only); method and
///                 result or error at once; params that are no object; tools/call and its like as notification; a NUL in
///                 method or name
///   rpc_name      a name of envelope, params or _meta that is a known one in disguise (json/names.h)
///   rpc_params    the method's own required params are missing or of the wrong type
Result<Message> read_message(json::Value envelope, Workspace& space, json::Value& id);

/// Whether two ids are the same to a JavaScript peer: strings by their text, integers by value.
bool same_id(json::Value id, std::string_view other_text, Workspace& space);

} // namespace weir::mcp
