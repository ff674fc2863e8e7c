// http/known.h - finds a known field name with one multiplication and one comparison.
//
// Pure, internal to src/http. The hash is perfect for the names of http/fields.h: the compiler searches for its
// multiplier, and a new name that finds none does not compile.
#pragma once

#include "http/fields.h"
#include "http/scan.h"

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace weir::http {

// The octets of a name take the bits of `fold` and must then equal `name`: 0x20 for a letter, so that upper case becomes
// lower; 0 for '-', which has one form; all bits for what lies behind the name's end, which always agrees.
struct KnownName {
    alignas(32) char name[32] = {};
    alignas(32) char fold[32] = {};
};

struct KnownNames {
    static constexpr unsigned table_bits = 8;
    static constexpr size_t size_min = 4;
    struct Slot {
        uint8_t size = 0; // 0: nothing is here
        FieldId id = FieldId::other;
    };
    uint32_t multiplier = 0;
    std::array<Slot, 1 << table_bits> slots{};
    std::array<KnownName, field_ids> known{}; // by FieldId
    uint64_t single = 0, ascii = 0, hop = 0;  // bit_of(): which rules a name has

    /// The first four octets in lower case and the length: no two known names agree in both.
    static constexpr uint32_t key(uint32_t first_four, size_t size) {
        return (first_four | 0x20202020) + static_cast<uint32_t>(size) * 0x01000193;
    }
    constexpr size_t slot_of(uint32_t key) const { return key * multiplier >> (32 - table_bits); }
};

consteval KnownNames known_names() {
    KnownNames names;
    std::array<uint8_t, field_ids> sizes{};
    enum class Rule : uint8_t { single, plain, free, hop };
    using enum Rule;
    const auto add = [&](FieldId id, std::string_view name, Rule rule) {
        KnownName& known = names.known[static_cast<size_t>(id)];
        if (name.size() < KnownNames::size_min || name.size() > sizeof known.name) throw "4 to 32 octets";
        for (size_t i = 0; i < sizeof known.name; ++i) {
            const bool inside = i < name.size();
            known.name[i] = inside ? name[i] : '\xff';
            known.fold[i] = !inside ? '\xff' : name[i] == '-' ? '\0' : ' ';
        }
        sizes[static_cast<size_t>(id)] = static_cast<uint8_t>(name.size());
        if (rule == single) names.single |= bit_of(id);
        if (rule == single || rule == plain) names.ascii |= bit_of(id);
        if (rule == hop) names.hop |= bit_of(id);
    };
#define WEIR_ROW(id, name, rule) add(FieldId::id, name, rule);
    WEIR_HTTP_FIELDS(WEIR_ROW)
#undef WEIR_ROW
    names.ascii |= bit_of(FieldId::mcp_param);
    std::array<uint32_t, field_ids> keys{};
    for (size_t i = 0; i < field_ids; ++i) {
        uint32_t first_four = 0;
        for (size_t k = 0; k < 4; ++k) first_four |= static_cast<uint32_t>(names.known[i].name[k] & 0x7f) << (8 * k);
        keys[i] = KnownNames::key(first_four, sizes[i]);
        for (size_t k = 0; k < i; ++k)
            if (sizes[i] != 0 && keys[k] == keys[i])
                throw "two names agree in their first four octets and their length";
    }
    for (uint32_t multiplier = 0x9e3779b1;; multiplier = multiplier * 1664525 + 1013904223) {
        names.multiplier = multiplier | 1;
        names.slots = {};
        bool clash = false;
        for (size_t i = 0; i < field_ids && !clash; ++i) {
            if (sizes[i] == 0) continue;
            KnownNames::Slot& slot = names.slots[names.slot_of(keys[i])];
            clash = slot.size != 0;
            slot = {sizes[i], static_cast<FieldId>(i)};
        }
        if (!clash) return names;
    }
}
alignas(64) inline constexpr KnownNames known = known_names();

/// The known name of `size` (at most 32) octets at `at`, where 32 can be read, or FieldId::other. The octets need not be
/// a token: only a known name, in any case, equals a known name.
inline FieldId known_id(const char* at, size_t size) {
    uint32_t first_four;
    std::memcpy(&first_four, at, sizeof first_four);
    if constexpr (std::endian::native == std::endian::big) first_four = __builtin_bswap32(first_four);
    const KnownNames::Slot slot = known.slots[known.slot_of(KnownNames::key(first_four, size))];
    if (slot.size != size) return FieldId::other;
    const KnownName& candidate = known.known[static_cast<size_t>(slot.id)];
    return scan::equal_folded(at, size, candidate.name, candidate.fold) ? slot.id : FieldId::other;
}

inline constexpr std::string_view mcp_prefix = "mcp-";
inline constexpr std::string_view mcp_param_prefix = "mcp-param-";

/// Whether `text` begins with `prefix` (letters in lower case and hyphens), in any case.
inline bool begins_with(std::string_view text, std::string_view prefix) {
    if (text.size() < prefix.size()) return false;
    for (size_t i = 0; i < prefix.size(); ++i)
        if (scan::lower(text[i]) != prefix[i]) return false;
    return true;
}

/// Whether `text` equals `wanted` (in lower case), in any case.
inline bool equals(std::string_view text, std::string_view wanted) {
    return text.size() == wanted.size() && begins_with(text, wanted);
}

} // namespace weir::http
