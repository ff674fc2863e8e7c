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

inline constexpr uint32_t block_bytes = 16;

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

/// Where a sweep came to, and whether it met anything beyond ASCII (or did so shortly behind that place).
struct Swept {
    const char* at; // the first special octet; `end` or a place behind it if there is none before `end`
    uint64_t beyond_ascii;
};

using Sweep = Swept (*)(const char* at, const char* end);

/// All sweeps that this processor can run, the fastest first: AVX-512, AVX2, the baseline's.
std::span<const Sweep> sweeps();

} // namespace weir::json
