// crypto/sha256.h - SHA-256 (FIPS 180-4), with the SHA instructions of the CPU where it has them.
//
// Pure. mbedTLS's own does 277 MB/s, the instructions five times that, and the record hashes every octet: so the two
// loops here are ours, checked against each other and against the vectors of FIPS 180-4.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir::crypto {

using Digest = std::array<uint8_t, 32>;

class Sha256 {
  public:
    void update(std::string_view bytes);
    /// The digest of everything that was given. The object is to be assigned anew before it is used again.
    Digest finish();

  private:
    std::array<uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    std::array<uint8_t, 64> block_{};
    uint64_t size_ = 0;
};

/// The digest of `bytes`.
Digest sha256(std::string_view bytes);
inline std::string_view text_of(const Digest& digest) {
    return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

namespace detail {
/// Takes whole blocks of 64 octets into `state`: portable, and by instruction (only where has_sha_instructions()).
void sha256_blocks_portable(uint32_t* state, const uint8_t* blocks, size_t count);
void sha256_blocks_instructions(uint32_t* state, const uint8_t* blocks, size_t count);
bool has_sha_instructions();
} // namespace detail

} // namespace weir::crypto
