// mcp/message.h - one JSON-RPC message of MCP: what it is, what it asks, and whether it has the shape it must have.
//
// Not the JSON (json/scan.h has refused what parsers read differently), not the HTTP head (mcp/era.h holds one against
// the other). Serves both directions: what clients send and what servers send. Pure.
//
// Ownership: everything points into the scanned text, the Document or the Workspace; hold all three for as long as the
// Message.
#pragma once

#include "base/result.h"
#include "base/workspace.h"
#include "json/document.h"
#include "mcp/method.h"

#include <cstdint>
#include <string_view>

namespace weir::mcp {

enum class Kind : uint8_t { request, notification, result, error };

/// A request's id. JSON's types are kept apart: 1 and "1" are two ids.
struct Id {
    std::string_view raw; // the JSON text as it came; empty: there is none
    std::string_view key; // the decoded string, or the digits
    bool is_string = false;

    explicit operator bool() const { return !raw.empty(); }
    /// Whether an answer with this id answers a request with that one.
    bool operator==(const Id& other) const {
        return raw.empty() == other.raw.empty() && is_string == other.is_string && key == other.key;
    }
};

struct Message {
    Kind kind = Kind::request;
    Method method = Method::unknown;
    Id id;
    std::string_view method_text; // of requests and notifications: visible ASCII
    std::string_view name;     // what named_by(method) says: the tool, prompt, URI or task; of completion/complete the
                               // prompt's name or the resource's URI; else empty
    json::Value object;        // the message itself
    json::Value params;        // an object or nothing
    json::Value meta;          // params._meta: an object or nothing
    json::Value arguments;     // tools/call and prompts/get: an object or nothing
    json::Value reference;     // completion/complete: params.ref, an object
    json::Value request_state; // params.requestState and params.inputResponses of a request made again (2026-07-28)
    json::Value input_responses;
    json::Value progress_token;      // of _meta: a string or an integer, or nothing
    json::Value claimed_version;     // _meta["io.modelcontextprotocol/protocolVersion"], whatever it is: the modern era
    json::Value client_info;         // of _meta, or of initialize's params: an object or nothing
    json::Value client_capabilities; // likewise
    json::Value result;              // an object; of results only
    json::Value error;               // an object with code and message; of errors only
};

/// Reads `object`. Known methods must have the params that MCP requires to tell what they ask; unknown ones go through.
/// `id` becomes the message's id as soon as it is known to be a valid one, even if the message then fails: the answer
/// must carry it. `problem`, if given, then becomes a text for the sender.
///
/// Errors, each answered with HTTP 400 and its own code:
///   rpc_invalid  no object; jsonrpc is not "2.0"; both or neither of method and result or error; an id that is null, or no
///                string and no integer within 2^53 - 1; a request without an id, a notification with one; a method
///                with anything but visible ASCII; params that are no object; a NUL in what is named; a result that is no object, an error without code and message
///   rpc_params   _meta that is no object; a tool, prompt, URI or task that is missing or empty; a
///                request's URI in another than its normal form (base/uri.h); arguments that are no object; a progressToken that is neither string nor integer
///   rpc_name     a member of the envelope, params or _meta that is a known one in disguise (json/names.h)
/// An error that answers nobody (no id, or null, as servers send when they could not read one) is read.
Result<Message> read_message(json::Value object, Workspace& space, json::Value& id,
                             std::string_view* problem = nullptr);

/// The same without a wish to know the id of what fails.
inline Result<Message> read_message(json::Value object, Workspace& space) {
    json::Value id;
    return read_message(object, space, id);
}

/// The id in `value`: a string, or an integer that every peer can represent. Without raw text when it is neither.
Id read_id(json::Value value, Workspace& space);

} // namespace weir::mcp
