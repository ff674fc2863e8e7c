// json/sweep.h - how strings are crossed quickly: to the next octet of a string that needs a look.
//
// That is its end (a quote), an escape (a backslash) or what must not stand there (a control below U+0020). On the way
// it notes whether anything beyond ASCII was met, since only then the text's UTF-8 has to be checked. Pure. All
// functions read up to 64 octets past `end`, which must be readable (padded), and whose values mean nothing.
#pragma once

#include <cstdint>
#include <span>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace weir::json {

inline constexpr uint32_t block_bytes = 16, block_mask = 0xffff;

/// One bit for each of the 16 octets at a place, the lowest for the first.
struct Block {
    uint32_t special;      // quotes, backslashes, controls
    uint32_t beyond_ascii; // 0x80 and above
};

/// Looks at the 16 octets at `at`: enough for most names and many strings.
inline Block look(const char* at) {
#if defined(__SSE2__)
    const __m128i octets = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i quotes = _mm_cmpeq_epi8(octets, _mm_set1_epi8('"'));
    const __m128i backslashes = _mm_cmpeq_epi8(octets, _mm_set1_epi8('\\'));
    const __m128i controls = _mm_cmpeq_epi8(_mm_min_epu8(octets, _mm_set1_epi8(0x1f)), octets);
    const __m128i special = _mm_or_si128(_mm_or_si128(quotes, backslashes), controls);
    return {static_cast<uint32_t>(_mm_movemask_epi8(special)), static_cast<uint32_t>(_mm_movemask_epi8(octets))};
#else
    Block block{0, 0};
    for (uint32_t i = 0; i < block_bytes; ++i) {
        const auto octet = static_cast<unsigned char>(at[i]);
        block.special |= uint32_t{octet < 0x20 || octet == '"' || octet == '\\'} << i;
        block.beyond_ascii |= uint32_t{octet >= 0x80} << i;
    }
    return block;
#endif
}

/// The same in more detail, for strings with escapes.
struct Marks {
    uint32_t quotes, backslashes, controls, beyond_ascii;
    uint32_t short_escapes; // what may stand behind a backslash and ends the escape
};

inline Marks mark(const char* at) {
#if defined(__SSE2__)
    const __m128i octets = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const auto are = [&](char octet) { return _mm_cmpeq_epi8(octets, _mm_set1_epi8(octet)); };
    const auto bits = [](__m128i mask) { return static_cast<uint32_t>(_mm_movemask_epi8(mask)); };
    const __m128i controls = _mm_cmpeq_epi8(_mm_min_epu8(octets, _mm_set1_epi8(0x1f)), octets);
    const __m128i quotes = are('"'), backslashes = are('\\');
    const __m128i signs = _mm_or_si128(_mm_or_si128(quotes, backslashes), are('/'));
    const __m128i letters =
        _mm_or_si128(_mm_or_si128(_mm_or_si128(are('b'), are('f')), _mm_or_si128(are('n'), are('r'))), are('t'));
    return {bits(quotes), bits(backslashes), bits(controls), bits(octets), bits(_mm_or_si128(signs, letters))};
#else
    Marks marks{};
    for (uint32_t i = 0; i < block_bytes; ++i) {
        const auto octet = static_cast<unsigned char>(at[i]);
        marks.quotes |= uint32_t{octet == '"'} << i;
        marks.backslashes |= uint32_t{octet == '\\'} << i;
        marks.controls |= uint32_t{octet < 0x20} << i;
        marks.beyond_ascii |= uint32_t{octet >= 0x80} << i;
        for (const char letter : {'"', '\\', '/', 'b', 'f', 'n', 'r', 't'})
            marks.short_escapes |= uint32_t{octet == static_cast<unsigned char>(letter)} << i;
    }
    return marks;
#endif
}

/// What letters stand where.
struct Letters {
    uint32_t plain;    // U+0020 to U+007E
    uint32_t capitals; // A to Z
};

inline Letters letters_at(const char* at) {
#if defined(__SSE2__)
    const __m128i octets = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at)); // beyond ASCII: below zero
    const auto between = [&](char before, char behind) {
        return static_cast<uint32_t>(_mm_movemask_epi8(_mm_and_si128(_mm_cmpgt_epi8(octets, _mm_set1_epi8(before)),
                                                                     _mm_cmpgt_epi8(_mm_set1_epi8(behind), octets))));
    };
    return {between(0x1f, 0x7f), between('A' - 1, 'Z' + 1)};
#else
    Letters letters{0, 0};
    for (uint32_t i = 0; i < block_bytes; ++i) {
        const auto octet = static_cast<unsigned char>(at[i]);
        letters.plain |= uint32_t{octet >= 0x20 && octet < 0x7f} << i;
        letters.capitals |= uint32_t{octet >= 'A' && octet <= 'Z'} << i;
    }
    return letters;
#endif
}

/// The octets that a backslash before them escapes, of a block and (bit 16) the first one behind it. `first` is 1 if the
/// block's first octet is escaped by the one before. Escaped backslashes are not among them, only what ends a run.
///
/// A run of backslashes escapes what follows it if its length is odd; adding a run's start to the run carries to its
/// end, and start and end tell by their places whether the length is odd (Langdale and Lemire, "Parsing gigabytes of
/// JSON per second", 2019, section 3.1.1).
inline uint32_t escaped_by(uint32_t backslashes, uint32_t first) {
    constexpr uint32_t even = 0x55555555, odd = ~even;
    const uint32_t runs = backslashes & ~first;
    const uint32_t starts = runs & ~(runs << 1);
    const uint32_t from_even = (runs + (starts & even)) & ~runs & odd;
    const uint32_t from_odd = (runs + (starts & odd)) & ~runs & even;
    return from_even | from_odd | first;
}

/// Where a sweep came to, and whether it met anything beyond ASCII (or did so shortly behind that place).
struct Swept {
    const char* at; // the first special octet; `end` or a place behind it if there is none before `end`
    uint64_t beyond_ascii;
};

using Sweep = Swept (*)(const char* at, const char* end);

/// All sweeps that this processor can run, the fastest first: AVX-512, AVX2, the baseline's.
std::span<const Sweep> sweeps();

} // namespace weir::json
