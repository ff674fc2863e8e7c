// crypto/aead.h - sealing: AES-256-GCM (NIST SP 800-38D) by mbedTLS, with a random nonce for each message.
//
// 96-bit random nonces: with one key, 2^32 messages keep the chance of a repeat below 2^-32 (SP 800-38D section 8.3).
// One object per thread and key.
#pragma once

#include "base/bytes.h"
#include "base/result.h"

#include <array>
#include <memory>
#include <string_view>

namespace weir::crypto {

class Aead {
  public:
    using Key = std::array<unsigned char, 32>;
    static constexpr size_t nonce_bytes = 12, tag_bytes = 16, overhead_bytes = nonce_bytes + tag_bytes;

    explicit Aead(const Key& key);
    ~Aead();
    Aead(Aead&&) noexcept;
    Aead& operator=(Aead&&) noexcept;

    /// Appends nonce, ciphertext and tag to `out`. `about` is bound to it but not contained.
    void seal(std::string_view about, std::string_view plain, PaddedBytes& out) const;
    /// Appends the plain text of what seal() made. seal_invalid: anything else, and nothing is appended.
    Result<void> open(std::string_view about, std::string_view sealed, PaddedBytes& out) const;

  private:
    struct Context;
    std::unique_ptr<Context> context_;
};

} // namespace weir::crypto
