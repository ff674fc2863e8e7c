// mcp/rewrite.cc - walking results for the edits that they need.
#include "mcp/rewrite.h"

#include <algorithm>

namespace weir::mcp {
namespace {

using json::Edit;
using json::Value;

constexpr std::string_view quoted_private = R"("private")", quoted_ttl_max = "60000";

} // namespace

void Edits::add(const Edit& edit) {
    if (count_ == room_.size()) {
        const auto larger = space_->array<Edit>(std::max<size_t>(16, count_ * 2));
        std::copy_n(room_.begin(), count_, larger.begin());
        room_ = larger;
    }
    room_[count_++] = edit;
}

std::span<const Edit> Edits::sorted() {
    // Edits come in the order of the walk but for one or two, so that inserting those is all there is to do (and, unlike
    // std::stable_sort, needs no memory).
    const auto edits = room_.first(count_);
    for (auto at = edits.begin(); at != edits.end(); ++at)
        std::rotate(std::ranges::upper_bound(edits.begin(), at, at->node, {}, &Edit::node), at, at + 1);
    return edits;
}

Result<void> each_entry(Value result, Method list, Workspace& space, EntryVisitor visit, void* self) {
    const ListShape shape = list_shape(list);
    const Value entries = shape.entries.empty() ? Value() : result.find(shape.entries);
    if (!entries.is(json::Kind::array)) return fail(Error::upstream_malformed);
    for (const Value entry : entries.elements()) {
        const Value name = entry.find(shape.name);
        if (!name.is(json::Kind::string)) return fail(Error::upstream_malformed);
        if (!visit(self, {name.string(space), entry})) break;
    }
    return {};
}

void make_private(Value result, Edits& edits) {
    if (!result.is(json::Kind::object) || !result.find("resultType").equals("complete")) return;
    if (const Value scope = result.find("cacheScope"); !scope)
        edits.add(Edit::insert(result, "cacheScope", quoted_private));
    else if (!scope.equals("private")) edits.add(Edit::replace(scope, quoted_private));
    const Value ttl = result.find("ttlMs");
    if (!ttl) return edits.add(Edit::insert(result, "ttlMs", quoted_ttl_max));
    // What is no number of milliseconds at all is nobody's permission to keep it for long.
    const auto ms = ttl.integer();
    if (!ms || *ms < 0 || *ms > ttl_max_ms) edits.add(Edit::replace(ttl, quoted_ttl_max));
}

Result<void> narrow_discovery(Value result, bool personal, Edits& edits) {
    const Value versions = result.find("supportedVersions");
    if (!versions.is(json::Kind::array)) return fail(Error::upstream_malformed);
    for (const Value version : versions.elements()) {
        if (!version.is(json::Kind::string)) return fail(Error::upstream_malformed);
        if (!is_known_revision(version.string(edits.space()))) edits.add(Edit::drop(version));
    }
    if (personal) make_private(result, edits);
    return {};
}

Result<std::string_view> agreed_revision(Value result, Workspace& space) {
    const Value version = result.find("protocolVersion");
    if (!version.is(json::Kind::string)) return fail(Error::upstream_malformed);
    const std::string_view known = known_revision(version.string(space));
    if (known.empty() || is_modern_revision(known)) return fail(Error::protocol_unsupported);
    return known;
}

Result<size_t> drop_listened(const Message& message, Edits& edits, bool (*keep)(void*, std::string_view), void* self) {
    const Value filter = message.params.find("notifications");
    if (!filter.is(json::Kind::object)) return fail(Error::rpc_params);
    const Value uris = filter.find("resourceSubscriptions");
    if (!uris) return size_t{0};
    if (!uris.is(json::Kind::array)) return fail(Error::rpc_params);
    size_t dropped = 0;
    for (const Value uri : uris.elements()) {
        if (!uri.is(json::Kind::string)) return fail(Error::rpc_params);
        if (keep(self, uri.string(edits.space()))) continue;
        edits.add(Edit::drop(uri));
        ++dropped;
    }
    return dropped;
}

} // namespace weir::mcp
