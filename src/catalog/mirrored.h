// catalog/mirrored.h - which arguments of a tool its callers repeat in HTTP fields: the x-mcp-header annotations of the
// tool's inputSchema (2026-07-28, "Custom Headers from Tool Parameters").
//
// Not a validator of JSON Schema, and nothing a schema refers to is ever fetched. Pure but for the memory it returns.
#pragma once

#include "base/result.h"
#include "base/workspace.h"
#include "json/document.h"

#include <string>
#include <string_view>
#include <vector>

namespace weir::catalog {

/// One argument, and the field Mcp-Param-{header} that mirrors it.
struct Mirrored {
    std::string header;            // as the schema spells it; fields compare without regard to case
    std::vector<std::string> path; // the members that lead to it, from the arguments on

    /// The argument in `arguments`, or nothing.
    json::Value find(json::Value arguments) const;
    /// Whether an Mcp-Param field called `name` (without its prefix) is the one.
    bool is_called(std::string_view name) const;
};

inline constexpr size_t mirrored_max = 64;

/// The mirrored arguments of a tool, by its inputSchema (or nothing): those on properties that are reached through
/// `properties` alone.
///
/// Errors: invalid when an annotation is not as MCP allows it: no token, the same twice but for case, on a property whose
/// type is not string, integer or boolean, or more than mirrored_max. Clients leave such a tool out of their lists.
Result<std::vector<Mirrored>> mirrored_arguments(json::Value input_schema, Workspace& space);

} // namespace weir::catalog
