// crypto/signing_key.h - signs with a private key of weir's own: RS256 or ES256 as a JWS has them (RFC 7518), by mbedTLS.
//
// Not for verifying (signature.h) and not for JSON. The key is in no text and no error. One thread at a time.
#pragma once

#include "crypto/signature.h"

#include <expected>
#include <memory>
#include <string>
#include <string_view>

namespace weir::crypto {

class SigningKey {
  public:
    static constexpr size_t modulus_bits_max = 4096; // a signature with more takes too long

    /// A private key as PEM, not encrypted: RSA of 2048 to 4096 bits, or EC on P-256. Or what is wrong with it, as in "it is ...".
    static std::expected<SigningKey, std::string> read(std::string_view pem);
    SigningKey(SigningKey&&) noexcept;
    SigningKey& operator=(SigningKey&&) noexcept;
    ~SigningKey();

    /// rs256 or es256, as the key is.
    SignatureAlgorithm algorithm() const;
    /// The signature of `text`; empty: mbedTLS has no memory.
    std::string sign(std::string_view text);

  private:
    struct Parts;
    explicit SigningKey(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> parts_;
};

} // namespace weir::crypto
