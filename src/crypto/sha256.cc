// crypto/sha256.cc - the compression function twice (portable, SHA-NI) and the padding around it.
#include "crypto/sha256.h"

#include <bit>
#include <cstring>
#ifdef __x86_64__
#include <cpuid.h>
#include <immintrin.h>
#endif

namespace weir::crypto {
namespace detail {
namespace {

alignas(16) constexpr uint32_t k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01,
    0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
    0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08,
    0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

uint32_t big_endian(const uint8_t* at) {
    uint32_t word;
    std::memcpy(&word, at, 4);
    return __builtin_bswap32(word);
}

} // namespace

void sha256_blocks_portable(uint32_t* state, const uint8_t* blocks, size_t count) {
    for (; count != 0; --count, blocks += 64) {
        uint32_t w[64];
        for (int t = 0; t < 16; ++t) w[t] = big_endian(blocks + 4 * t);
        for (int t = 16; t < 64; ++t) {
            const uint32_t s0 = std::rotr(w[t - 15], 7) ^ std::rotr(w[t - 15], 18) ^ (w[t - 15] >> 3);
            const uint32_t s1 = std::rotr(w[t - 2], 17) ^ std::rotr(w[t - 2], 19) ^ (w[t - 2] >> 10);
            w[t] = w[t - 16] + s0 + w[t - 7] + s1;
        }
        uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
        uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
        for (int t = 0; t < 64; ++t) {
            const uint32_t t1 = h + (std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25)) + ((e & f) ^ (~e & g)) + k[t] + w[t];
            const uint32_t t2 = (std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
            h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
        }
        state[0] += a, state[1] += b, state[2] += c, state[3] += d;
        state[4] += e, state[5] += f, state[6] += g, state[7] += h;
    }
}

#ifdef __x86_64__

bool has_sha_instructions() {
    static const bool has = [] {
        unsigned a = 0, b = 0, c = 0, d = 0;
        return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & (1U << 29)) != 0 && __builtin_cpu_supports("sse4.1") != 0;
    }();
    return has;
}

// Intel, "Intel SHA Extensions" (2013): the state is held as ABEF and CDGH; sha256rnds2 does two rounds; msg1 and msg2
// make four words of the schedule out of the sixteen before.
__attribute__((target("sha,sse4.1"))) void sha256_blocks_instructions(uint32_t* state, const uint8_t* blocks, size_t count) {
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
    const __m128i dcba = _mm_shuffle_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(state)), 0xb1);
    const __m128i efgh = _mm_shuffle_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(state + 4)), 0x1b);
    __m128i abef = _mm_alignr_epi8(dcba, efgh, 8);
    __m128i cdgh = _mm_blend_epi16(efgh, dcba, 0xf0);
    for (; count != 0; --count, blocks += 64) {
        const __m128i abef_before = abef, cdgh_before = cdgh;
        __m128i w[4];
        for (int group = 0; group < 16; ++group) {
            __m128i& now = w[group & 3];
            if (group < 4) {
                now = _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(blocks + 16 * group)), swap);
            } else {
                const __m128i& next = w[(group + 1) & 3];
                const __m128i& third = w[(group + 2) & 3];
                const __m128i& last = w[(group + 3) & 3];
                now = _mm_add_epi32(_mm_sha256msg1_epu32(now, next), _mm_alignr_epi8(last, third, 4));
                now = _mm_sha256msg2_epu32(now, last);
            }
            const __m128i sum = _mm_add_epi32(now, _mm_load_si128(reinterpret_cast<const __m128i*>(k + 4 * group)));
            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0e));
        }
        abef = _mm_add_epi32(abef, abef_before);
        cdgh = _mm_add_epi32(cdgh, cdgh_before);
    }
    const __m128i feba = _mm_shuffle_epi32(abef, 0x1b);
    const __m128i dchg = _mm_shuffle_epi32(cdgh, 0xb1);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(state), _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

#else

bool has_sha_instructions() { return false; }
void sha256_blocks_instructions(uint32_t* state, const uint8_t* blocks, size_t count) {
    sha256_blocks_portable(state, blocks, count);
}

#endif

} // namespace detail

namespace {

void take_blocks(uint32_t* state, const uint8_t* blocks, size_t count) {
    if (detail::has_sha_instructions()) detail::sha256_blocks_instructions(state, blocks, count);
    else detail::sha256_blocks_portable(state, blocks, count);
}

} // namespace

void Sha256::update(std::string_view bytes) {
    const auto* at = reinterpret_cast<const uint8_t*>(bytes.data());
    size_t left = bytes.size();
    const size_t held = size_ % 64;
    size_ += left;
    if (held != 0) {
        const size_t taken = left < 64 - held ? left : 64 - held;
        if (taken != 0) std::memcpy(block_.data() + held, at, taken);
        if (held + taken < 64) return;
        take_blocks(state_.data(), block_.data(), 1);
        at += taken;
        left -= taken;
    }
    if (left >= 64) take_blocks(state_.data(), at, left / 64);
    if (left % 64 != 0) std::memcpy(block_.data(), at + left / 64 * 64, left % 64);
}

Digest Sha256::finish() {
    size_t held = size_ % 64;
    block_[held++] = 0x80;
    if (held > 56) {
        std::memset(block_.data() + held, 0, 64 - held);
        take_blocks(state_.data(), block_.data(), 1);
        held = 0;
    }
    std::memset(block_.data() + held, 0, 56 - held);
    const uint64_t bits = __builtin_bswap64(size_ * 8);
    std::memcpy(block_.data() + 56, &bits, 8);
    take_blocks(state_.data(), block_.data(), 1);
    Digest digest;
    for (size_t i = 0; i < 8; ++i) {
        const uint32_t word = __builtin_bswap32(state_[i]);
        std::memcpy(digest.data() + 4 * i, &word, 4);
    }
    return digest;
}

Digest sha256(std::string_view bytes) {
    Sha256 hash;
    hash.update(bytes);
    return hash.finish();
}

} // namespace weir::crypto
