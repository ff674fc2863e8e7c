// mcp/method.cc - looking methods up.
#include "mcp/method.h"

#include "base/assert.h"

#include <array>

namespace weir::mcp {
namespace {

struct Row {
    std::string_view text;
    Sent sent;
    Named named;
};

constexpr std::array<Row, method_count> rows = {{
    {"", Sent::request, Named::none},
#define WEIR_ROW(name, text, sent, named) {text, Sent::sent, Named::named},
    WEIR_MCP_METHODS(WEIR_ROW)
#undef WEIR_ROW
}};

constexpr size_t slots = 256;

constexpr size_t hash_of(std::string_view text) {
    const auto octet = [text](size_t at) { return static_cast<size_t>(static_cast<unsigned char>(text[at])); };
    return (text.size() * 29 + octet(0) * 3 + octet(text.size() / 2) * 7 + octet(text.size() - 1)) % slots;
}

/// Open addressing; 0 is free, else the method's number.
constexpr std::array<uint8_t, slots> table = [] {
    std::array<uint8_t, slots> numbers{};
    for (size_t i = 1; i < method_count; ++i) {
        size_t slot = hash_of(rows[i].text);
        while (numbers[slot] != 0) slot = (slot + 1) % slots;
        numbers[slot] = static_cast<uint8_t>(i);
    }
    return numbers;
}();

const Row& row_of(Method method) {
    const auto number = static_cast<size_t>(method);
    WEIR_ASSERT(number < method_count);
    return rows[number];
}

} // namespace

Method method_of(std::string_view text) {
    if (text.empty()) return Method::unknown;
    for (size_t slot = hash_of(text); table[slot] != 0; slot = (slot + 1) % slots)
        if (rows[table[slot]].text == text) return static_cast<Method>(table[slot]);
    return Method::unknown;
}

std::string_view name_of(Method method) { return row_of(method).text; }
Sent sent_as(Method method) { return row_of(method).sent; }
Named named_by(Method method) { return row_of(method).named; }

ListShape list_shape(Method method) {
    if (method == Method::tools_list) return {"tools", "name"};
    if (method == Method::prompts_list) return {"prompts", "name"};
    if (method == Method::resources_list) return {"resources", "uri"};
    if (method == Method::resources_templates_list) return {"resourceTemplates", "uriTemplate"};
    return {};
}

} // namespace weir::mcp
