// mcp/rewrite.cc - edits for lists and discovery.
#include "mcp/rewrite.h"

#include "mcp/era.h"

namespace weir::mcp {
namespace {

constexpr int64_t ttl_ms_max = 60'000; // how long a client may believe a list that policies made

} // namespace

json::Value entries_of(Method list, json::Value result) {
    const auto name = list_of(list);
    if (name.empty() || !result.is(json::Kind::object)) return {};
    const auto entries = result.find(name);
    return entries.is(json::Kind::array) ? entries : json::Value();
}

bool read_entry(Method list, json::Value element, Workspace& space, Entry& entry) {
    const bool resource = list == Method::resources_list, is_template = list == Method::resources_templates_list;
    const auto text = element.is(json::Kind::object)
                          ? element.find(resource ? "uri" : is_template ? "uriTemplate" : "name")
                          : json::Value();
    if (!text.is(json::Kind::string)) return false;
    entry = {.name = {}, .uri = {}, .value = element};
    (resource || is_template ? entry.uri : entry.name) = text.string(space);
    return true;
}

void add_private_scope(json::Value result, Edits& edits) {
    const auto scope = result.find("cacheScope");
    if (scope && !scope.equals("private")) edits.add(json::Edit::replace(scope, R"("private")"));
    const auto ttl = result.find("ttlMs");
    if (ttl && ttl.integer().value_or(ttl_ms_max + 1) > ttl_ms_max) edits.add(json::Edit::replace(ttl, "60000"));
}

bool add_version_edits(json::Value result, Workspace& space, Edits& edits) {
    const auto versions = result.find("supportedVersions");
    if (!versions.is(json::Kind::array)) return true;
    size_t left = 0;
    for (const auto version : versions.elements()) {
        if (version.is(json::Kind::string) && is_known_revision(version.string(space))) ++left;
        else edits.add(json::Edit::drop(version));
    }
    return left != 0;
}

} // namespace weir::mcp
