// base/hash.h - a fast seeded 64-bit hash for tables in memory. Not for anything that is stored, sent or secret.
//
// Eight octets a step, each multiplied to 128 bits and folded (the construction of wyhash, by Wang Yi). Pure.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace weir {

inline uint64_t hash_fold(uint64_t a, uint64_t b) {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

/// The hash of `bytes` under `seed`. Chain several texts by giving one's hash as the next one's seed.
inline uint64_t hash64(std::string_view bytes, uint64_t seed) {
    constexpr uint64_t k0 = 0xa0761d6478bd642fU, k1 = 0xe7037ed1a0b428dbU;
    uint64_t state = seed ^ k0;
    const char* at = bytes.data();
    size_t left = bytes.size();
    for (; left >= 8; at += 8, left -= 8) {
        uint64_t word;
        std::memcpy(&word, at, 8);
        state = hash_fold(state ^ word, k1);
    }
    uint64_t tail = 0;
    if (left != 0) std::memcpy(&tail, at, left);
    return hash_fold(hash_fold(state ^ tail, k0), bytes.size() ^ k1);
}

} // namespace weir
