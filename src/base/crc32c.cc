// base/crc32c.cc - CRC-32C by the SSE 4.2 instruction, eight bytes at a time, or by table.
#include "base/crc32c.h"

#include <array>
#include <cstring>
#ifdef __x86_64__
#include <nmmintrin.h>
#endif

namespace weir {
namespace {

constexpr auto table = [] {
    std::array<uint32_t, 256> made{};
    for (uint32_t i = 0; i < 256; ++i) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0x82f63b78U & (0U - (crc & 1U)));
        made[i] = crc;
    }
    return made;
}();

#ifdef __x86_64__
__attribute__((target("sse4.2"))) uint32_t crc32c_sse42(uint32_t before, std::string_view bytes) {
    uint64_t crc = ~before;
    const char* at = bytes.data();
    size_t left = bytes.size();
    for (; left >= 8; at += 8, left -= 8) {
        uint64_t word;
        std::memcpy(&word, at, 8);
        crc = _mm_crc32_u64(crc, word);
    }
    auto narrow = static_cast<uint32_t>(crc);
    for (; left != 0; ++at, --left) narrow = _mm_crc32_u8(narrow, static_cast<uint8_t>(*at));
    return ~narrow;
}
#endif

} // namespace

uint32_t crc32c_portable(uint32_t before, std::string_view bytes) {
    uint32_t crc = ~before;
    for (const char byte : bytes) crc = (crc >> 8) ^ table[(crc ^ static_cast<uint8_t>(byte)) & 0xff];
    return ~crc;
}

uint32_t crc32c(uint32_t before, std::string_view bytes) {
#ifdef __x86_64__
    static const bool has_instruction = __builtin_cpu_supports("sse4.2");
    if (has_instruction) return crc32c_sse42(before, bytes);
#endif
    return crc32c_portable(before, bytes);
}

} // namespace weir
