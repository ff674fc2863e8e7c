// http/fields.cc - field names that are known.
#include "http/fields.h"

#include "http/known.h"

#include <algorithm>

namespace weir::http {

FieldId field_id(std::string_view name) {
    std::array<char, 32> octets{};
    if (name.size() <= octets.size()) {
        std::ranges::copy(name, octets.begin());
        const FieldId id = known_id(octets.data(), name.size());
        if (id != FieldId::other) return id;
    }
    if (name.size() > mcp_param_prefix.size() && begins_with(name, mcp_param_prefix)) return FieldId::mcp_param;
    return FieldId::other;
}

bool is_disguised(std::string_view name) {
    if (name.find('_') == std::string_view::npos) return false;
    std::array<char, 32> plain;
    const size_t size = std::min(name.size(), plain.size());
    for (size_t i = 0; i < size; ++i) plain[i] = name[i] == '_' ? '-' : name[i];
    const std::string_view start(plain.data(), size);
    if (begins_with(start, mcp_prefix)) return !begins_with(name, mcp_param_prefix); // X of Mcp-Param-X may have '_'
    return name.size() == size && field_id(start) != FieldId::other;
}

std::optional<std::string> FieldSet::joined(std::string_view name) const {
    const auto small = [](char octet) { return octet >= 'A' && octet <= 'Z' ? static_cast<char>(octet + 32) : octet; };
    std::optional<std::string> all;
    for (const Field& field : fields) {
        if (!std::ranges::equal(field.name, name, {}, small)) continue;
        all = all ? *all + ", " + std::string(field.value) : std::string(field.value);
    }
    return all;
}

} // namespace weir::http
