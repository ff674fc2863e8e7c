// crypto/sha256_native.cc - SHA-256's compression function by the x86 SHA instructions (Intel SDM, volume 1, 5.20).
//
// Compiled for them function by function, and only ever called where CPUID says that they are there.
#include "crypto/sha256_blocks.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

namespace weir::crypto {

#if defined(__x86_64__)
namespace {

__attribute__((target("sha,sse4.1,ssse3"))) inline __m128i load(const uint8_t* at) {
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    return _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at)), big_endian);
}

/// Rounds 4 * group .. 4 * group + 3. The instructions want the state as {A,B,E,F} and {C,D,G,H}.
__attribute__((target("sha,sse4.1,ssse3"))) inline void four_rounds(__m128i& abef, __m128i& cdgh, __m128i words,
                                                                    size_t group) {
    const __m128i constants = _mm_loadu_si128(reinterpret_cast<const __m128i*>(sha256_constants + 4 * group));
    const __m128i sum = _mm_add_epi32(words, constants);
    cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
    abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0e));
}

__attribute__((target("sha,sse4.1,ssse3"))) void blocks_native(uint32_t* state, const uint8_t* blocks, size_t count) {
    const __m128i dcba = _mm_loadu_si128(reinterpret_cast<const __m128i*>(state));
    const __m128i hgfe = _mm_loadu_si128(reinterpret_cast<const __m128i*>(state + 4));
    const __m128i cdab = _mm_shuffle_epi32(dcba, 0xb1), efgh = _mm_shuffle_epi32(hgfe, 0x1b);
    __m128i abef = _mm_alignr_epi8(cdab, efgh, 8), cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);
    for (; count != 0; --count, blocks += 64) {
        const __m128i abef_before = abef, cdgh_before = cdgh;
        __m128i words[4] = {load(blocks), load(blocks + 16), load(blocks + 32), load(blocks + 48)};
        for (size_t group = 0; group < 16; ++group) {
            const __m128i now = words[group % 4];
            four_rounds(abef, cdgh, now, group);
            if (group >= 12) continue;
            // The message schedule, sixteen words ahead (FIPS 180-4, section 6.2.2, step 1).
            const __m128i next = words[(group + 1) % 4], last = words[(group + 3) % 4];
            const __m128i far = _mm_alignr_epi8(last, words[(group + 2) % 4], 4);
            words[group % 4] = _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(now, next), far), last);
        }
        abef = _mm_add_epi32(abef, abef_before);
        cdgh = _mm_add_epi32(cdgh, cdgh_before);
    }
    const __m128i feba = _mm_shuffle_epi32(abef, 0x1b), dchg = _mm_shuffle_epi32(cdgh, 0xb1);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(state), _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

} // namespace

Sha256Blocks sha256_blocks_native() {
    unsigned a = 0, b = 0, c = 0, d = 0;
    if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & bit_SSSE3) == 0 || (c & bit_SSE4_1) == 0) return nullptr;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0 || (b & bit_SHA) == 0) return nullptr;
    return blocks_native;
}
#else
Sha256Blocks sha256_blocks_native() { return nullptr; }
#endif

} // namespace weir::crypto
