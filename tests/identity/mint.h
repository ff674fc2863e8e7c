// tests/identity/mint.h - issues tokens for tests: private keys, JSON Web Keys of their public halves, signed tokens, good
// ones and others.
//
// The RSA key is a constant of these tests; points are made for each run.
#pragma once

#include "base/bytes.h"
#include "crypto/signature.h"
#include "identity/jwks.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::identity {

/// 2027-01-15 08:00:00 UTC: when tests happen.
inline constexpr uint64_t test_now_unix_s = 1'800'000'000;

std::string base64url(std::string_view octets);
std::string from_base64url(std::string_view text);

/// An object of JSON whose members can be replaced. Values are JSON.
class Object {
  public:
    Object() = default;
    Object(std::initializer_list<std::pair<std::string, std::string>> members) : members_(members) {}
    Object& set(const std::string& name, const std::string& json);
    Object& set_text(const std::string& name, const std::string& text) { return set(name, "\"" + text + "\""); }
    Object& drop(const std::string& name);
    std::string text() const;

  private:
    std::vector<std::pair<std::string, std::string>> members_;
};

/// A private key.
class Mint {
  public:
    static Mint rsa();
    static Mint ec(crypto::Curve curve);
    Mint(Mint&&) noexcept;
    ~Mint();

    /// The public half as a JWK: kty, its numbers, use, kid.
    Object jwk(const std::string& kid) const;
    /// A signature of `text`, as JWS has it.
    std::string sign(crypto::SignatureAlgorithm algorithm, std::string_view text) const;
    /// RSA: `block` to the power of the private exponent. The block is as long as the modulus.
    std::string raw_rsa(std::string_view block) const;

    /// A compact JWS of `header` and `claims`, both as they are.
    std::string token(crypto::SignatureAlgorithm algorithm, std::string_view header, std::string_view claims) const;

  private:
    struct Keys;
    Mint();
    std::unique_ptr<Keys> keys_;
};

/// {"keys":[...]}
std::string key_set_text(const std::vector<std::string>& jwks);
/// The same, read; fails the test if it cannot be.
KeySet key_set(const std::vector<std::string>& jwks);
/// Reads `text` as a key set.
Result<KeySet> read_key_set(std::string_view text);

} // namespace weir::identity
