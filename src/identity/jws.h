// identity/jws.h - one signed token taken apart: the compact serialisation of RFC 7515, its header, and its signature
// against a set of keys.
//
// Not what its claims mean (jwt.h). Strict: three parts in canonical base64url, so that no two texts are one token; the
// header is JSON as json/scan.h has it. Of the header only alg, kid, typ, cty and crit count. Keys that travel in it or
// that it points to (jwk, jku, x5c, x5u) are ignored, as is every name that is not known; any crit is refused.
//
// Ownership: views of a Jws point into the token and into the reader, until the reader's next token. One thread.
#pragma once

#include "base/bytes.h"
#include "base/workspace.h"
#include "crypto/signature.h"
#include "identity/jwks.h"
#include "identity/token_error.h"
#include "json/scan.h"

#include <cstdint>
#include <expected>
#include <string_view>

namespace weir::identity {

struct Jws {
    static constexpr uint32_t token_bytes_max = 16 << 10;

    std::string_view signed_text; // header and payload as they stand in the token
    std::string_view signature;   // decoded
    crypto::SignatureAlgorithm algorithm{};
    std::string_view kid = {};  // never empty
    std::string_view type = {}; // `typ`; empty: none
};

class JwsReader {
  public:
    JwsReader();

    /// Takes `token` apart, but for its payload.
    ///
    /// Errors: too_large, not_a_jws, encrypted, header_malformed, critical, nested, algorithm_refused (none that weir
    /// verifies), key_id_missing.
    std::expected<Jws, Refusal> read(std::string_view token);

    /// Decodes the payload of the token last read, and scans it as an object of JSON. Invalidates nothing of the Jws.
    ///
    /// Errors: claims_malformed.
    std::expected<json::Document, Refusal> read_claims();

    /// What holds as long as the token: decoded strings.
    Workspace& space() { return space_; }

  private:
    bool decode(std::string_view part, PaddedBytes& to);
    std::expected<json::Document, Refusal> scan(const PaddedBytes& text, TokenError otherwise);

    BufferPool pool_;
    Workspace space_{pool_};
    PaddedBytes header_{pool_}, payload_{pool_}, signature_{pool_};
    std::string_view payload_part_;
    json::Scanner scanner_;
    json::Document document_;
};

/// The key of `keys` that the token names, if a signature of that algorithm and size can be one of it.
///
/// Errors: key_unknown, key_algorithm, signature_wrong.
std::expected<const KeySet::Key*, Refusal> find_key(const Jws& jws, const KeySet& keys);

} // namespace weir::identity
