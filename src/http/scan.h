// http/scan.h - the loops that look at every octet: of a field value, a field name, a line of an event stream.
//
// Pure, inline, internal to src/http. None reads an octet at or past `end`. Where the machine is x86-64, whose baseline
// has SSE2, sixteen octets are looked at at once; `portable` holds the same functions for every other machine, and the
// tests compare the two.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace weir::http::scan {

// What an octet may be. One table for all grammars; the bits are asked for together where that saves a branch.
enum Class : uint8_t {
    token = 1,       // tchar (RFC 9110 section 5.6.2)
    field_value = 2, // HTAB, SP, VCHAR, obs-text (RFC 9110 section 5.5)
    path = 4,        // pchar and '/', less '%' and '.' (RFC 3986 section 3.3), which are looked at more closely
    special = 8,     // '%' '.' '?' '[' ']': a target that has one is looked at more closely
    host = 16,       // letters, digits, '.', '-', '_'
    digit = 32,
    hex = 64,
};

consteval std::array<uint8_t, 256> classes() {
    std::array<uint8_t, 256> table{};
    const auto mark = [&table](const char* octets, unsigned kind) {
        for (const char* c = octets; *c != '\0'; ++c) {
            auto& entry = table[static_cast<unsigned char>(*c)];
            entry = static_cast<uint8_t>(entry | kind);
        }
    };
    const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    mark(letters, token | path | host);
    mark("0123456789", token | path | host | digit | hex);
    mark("abcdefABCDEF", hex);
    mark("!#$%&'*+-.^_`|~", token);
    mark("-_~!$&'()*+,;=:@/", path);
    mark("%.?[]", special);
    mark("-._", host);
    for (unsigned c = 0; c < 256; ++c)
        if (c == '\t' || (c >= ' ' && c != 127)) table[c] = static_cast<uint8_t>(table[c] | field_value);
    return table;
}
inline constexpr std::array<uint8_t, 256> class_of = classes();

inline bool is(char octet, unsigned kind) { return (class_of[static_cast<unsigned char>(octet)] & kind) != 0; }
inline bool is_space(char octet) { return octet == ' ' || octet == '\t'; }
/// Cheaper to ask first: true for white space and controls.
inline bool maybe_space(char octet) { return static_cast<unsigned char>(octet) <= ' '; }
/// ASCII only; other octets stay.
inline char lower(char octet) { return octet >= 'A' && octet <= 'Z' ? static_cast<char>(octet | 0x20) : octet; }

namespace portable {

/// The first octet in [at, end) that no field value may have, or end. Sets `high` if one before it is above 127.
inline const char* value_end(const char* at, const char* end, bool& high) {
    unsigned any = 0;
    while (at != end && is(*at, field_value)) any |= static_cast<unsigned char>(*at++);
    high = high || any >= 128;
    return at;
}

/// The first CR or LF in [at, end), or end.
inline const char* line_end(const char* at, const char* end) {
    while (at != end && *at != '\r' && *at != '\n') ++at;
    return at;
}

/// Where the first ':' is among the 32 octets at `at`; 32 if there is none.
inline size_t colon(const char* at) {
    size_t size = 0;
    while (size != 32 && at[size] != ':') ++size;
    return size;
}

/// Whether the first `size` of the 32 octets at `at` equal `name` once they have the bits of `fold`. `name` and `fold`
/// have 32 octets, those behind `size` with all bits.
inline bool equal_folded(const char* at, size_t size, const char* name, const char* fold) {
    for (size_t i = 0; i < size; ++i)
        if ((at[i] | fold[i]) != name[i]) return false;
    return true;
}

/// Skips letters, digits, '-', '.' and '/', but stops at `excluded` if it is one of these; may stop before anything.
inline const char* skip_words(const char* at, const char*, char) { return at; }

} // namespace portable

#if defined(__SSE2__)

inline __m128i load(const char* at) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at)); }
inline unsigned mask_of(__m128i octets) { return static_cast<unsigned>(_mm_movemask_epi8(octets)); }

inline const char* value_end(const char* at, const char* end, bool& high) {
    // One more than it was and signed, an octet is above SP exactly if it was SP to '~'. Tabs and octets above 127 are
    // rare, so the loop goes on behind each instead of masking them.
    const __m128i one = _mm_set1_epi8(1), space = _mm_set1_epi8(' ');
    while (end - at >= 16) {
        const unsigned plain = mask_of(_mm_cmpgt_epi8(_mm_add_epi8(load(at), one), space));
        if (plain == 0xffff) {
            at += 16;
            continue;
        }
        at += __builtin_ctz(~plain);
        if (*at == '\r' || !is(*at, field_value)) return at;
        high = high || static_cast<unsigned char>(*at) >= 128;
        ++at;
    }
    return portable::value_end(at, end, high);
}

inline const char* line_end(const char* at, const char* end) {
    const __m128i cr = _mm_set1_epi8('\r'), lf = _mm_set1_epi8('\n');
    const auto hits = [cr, lf](const char* p) {
        const __m128i octets = load(p);
        return _mm_or_si128(_mm_cmpeq_epi8(octets, cr), _mm_cmpeq_epi8(octets, lf));
    };
    while (end - at >= 64) { // One line may be a screenshot.
        const __m128i a = hits(at), b = hits(at + 16), c = hits(at + 32), d = hits(at + 48);
        if (mask_of(_mm_or_si128(_mm_or_si128(a, b), _mm_or_si128(c, d))) != 0) break;
        at += 64;
    }
    while (end - at >= 16) {
        const unsigned found = mask_of(hits(at));
        if (found != 0) return at + __builtin_ctz(found);
        at += 16;
    }
    return portable::line_end(at, end);
}

inline size_t colon(const char* at) {
    const __m128i wanted = _mm_set1_epi8(':');
    const unsigned first = mask_of(_mm_cmpeq_epi8(load(at), wanted));
    if (first != 0) return static_cast<size_t>(__builtin_ctz(first));
    const unsigned second = mask_of(_mm_cmpeq_epi8(load(at + 16), wanted));
    return static_cast<size_t>(16 + __builtin_ctz(second | 0x10000));
}

inline bool equal_folded(const char* at, size_t size, const char* name, const char* fold) {
    const auto equal = [at, name, fold](size_t from) {
        return mask_of(_mm_cmpeq_epi8(_mm_or_si128(load(at + from), load(fold + from)), load(name + from))) == 0xffff;
    };
    return equal(0) && (size <= 16 || equal(16));
}

inline const char* skip_words(const char* at, const char* end, char excluded) {
    const auto within = [](__m128i octets, char first, char count) { // unsigned: first <= octet < first + count
        const __m128i offset = _mm_sub_epi8(octets, _mm_set1_epi8(first));
        return _mm_cmpeq_epi8(_mm_min_epu8(offset, _mm_set1_epi8(static_cast<char>(count - 1))), offset);
    };
    while (end - at >= 16) {
        const __m128i octets = load(at);
        const __m128i letters = within(_mm_or_si128(octets, _mm_set1_epi8(0x20)), 'a', 26);
        const __m128i others = within(octets, '-', '9' - '-' + 1); // - . / 0 to 9
        const __m128i stops = _mm_cmpeq_epi8(octets, _mm_set1_epi8(excluded));
        const unsigned words = mask_of(_mm_andnot_si128(stops, _mm_or_si128(letters, others)));
        if (words != 0xffff) return at + __builtin_ctz(~words);
        at += 16;
    }
    return at;
}

#else

using portable::colon;
using portable::equal_folded;
using portable::line_end;
using portable::skip_words;
using portable::value_end;

#endif

} // namespace weir::http::scan
