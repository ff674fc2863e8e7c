// crypto/sha256.h - SHA-256 (FIPS 180-4), by the processor's own instructions where it has them.
//
// Pure but for asking the processor once what it can. A Sha256 is a plain value: copying one copies the hash of what
// went in so far, so that texts with a common beginning share the work for it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir::crypto {

using Digest = std::array<uint8_t, 32>;

class Sha256 {
  public:
    Sha256() = default;

    void update(std::string_view bytes);
    void update(uint8_t byte) { update({reinterpret_cast<const char*>(&byte), 1}); }
    /// The digest of all that went in. The object is not to be used again but by assignment.
    Digest finish();

    /// The digest of one text.
    static Digest of(std::string_view bytes) {
        Sha256 hash;
        hash.update(bytes);
        return hash.finish();
    }

  private:
    friend class Sha256Striped;
    std::array<uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    uint64_t size_ = 0;
    std::array<uint8_t, 64> block_; // the first size_ % 64 octets count
};

/// Two hashes of one text, side by side: its even KiB and its odd ones. On processors with SHA instructions nearly twice
/// as fast as one hash of the whole, which spends its time waiting for its own last round.
class Sha256Striped {
  public:
    static constexpr size_t stripe_bytes = 1024;
    void update(std::string_view bytes);
    struct Digests {
        Digest even, odd;
    };
    Digests finish() { return {lanes_[0].finish(), lanes_[1].finish()}; }

  private:
    std::array<Sha256, 2> lanes_;
    uint64_t size_ = 0;
};

/// HMAC-SHA-256 (RFC 2104) of `text` under `key`.
Digest hmac_sha256(std::string_view key, std::string_view text);

inline std::string_view bytes_of(const Digest& digest) {
    return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

} // namespace weir::crypto
