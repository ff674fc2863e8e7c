// json/sweep.cc - one loop, three widths.
#include "json/sweep.h"

#include <bit>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace weir::json {

namespace {

Swept sweep_baseline(const char* at, const char* end) {
    uint64_t beyond_ascii = 0;
    for (; at < end; at += block_bytes) {
        const Block block = look(at);
        beyond_ascii |= block.beyond_ascii;
        if (block.special != 0) return {at + std::countr_zero(block.special), beyond_ascii};
    }
    return {at, beyond_ascii};
}

#if defined(__x86_64__)

[[gnu::target("avx2,bmi")]] Swept sweep_avx2(const char* at, const char* end) {
    const __m256i quote = _mm256_set1_epi8('"'), backslash = _mm256_set1_epi8('\\'), last = _mm256_set1_epi8(0x1f);
    __m256i beyond_ascii = _mm256_setzero_si256();
    for (; at < end; at += 32) {
        const __m256i octets = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
        beyond_ascii = _mm256_or_si256(beyond_ascii, octets);
        const __m256i controls = _mm256_cmpeq_epi8(_mm256_min_epu8(octets, last), octets);
        const __m256i special = _mm256_or_si256(_mm256_cmpeq_epi8(octets, quote), _mm256_cmpeq_epi8(octets, backslash));
        const auto found = static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_or_si256(special, controls)));
        if (found != 0) {
            at += std::countr_zero(found);
            break;
        }
    }
    return {at, static_cast<uint32_t>(_mm256_movemask_epi8(beyond_ascii))};
}

[[gnu::target("avx512f,avx512bw,bmi")]] Swept sweep_avx512(const char* at, const char* end) {
    const __m512i quote = _mm512_set1_epi8('"'), backslash = _mm512_set1_epi8('\\'), space = _mm512_set1_epi8(' ');
    __m512i beyond_ascii = _mm512_setzero_si512();
    for (; at < end; at += 64) {
        const __m512i octets = _mm512_loadu_si512(at);
        beyond_ascii = _mm512_or_si512(beyond_ascii, octets);
        const __mmask64 special = _mm512_cmpeq_epi8_mask(octets, quote) | _mm512_cmpeq_epi8_mask(octets, backslash) |
                                  _mm512_cmplt_epu8_mask(octets, space);
        if (special != 0) {
            at += std::countr_zero(static_cast<uint64_t>(special));
            break;
        }
    }
    return {at, static_cast<uint64_t>(_mm512_movepi8_mask(beyond_ascii))};
}

#endif

} // namespace

std::span<const Sweep> sweeps() {
#if defined(__x86_64__)
    static constexpr Sweep all[] = {sweep_avx512, sweep_avx2, sweep_baseline};
    const size_t beyond_us = __builtin_cpu_supports("avx512bw") ? 0 : __builtin_cpu_supports("avx2") ? 1 : 2;
    return std::span<const Sweep>(all).subspan(beyond_us);
#else
    static constexpr Sweep all[] = {sweep_baseline};
    return all;
#endif
}

} // namespace weir::json
