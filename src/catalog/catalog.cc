// catalog/catalog.cc - places in turn, found by a hash of server and name.
#include "catalog/catalog.h"

#include "base/assert.h"
#include "base/hash.h"
#include "json/canonical.h"

#include <utility>

namespace weir::catalog {

Catalog::Catalog(BufferPool& pool, size_t tools_max) : pool_(pool), places_(tools_max) {
    WEIR_ASSERT(tools_max != 0);
    by_name_.reserve(tools_max);
}

uint64_t Catalog::key_of(uint32_t server, std::string_view name) { return hash64(name, server); }

Catalog::Place* Catalog::place_of(uint32_t server, std::string_view name) {
    const auto found = by_name_.find(key_of(server, name));
    if (found == by_name_.end()) return nullptr;
    Place& place = places_[found->second];
    // Another name with the same hash is as good as unknown, and gives way when this one is learned.
    return place.tool.server == server && place.tool.name == name ? &place : nullptr;
}

const Tool* Catalog::find(uint32_t server, std::string_view name) const {
    const Place* place = const_cast<Catalog*>(this)->place_of(server, name);
    return place == nullptr ? nullptr : &place->tool;
}

void Catalog::leave(Place& place) {
    if (!place.taken) return;
    by_name_.erase(key_of(place.tool.server, place.tool.name));
    place.taken = false;
}

void Catalog::forget(uint32_t server, std::string_view name) {
    if (Place* place = place_of(server, name)) leave(*place);
}

Catalog::Place& Catalog::new_place(uint32_t server, std::string_view name) {
    if (const auto other = by_name_.find(key_of(server, name)); other != by_name_.end()) leave(places_[other->second]);
    Place& place = places_[next_];
    leave(place);
    by_name_.emplace(key_of(server, name), static_cast<uint32_t>(next_));
    next_ = (next_ + 1) % places_.size();
    place.taken = true;
    place.tool = Tool();
    place.tool.server = server;
    place.tool.name = name;
    return place;
}

void Catalog::adopt(const Tool& tool) {
    Place* place = place_of(tool.server, tool.name);
    if (place == nullptr) place = &new_place(tool.server, tool.name);
    place->received = {}; // How it was spelled there does not matter here.
    place->tool = tool;
}

Result<Catalog::News> Catalog::learn(uint32_t server, json::Value tool, Workspace& space) {
    const json::Value name_value = tool.find("name");
    if (!name_value.is(json::Kind::string)) return fail(Error::upstream_malformed);
    const std::string_view name = name_value.string(space);
    Place* place = place_of(server, name);
    const crypto::Digest received = crypto::Sha256::of(tool.raw());
    if (place != nullptr && place->received == received) return News::same;

    PaddedBytes form(pool_);
    if (!json::canonical(tool, definition_bytes_max, space, form)) {
        forget(server, name);
        return fail(Error::limit_reached);
    }
    const crypto::Digest hash = crypto::Sha256::of(form.text());
    const bool known = place != nullptr;
    if (known && place->tool.hash == hash) { // only spelled in another way
        place->received = received;
        return News::same;
    }
    Place& fresh = known ? *place : new_place(server, name);
    fresh.received = received;
    fresh.tool.hash = hash;
    auto mirrored = mirrored_arguments(tool.find("inputSchema"), space);
    fresh.tool.ill_annotated = !mirrored;
    fresh.tool.mirrored = mirrored ? std::move(*mirrored) : std::vector<Mirrored>();
    return known ? News::changed : News::fresh;
}

} // namespace weir::catalog
