// mcp/rewrite.h - the few changes that weir makes to what an upstream says: lists without what a policy hides, discovery
// without what weir does not speak.
//
// Pure. The edits refer to the Document; texts they point at live in `space` or for ever.
#pragma once

#include "base/workspace.h"
#include "json/document.h"
#include "json/edit.h"
#include "mcp/message.h"

#include <string_view>

namespace weir::mcp {

/// Edits, as many as the workspace holds.
struct Edits {
    std::span<json::Edit> all;
    size_t count = 0;
    std::span<const json::Edit> used() const { return all.first(count); }
    void add(json::Edit edit) { all[count++] = edit; }
};

/// One entry of a catalogue, as a filter sees it.
struct Entry {
    std::string_view name; // of a tool or prompt; empty for resources
    std::string_view uri;  // of a resource, or its template
    json::Value value;
};

/// The array of a list's result, or nothing.
json::Value entries_of(Method list, json::Value result);
/// What one of its elements is called. False: it has no name or URI as MCP wants it.
bool read_entry(Method list, json::Value element, Workspace& space, Entry& entry);

/// Adds what a result that was filtered for one client needs on the modern era: cacheScope "private", ttlMs at most
/// 60,000. Call it with the edits of entries before it or after it; sort them then.
void add_private_scope(json::Value result, Edits& edits);
/// How many edits that takes at most.
inline constexpr size_t private_scope_edits = 2;

/// server/discover: supportedVersions less what weir does not speak. False: nothing is left that weir speaks.
bool add_version_edits(json::Value result, Workspace& space, Edits& edits);

} // namespace weir::mcp
