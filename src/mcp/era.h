// mcp/era.h - which era a request belongs to, and whether its HTTP fields agree with its body.
//
// The body decides and the fields are held against it: a component in front that read only the fields must have seen the
// same (2026-07-28, "Standard Request Headers"). Disagreement is refused, never resolved. Pure.
#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "base/workspace.h"
#include "mcp/message.h"
#include "mcp/revision.h"

#include <string_view>

namespace weir::mcp {

/// One HTTP field, without the white space around its value. Fields on more than one line never come this far.
struct Header {
    bool present = false;
    std::string_view value;
};

struct RoutingHeaders {
    Header protocol_version; // MCP-Protocol-Version
    Header method;           // Mcp-Method
    Header name;             // Mcp-Name
};

struct Classified {
    Era era = Era::legacy;
    std::string_view revision; // a constant of mcp/revision.h. Of a legacy request: its field's, else assumed_revision
};

/// Tells the era of `message`, which must be one that read_message() made, and refuses what does not fit together.
/// A legacy request's revision is its session's, if it has one: that is for the caller to hold against `revision`.
///
/// Errors; `detail` then says more, in `space` or a constant:
///   rpc_params            the claim is no string; a key that every modern request has in _meta is missing (all named)
///   rpc_invalid           a response where the field names a modern revision: that era has none
///   header_mismatch       field and body name different eras, versions, methods or names; a field that must be there is
///                         not, or is no valid encoding
///   protocol_unsupported  no revision that weir speaks: the answer's data is write_versions()'
Result<Classified> classify(const Message& message, const RoutingHeaders& headers, Workspace& space,
                            std::string_view& detail);

/// The text that a field's value stands for: itself, or what is in =?base64?…?=. A view of `value` or into `space`.
/// Errors: header_mismatch for base64 that no encoder writes.
Result<std::string_view> decode_header(std::string_view value, Workspace& space);

/// Appends `text` as a field's value: itself if it is printable ASCII without white space at its ends and not of the
/// encoded form, else =?base64?…?=.
void encode_header(std::string_view text, PaddedBytes& out);

/// Holds one argument of a call (or nothing) against the Mcp-Param field that mirrors it. Integers compare as numbers
/// (42.0 equals 42). Errors: header_mismatch, also for a field without its argument and the other way round.
Result<void> check_param_header(json::Value argument, const Header& header, Workspace& space);

} // namespace weir::mcp
