// mcp/rewrite.h - what weir changes in messages that are not its own: lists lose what is hidden, discovery what weir does
// not speak, and what depends on who asks stops being public.
//
// Makes lists of edits for json::serialise(); writes nothing itself. No edit means: send it on as it came. Pure.
//
// Ownership: edits lie in the Workspace, their texts there or in constants.
#pragma once

#include "base/result.h"
#include "base/workspace.h"
#include "json/edit.h"
#include "mcp/message.h"
#include "mcp/revision.h"

#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

namespace weir::mcp {

/// A growing list of edits in a Workspace.
class Edits {
  public:
    explicit Edits(Workspace& space) : space_(&space) {}
    void add(const json::Edit& edit);
    bool empty() const { return count_ == 0; }
    size_t size() const { return count_; }
    /// In the order that serialise() wants.
    std::span<const json::Edit> sorted();
    Workspace& space() { return *space_; }

  private:
    Workspace* space_;
    std::span<json::Edit> room_;
    size_t count_ = 0;
};

/// One entry of a list.
struct Entry {
    std::string_view name; // of a tool or prompt; the URI of a resource, the template of a template
    json::Value value;
};

/// Asks `keep(Entry)` for each entry of the result of `list` (tools/list, prompts/list, resources/list or
/// resources/templates/list) and drops those it denies; order and nextCursor stay. Returns how many were dropped. When
/// any was, or `personal` says that the list depends on who asks, a complete modern result also gets cacheScope
/// "private" and a ttlMs of at most ttl_max_ms.
///
/// Errors: upstream_malformed when the entries are missing, no array, or one of them has no name.
inline constexpr int64_t ttl_max_ms = 60'000;
template <class Keep>
Result<size_t> filter_list(json::Value result, Method list, Era era, bool personal, Edits& edits, Keep&& keep);

/// The entries of such a result, one by one: false ends the walk. Errors: upstream_malformed as above.
using EntryVisitor = bool (*)(void* self, const Entry& entry);
Result<void> each_entry(json::Value result, Method list, Workspace& space, EntryVisitor visit, void* self);

/// cacheScope "private", ttlMs at most ttl_max_ms; only on complete results (resultType "complete") of the modern era.
void make_private(json::Value result, Edits& edits);

/// server/discover: leaves of supportedVersions what weir speaks as well. Errors: upstream_malformed.
Result<void> narrow_discovery(json::Value result, bool personal, Edits& edits);

/// The revision that the result of initialize agrees on, as a constant of mcp/revision.h.
/// Errors: upstream_malformed when it names none, protocol_unsupported when it is none of the legacy ones weir speaks.
Result<std::string_view> agreed_revision(json::Value result, Workspace& space);

/// subscriptions/listen: drops the URIs that `keep(uri)` denies from the request's filter; returns how many.
/// Errors: rpc_params when the filter is not as MCP defines it.
template <class Keep> Result<size_t> filter_listen(const Message& message, Edits& edits, Keep&& keep);

Result<size_t> drop_listened(const Message& message, Edits& edits, bool (*keep)(void*, std::string_view), void* self);

template <class Keep>
Result<size_t> filter_list(json::Value result, Method list, Era era, bool personal, Edits& edits, Keep&& keep) {
    struct Walk {
        Keep& keep;
        Edits& edits;
        size_t dropped = 0;
    } walk{keep, edits};
    const auto visit = [](void* self, const Entry& entry) {
        auto& here = *static_cast<Walk*>(self);
        if (!here.keep(entry)) {
            here.edits.add(json::Edit::drop(entry.value));
            ++here.dropped;
        }
        return true;
    };
    if (const auto walked = each_entry(result, list, edits.space(), visit, &walk); !walked) return fail(walked.error());
    if (era == Era::modern && (personal || walk.dropped != 0)) make_private(result, edits);
    return walk.dropped;
}

template <class Keep> Result<size_t> filter_listen(const Message& message, Edits& edits, Keep&& keep) {
    using Asked = std::remove_reference_t<Keep>;
    const auto ask = [](void* self, std::string_view uri) -> bool { return (*static_cast<Asked*>(self))(uri); };
    return drop_listened(message, edits, ask, const_cast<void*>(static_cast<const void*>(&keep)));
}

} // namespace weir::mcp
