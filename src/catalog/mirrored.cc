// catalog/mirrored.cc - a walk over nested `properties`, without recursion.
#include "catalog/mirrored.h"

#include <algorithm>
#include <span>

namespace weir::catalog {
namespace {

using json::Value;

char lower(char octet) { return octet >= 'A' && octet <= 'Z' ? static_cast<char>(octet | 0x20) : octet; }

bool equal_but_for_case(std::string_view left, std::string_view right) {
    return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                      [](char a, char b) { return lower(a) == lower(b); });
}

/// RFC 9110, section 5.6.2: 1*tchar.
bool is_token(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char octet) {
        const bool alphanumeric = (lower(octet) >= 'a' && lower(octet) <= 'z') || (octet >= '0' && octet <= '9');
        return alphanumeric || (octet != '\0' && std::string_view("!#$%&'*+-.^_`|~").contains(octet));
    });
}

bool may_be_mirrored(Value property) {
    const Value type = property.find("type");
    return type.equals("string") || type.equals("integer") || type.equals("boolean");
}

/// The walk's place: a `properties` object and how far it has been read.
struct Level {
    Value::Members members;
    Value::Members::Iterator at;
    explicit Level(Value properties) : members(properties.members()), at(members.begin()) {}
    bool over() const { return !(at != members.end()); }
};

} // namespace

Value Mirrored::find(Value arguments) const {
    for (const std::string& name : path) arguments = arguments.find(name);
    return arguments;
}

bool Mirrored::is_called(std::string_view name) const { return equal_but_for_case(header, name); }

Result<std::vector<Mirrored>> mirrored_arguments(Value input_schema, Workspace& space) {
    std::vector<Mirrored> found;
    std::vector<Level> levels; // as many as the document is deep, which the scan bounds
    std::vector<std::string> path;
    levels.emplace_back(input_schema.find("properties"));
    for (;;) {
        if (levels.back().over()) {
            levels.pop_back();
            if (levels.empty()) return found;
            path.pop_back();
            continue;
        }
        const auto [name, property] = *levels.back().at;
        ++levels.back().at;
        path.emplace_back(name.string(space));
        if (const Value annotation = property.find("x-mcp-header")) {
            const std::string_view header = annotation.string(space);
            const bool taken =
                std::ranges::any_of(found, [&](const Mirrored& other) { return other.is_called(header); });
            if (!is_token(header) || taken || !may_be_mirrored(property) || found.size() == mirrored_max)
                return fail(Error::invalid);
            found.push_back({std::string(header), path});
        }
        if (const Value deeper = property.find("properties"); deeper.is(json::Kind::object))
            levels.emplace_back(deeper);
        else path.pop_back();
    }
}

} // namespace weir::catalog
