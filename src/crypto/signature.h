// crypto/signature.h - verifies signatures with public keys as JSON Web Keys have them: RSA (PKCS #1 v1.5 and PSS) and
// ECDSA on P-256 and P-384, by mbedTLS.
//
// Not for signing, and not for reading JSON: members of a JWK come in as octets. Pure. A PublicKey never changes after
// it is made; any number of threads may verify with one at a time. Verifying allocates inside of mbedTLS.
//
// The names and rules are those of RFC 7518: a signature has exactly the size its key and algorithm give it, the salt
// of PSS is as long as the hash, ECDSA signatures are r and s side by side.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string_view>

namespace weir::crypto {

enum class SignatureAlgorithm : uint8_t { rs256, rs384, rs512, ps256, ps384, ps512, es256, es384 };
inline constexpr size_t signature_algorithms = 8;

/// `RS256`, ... as a JWS names it.
std::string_view name_of(SignatureAlgorithm algorithm);
/// The algorithm of this exact name, or nothing: `none`, HMACs and all others have no place here.
std::optional<SignatureAlgorithm> signature_algorithm(std::string_view name);

/// A set of algorithms.
class SignatureAlgorithms {
  public:
    constexpr SignatureAlgorithms() = default;
    constexpr SignatureAlgorithms(std::initializer_list<SignatureAlgorithm> algorithms) {
        for (const auto algorithm : algorithms) add(algorithm);
    }
    constexpr void add(SignatureAlgorithm algorithm) { bits_ = static_cast<uint8_t>(bits_ | bit(algorithm)); }
    constexpr bool has(SignatureAlgorithm algorithm) const { return (bits_ & bit(algorithm)) != 0; }
    constexpr bool empty() const { return bits_ == 0; }
    constexpr bool operator==(const SignatureAlgorithms&) const = default;

  private:
    static constexpr unsigned bit(SignatureAlgorithm algorithm) { return 1U << static_cast<unsigned>(algorithm); }
    uint8_t bits_ = 0;
};

enum class Curve : uint8_t { p256, p384 };

/// Why something is no key to trust in.
enum class KeyFault : uint8_t {
    malformed, // not the octets of such a key: wrong sizes, leading zeros, an even modulus
    too_small, // RSA below 2048 bits
    too_large, // RSA above 8192 bits: verifying would take too long
    exponent,  // RSA with an exponent that is even, below 3 or above 33 bits
    off_curve, // not a point of the curve
    guessable, // RSA of the ROCA family (CVE-2017-15361): its private half can be computed
};
std::string_view text_of(KeyFault fault);

class PublicKey {
  public:
    static constexpr size_t modulus_bits_min = 2048, modulus_bits_max = 8192, exponent_bits_max = 33;

    /// An RSA key of big-endian octets without leading zeros (RFC 7518, 6.3.1).
    static std::expected<PublicKey, KeyFault> rsa(std::string_view modulus, std::string_view exponent);
    /// A point of `curve`; each coordinate has the curve's full size (RFC 7518, 6.2.1).
    static std::expected<PublicKey, KeyFault> ec(Curve curve, std::string_view x, std::string_view y);

    PublicKey(PublicKey&&) noexcept;
    PublicKey& operator=(PublicKey&&) noexcept;
    ~PublicKey();

    /// What a key of this kind can verify: all of RS* and PS*, or the one ES* of its curve.
    SignatureAlgorithms algorithms() const;
    /// The size of every signature of this key.
    size_t signature_bytes() const;
    /// Whether `signature` is one of `text` under this key. False, too, if the algorithm is not one of algorithms().
    [[nodiscard]] bool verify(SignatureAlgorithm algorithm, std::string_view text, std::string_view signature) const;

  private:
    struct Rsa;
    PublicKey();
    std::unique_ptr<Rsa> rsa_; // null: a point
    Curve curve_ = Curve::p256;
    std::array<uint8_t, 97> point_{}; // 4, x, y: uncompressed (SEC 1, 2.3.3)
};

} // namespace weir::crypto
