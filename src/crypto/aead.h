// crypto/aead.h - authenticated encryption: AES-256-GCM (NIST SP 800-38D), by mbedTLS.
//
// Not pure inside: an Aead keeps the key's schedule and scratch space, so that one thread at a time uses it. Allocates
// when it is made, not afterwards. Never use a nonce twice under a key: random ones are good for 2^32 texts.
#pragma once

#include "base/result.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace weir::crypto {

class Aead {
  public:
    static constexpr size_t key_bytes = 32, nonce_bytes = 12, tag_bytes = 16;

    explicit Aead(std::span<const uint8_t, key_bytes> key);
    Aead(Aead&&) noexcept;
    Aead& operator=(Aead&&) noexcept;
    ~Aead(); // wipes the key's schedule

    /// Writes the sealed form of `plain` to `to`: as many octets, and the tag. What `along` holds is authenticated with
    /// it and not written. `plain` may lie at `to`. Ends the process if the cipher refuses, which only a programming
    /// error makes it do.
    void seal(std::string_view nonce, std::string_view along, std::string_view plain, char* to);

    /// Opens what seal() wrote, into `to`, which may be where `sealed` lies. Returns the size of the plain text.
    ///
    /// Errors: seal_invalid when anything at all differs from what was sealed; `to` holds nothing of it then.
    Result<size_t> open(std::string_view nonce, std::string_view along, std::string_view sealed, char* to);

  private:
    struct Gcm;
    std::unique_ptr<Gcm> gcm_;
};

} // namespace weir::crypto
