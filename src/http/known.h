// http/known.h - finds a known field name with one multiplication and one comparison.
//
// Pure, internal to src/http. The hash is perfect for the names of http/fields.h: the compiler searches for its
// multiplier, and a new name that finds none does not compile.
#pragma once

#include "http/fields.h"
#include "http/scan.h"

#include <array>
#include <cstdint>
#include <string_view>

namespace weir::http {

inline constexpr uint8_t rule_single = 1, rule_ascii = 2, rule_hop = 4;

struct KnownName {
    alignas(16) char name[32] = {};
    alignas(16) char fold[32] = {}; // 0x20 for a letter, so that upper case becomes lower; 0 for '-', which has one form
    uint8_t size = 0;
    FieldId id = FieldId::other;
    uint8_t rule = 0;
};

struct KnownNames {
    static constexpr unsigned table_bits = 7;
    uint32_t multiplier = 0;
    std::array<uint8_t, 1 << table_bits> slot{}; // FieldId
    std::array<KnownName, field_ids> known{};    // by FieldId; [other] has size 0 and matches nothing

    /// Length, first, middle and last octet, in lower case: no two known names agree in all four.
    static constexpr uint32_t key(const char* name, size_t size) {
        const auto octet = [name](size_t at) { return static_cast<uint32_t>(static_cast<unsigned char>(name[at] | 0x20)); };
        return octet(0) | octet(size / 2) << 8 | octet(size - 1) << 16 | static_cast<uint32_t>(size) << 24;
    }
    constexpr size_t slot_of(uint32_t key) const { return key * multiplier >> (32 - table_bits); }
};

consteval KnownNames known_names() {
    KnownNames names;
    const auto add = [&names](FieldId id, std::string_view name, uint8_t rule) {
        KnownName& known = names.known[static_cast<size_t>(id)];
        if (name.size() > sizeof known.name) throw "known names have at most 32 octets";
        for (size_t i = 0; i < name.size(); ++i) {
            known.name[i] = name[i];
            known.fold[i] = name[i] == '-' ? '\0' : ' ';
        }
        known.size = static_cast<uint8_t>(name.size());
        known.id = id;
        known.rule = rule;
    };
    constexpr uint8_t single = rule_single | rule_ascii, plain = rule_ascii, free = 0, hop = rule_hop;
#define WEIR_ROW(id, name, rule) add(FieldId::id, name, rule);
    WEIR_HTTP_FIELDS(WEIR_ROW)
#undef WEIR_ROW
    names.known[static_cast<size_t>(FieldId::mcp_param)].rule = rule_ascii;
    for (uint32_t multiplier = 0x9e3779b1;; multiplier = multiplier * 1664525 + 1013904223) {
        names.multiplier = multiplier | 1;
        names.slot = {};
        bool clash = false;
        for (const KnownName& known : names.known) {
            if (known.size == 0) continue;
            uint8_t& slot = names.slot[names.slot_of(KnownNames::key(known.name, known.size))];
            clash = clash || slot != 0;
            slot = static_cast<uint8_t>(known.id);
        }
        if (!clash) return names;
    }
}
inline constexpr KnownNames known = known_names();

/// The known name of `size` (at least 1, at most 32) octets at `at`, or FieldId::other. `end` bounds what may be read.
/// The octets need not be a token: only a known name, in any case, equals a known name.
inline FieldId known_id(const char* at, size_t size, const char* end) {
    const KnownName& candidate = known.known[known.slot[known.slot_of(KnownNames::key(at, size))]];
    if (candidate.size != size || !scan::equal_folded(at, end, size, candidate.name, candidate.fold))
        return FieldId::other;
    return candidate.id;
}

inline uint8_t rule_of(FieldId id) { return known.known[static_cast<size_t>(id)].rule; }

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
