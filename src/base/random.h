// base/random.h - one seeded generator per worker, so that a run can be repeated from its seed.
//
// Not for secrets: keys and nonces come from the kernel (crypto/secret.h). xoshiro256** by Blackman and Vigna (2018,
// public domain), seeded through splitmix64.
#pragma once

#include <cstdint>

namespace weir {

class Random {
  public:
    explicit Random(uint64_t seed) {
        for (auto& word : state_) {
            seed += 0x9e3779b97f4a7c15U;
            uint64_t z = seed;
            z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
            z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
            word = z ^ (z >> 31);
        }
    }
    uint64_t next() {
        const uint64_t result = rotate(state_[1] * 5, 7) * 9;
        const uint64_t shifted = state_[1] << 17;
        state_[2] ^= state_[0];
        state_[3] ^= state_[1];
        state_[1] ^= state_[2];
        state_[0] ^= state_[3];
        state_[2] ^= shifted;
        state_[3] = rotate(state_[3], 45);
        return result;
    }
    /// Uniform enough in [0, bound); bound must not be 0.
    uint64_t below(uint64_t bound) {
        __extension__ using Wide = unsigned __int128;
        return static_cast<uint64_t>((static_cast<Wide>(next()) * bound) >> 64);
    }
    /// True with probability `numerator` / `denominator`.
    bool chance(uint64_t numerator, uint64_t denominator) { return below(denominator) < numerator; }

  private:
    static uint64_t rotate(uint64_t x, int by) { return (x << by) | (x >> (64 - by)); }
    uint64_t state_[4];
};

} // namespace weir
