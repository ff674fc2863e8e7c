// identity/digest_memo.h - the SHA-256 of tokens that were seen before, told without hashing them again: half a microsecond
// less for a request with an ordinary token.
//
// A memo recognises a token by a fingerprint under a secret key: NH with 64-bit words, twice, with the key shifted by two
// words (Black, Halevi, Krawczyk, Krovetz, Rogaway: "UMAC", CRYPTO '99, section 4). Whoever does not know the key makes two
// texts of one size with the same fingerprint with a chance of 2^-128, whatever the texts are; so a digest that is told is
// that of this token. Tokens themselves are not kept.
//
// Only what is put in is remembered: put in digests of tokens that proved good, and bad ones take nobody's place. One per
// worker, one thread; bounded; allocates when it is made.
#pragma once

#include "crypto/sha256.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace weir::identity {

class DigestMemo {
  public:
    static constexpr size_t text_bytes_max = 16 << 10;
    static constexpr size_t digests = 1024;

    /// With a key of its own from the kernel.
    DigestMemo();

    /// The digest of `text` (of at most text_bytes_max octets) if it is remembered, or nullptr. Valid until put().
    const crypto::Digest* look(std::string_view text);
    /// Remembers the digest of the text last looked for, in place of another one perhaps.
    void put(const crypto::Digest& digest);

  private:
    struct Fingerprint {
        std::array<uint64_t, 4> words{};
        uint64_t size = UINT64_MAX; // of no text
        bool operator==(const Fingerprint&) const = default;
    };
    struct Known {
        Fingerprint fingerprint;
        crypto::Digest digest{};
    };
    Fingerprint fingerprint_of(std::string_view text) const;
    Known& place_of(const Fingerprint& fingerprint);

    std::vector<uint64_t> key_;
    std::vector<Known> known_;
    Fingerprint looked_for_;
};

} // namespace weir::identity
