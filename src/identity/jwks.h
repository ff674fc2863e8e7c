// identity/jwks.h - the public keys of an issuer: a JSON Web Key Set (RFC 7517) as it was fetched, made into keys.
//
// Not the fetching and not when to (key_source.h). A set is believed as a whole or not at all, its keys one by one: a key
// that is malformed, weak, private, not for signatures or of an unknown kind is skipped and counted, and tokens that name
// it are refused. Keys without `kid` are skipped: tokens have to name theirs. When two different keys that could verify
// have one `kid`, neither is used; the same key twice is one.
//
// Pure. A KeySet is immutable and shared by all threads.
#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/signature.h"
#include "json/document.h"
#include "json/scan.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir::identity {

class KeySet {
  public:
    static constexpr uint32_t text_bytes_max = 256 << 10;
    static constexpr uint32_t keys_max = 128;
    static constexpr uint32_t kid_bytes_max = 512;

    struct Key {
        std::string kid;
        std::string issuer; // Entra: whose tokens this key signs, perhaps with {tenantid} in it; empty: not said
        crypto::SignatureAlgorithms algorithms;
        crypto::PublicKey key;
    };
    /// What was skipped, and why.
    struct Skipped {
        uint32_t kind = 0;        // a `kty` or `crv` that weir does not verify with, symmetric keys among them
        uint32_t use = 0;         // `use` or `key_ops` without verifying signatures, an `alg` for something else
        uint32_t unfit = 0;       // malformed, weak, or with its private half
        uint32_t unnamed = 0;     // no `kid`
        uint32_t conflicting = 0; // another key has the same `kid`
        bool operator==(const Skipped&) const = default;
    };

    /// Reads a key set. `scanner` takes at least text_bytes_max octets; the text is not needed afterwards.
    ///
    /// Errors, after each of which an older set stays in force: json_too_large; those of json/scan.h; invalid when it is
    /// not an object with an array `keys`; limit_reached for more than keys_max of them.
    static Result<KeySet> parse(PaddedView text, json::Scanner& scanner);

    /// The key of that `kid`, or nullptr.
    const Key* find(std::string_view kid) const;
    size_t size() const { return keys_.size(); }
    const Skipped& skipped() const { return skipped_; }
    /// A number that changes whenever a key comes, goes or changes, and not otherwise. Never 0.
    uint64_t fingerprint() const { return fingerprint_; }

  private:
    KeySet() = default;
    std::vector<Key> keys_; // by kid
    Skipped skipped_;
    uint64_t fingerprint_ = 0;
};

} // namespace weir::identity
