// mcp/method.cc - looking methods up.
#include "mcp/method.h"

#include <array>
#include <cstring>

namespace weir::mcp {
namespace {

constexpr size_t slots = 256;

constexpr size_t hash_of(std::string_view text) {
    const auto octet = [text](size_t at) { return static_cast<size_t>(static_cast<unsigned char>(text[at])); };
    return (text.size() * 29 + octet(0) * 3 + octet(text.size() / 2) * 7 + octet(text.size() - 1)) % slots;
}

/// Open addressing; 0 is free, else the method's number.
constexpr std::array<uint8_t, slots> table = [] {
    std::array<uint8_t, slots> numbers{};
    for (size_t i = 1; i < method_count; ++i) {
        size_t slot = hash_of(method_rows[i].text);
        while (numbers[slot] != 0) slot = (slot + 1) % slots;
        numbers[slot] = static_cast<uint8_t>(i);
    }
    return numbers;
}();

/// Equal, and of the same size. Most methods are of eight octets or more: two words, or more in a call.
bool same(std::string_view left, std::string_view right) {
    if (left.size() != right.size()) return false;
    if (left.size() < 8 || left.size() > 16) return left == right;
    const auto word = [](std::string_view text, size_t at) {
        uint64_t octets;
        std::memcpy(&octets, text.data() + at, sizeof octets);
        return octets;
    };
    const size_t last = left.size() - 8;
    return word(left, 0) == word(right, 0) && word(left, last) == word(right, last);
}

} // namespace

Method method_of(std::string_view text) {
    if (text.empty()) return Method::unknown;
    for (size_t slot = hash_of(text); table[slot] != 0; slot = (slot + 1) % slots)
        if (same(method_rows[table[slot]].text, text)) return static_cast<Method>(table[slot]);
    return Method::unknown;
}

bool is_legacy_only(Method method) {
    return method == Method::initialize || method == Method::ping || method == Method::logging_set_level ||
           method == Method::resources_subscribe || method == Method::resources_unsubscribe ||
           method == Method::tasks_result || method == Method::tasks_list;
}

ListShape list_shape(Method method) {
    if (method == Method::tools_list) return {"tools", "name"};
    if (method == Method::prompts_list) return {"prompts", "name"};
    if (method == Method::resources_list) return {"resources", "uri"};
    if (method == Method::resources_templates_list) return {"resourceTemplates", "uriTemplate"};
    return {};
}

} // namespace weir::mcp
