// mcp/era.h - which revision of MCP a request speaks, and whether its head says the same as its body.
//
// The body decides; the head only cross-checks (2026-07-28, "Streamable HTTP": a component that reads the body must
// refuse disagreement). Pure.
#pragma once

#include "base/result.h"
#include "base/workspace.h"
#include "mcp/message.h"

#include <array>
#include <span>
#include <string_view>

namespace weir::mcp {

inline constexpr std::string_view modern_revision = "2026-07-28";
inline constexpr std::string_view assumed_revision = "2025-03-26"; // a legacy client that names none
inline constexpr std::array<std::string_view, 4> revisions{"2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26"};

/// Whether weir speaks `revision`.
bool is_known_revision(std::string_view revision);
/// Whether `revision` is (or claims to be) of the stateless era: a date from 2026-07-28 on.
bool is_modern_revision(std::string_view revision);

/// A header that came at most once (the head is refused otherwise); `given` tells an empty one from none.
struct Header {
    bool given = false;
    std::string_view value;
};
/// The headers of a request that mirror its body.
struct RoutingHeaders {
    Header protocol_version, method, name;
};

/// What a request turned out to be.
struct Classified {
    Era era = Era::legacy;
    std::string_view revision; // what it claims or its header says; the session may know better (legacy)
};

/// Classifies one message that is not part of a batch (mcp.md 1.0), and checks a modern one against its head. On
/// failure `detail` says what exactly, for the client.
///
/// Errors:
///   header_mismatch       a header is missing, or says otherwise than the body
///   protocol_unsupported  a revision that weir does not speak
///   rpc_params            a modern request without its `_meta`
///   rpc_invalid           a posted response under a modern header
Result<Classified> classify(const Message& message, const RoutingHeaders& headers, Workspace& space, std::string_view& detail);

/// A mirrored header's value as it was before it was encoded for the head: plain, or `=?base64?…?=` (2026-07-28, "Value
/// encoding"). invalid: a sentinel whose inside is no canonical base64 of UTF-8.
Result<std::string_view> decode_mirrored(std::string_view value, Workspace& space);

} // namespace weir::mcp
