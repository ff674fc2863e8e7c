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

/// A state as the instructions want it.
struct State {
    __m128i abef, cdgh;
};

__attribute__((target("sha,sse4.1,ssse3"))) inline State load_state(const uint32_t* state) {
    const __m128i dcba = _mm_loadu_si128(reinterpret_cast<const __m128i*>(state));
    const __m128i hgfe = _mm_loadu_si128(reinterpret_cast<const __m128i*>(state + 4));
    const __m128i cdab = _mm_shuffle_epi32(dcba, 0xb1), efgh = _mm_shuffle_epi32(hgfe, 0x1b);
    return {_mm_alignr_epi8(cdab, efgh, 8), _mm_blend_epi16(efgh, cdab, 0xf0)};
}

__attribute__((target("sha,sse4.1,ssse3"))) inline void store_state(const State& from, uint32_t* state) {
    const __m128i feba = _mm_shuffle_epi32(from.abef, 0x1b), dchg = _mm_shuffle_epi32(from.cdgh, 0xb1);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(state), _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

/// The message schedule, sixteen words ahead (FIPS 180-4, section 6.2.2, step 1): the group's words for its next turn.
__attribute__((target("sha,sse4.1,ssse3"))) inline __m128i schedule(const __m128i* words, size_t group) {
    const __m128i next = words[(group + 1) % 4], last = words[(group + 3) % 4];
    const __m128i far = _mm_alignr_epi8(last, words[(group + 2) % 4], 4);
    return _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(words[group % 4], next), far), last);
}

__attribute__((target("sha,sse4.1,ssse3"))) void blocks_native(uint32_t* state, const uint8_t* blocks, size_t count) {
    State now = load_state(state);
    for (; count != 0; --count, blocks += 64) {
        const State before = now;
        __m128i words[4] = {load(blocks), load(blocks + 16), load(blocks + 32), load(blocks + 48)};
#pragma GCC unroll 16
        for (size_t group = 0; group < 16; ++group) {
            four_rounds(now.abef, now.cdgh, words[group % 4], group);
            if (group < 12) words[group % 4] = schedule(words, group);
        }
        now.abef = _mm_add_epi32(now.abef, before.abef);
        now.cdgh = _mm_add_epi32(now.cdgh, before.cdgh);
    }
    store_state(now, state);
}

/// One hash waits for its own last round most of the time; two fill each other's gaps.
__attribute__((target("sha,sse4.1,ssse3"))) void pair_blocks_native(uint32_t* a_state, const uint8_t* a_blocks,
                                                                    uint32_t* b_state, const uint8_t* b_blocks,
                                                                    size_t count) {
    State a = load_state(a_state), b = load_state(b_state);
    for (; count != 0; --count, a_blocks += 64, b_blocks += 64) {
        const State a_before = a, b_before = b;
        __m128i a_words[4] = {load(a_blocks), load(a_blocks + 16), load(a_blocks + 32), load(a_blocks + 48)};
        __m128i b_words[4] = {load(b_blocks), load(b_blocks + 16), load(b_blocks + 32), load(b_blocks + 48)};
#pragma GCC unroll 16
        for (size_t group = 0; group < 16; ++group) {
            four_rounds(a.abef, a.cdgh, a_words[group % 4], group);
            four_rounds(b.abef, b.cdgh, b_words[group % 4], group);
            if (group >= 12) continue;
            a_words[group % 4] = schedule(a_words, group);
            b_words[group % 4] = schedule(b_words, group);
        }
        a.abef = _mm_add_epi32(a.abef, a_before.abef);
        a.cdgh = _mm_add_epi32(a.cdgh, a_before.cdgh);
        b.abef = _mm_add_epi32(b.abef, b_before.abef);
        b.cdgh = _mm_add_epi32(b.cdgh, b_before.cdgh);
    }
    store_state(a, a_state);
    store_state(b, b_state);
}

bool processor_has_sha() {
    unsigned a = 0, b = 0, c = 0, d = 0;
    if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & bit_SSSE3) == 0 || (c & bit_SSE4_1) == 0) return false;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & bit_SHA) != 0;
}

} // namespace

Sha256Blocks sha256_blocks_native() { return processor_has_sha() ? blocks_native : nullptr; }
Sha256PairBlocks sha256_pair_blocks_native() { return processor_has_sha() ? pair_blocks_native : nullptr; }
#else
Sha256Blocks sha256_blocks_native() { return nullptr; }
Sha256PairBlocks sha256_pair_blocks_native() { return nullptr; }
#endif

} // namespace weir::crypto
