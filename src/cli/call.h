// cli/call.h - what `weir call`, `weir tools` and the demo's tour share: arguments in, outcomes out.
#pragma once

#include "cli/commands.h"
#include "cli/mcp_client.h"

#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace weir::cli {

/// The member of a result's _meta by which weir says that itself, and not the server, answered.
inline constexpr std::string_view denial_key = "dev.weir/decision";
/// And by which it says that the call waits for people.
inline constexpr std::string_view approval_key = "dev.weir/approval";

/// `name=value` words as one JSON object: a value that is JSON by itself is taken as such, anything else as a string.
/// The error is a sentence.
std::expected<std::string, std::string> arguments_json(const std::vector<std::string>& words);

/// The text blocks of a tool's result, one after the other, safe for a terminal; other blocks are named.
std::string content_text(json::Value result, Workspace& space);

/// What became of a tools/call: ok, failed, denied, not_found, or timed_out when it waits for people still; and the text
/// that says so.
struct Outcome {
    Exit exit = Exit::failed;
    std::string text;
};
Outcome outcome_of(const Reply& reply, Workspace& space);

} // namespace weir::cli
