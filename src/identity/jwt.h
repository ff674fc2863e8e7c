// identity/jwt.h - decides whether a JWT proves who asks: the checks of docs/identity.md, cheap ones first.
//
// Two steps, so that the caller may decide between them whether a signature is worth its time (an ES256 signature takes
// as long as twenty RS256 ones): check() looks at everything but the signature, accept() at the signature, and makes the
// Principal. Nothing of a token counts before accept() has returned it.
//
// Pure: time is told. Allocates for tokens that are accepted. One reader per thread; what it returns from check() is valid
// until its next check().
#pragma once

#include "identity/issuer.h"
#include "identity/jwks.h"
#include "identity/jws.h"
#include "identity/principal.h"

#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace weir::identity {

/// One issuer that tokens are taken from here, its keys as they are now, and for whom its tokens must be meant.
struct Trusted {
    const Issuer* issuer = nullptr;
    const KeySet* keys = nullptr;           // nullptr: never fetched
    std::span<const std::string> audiences; // none: its tokens are refused
    uint32_t index = 0;                     // of the issuer, as refusals name it
};

/// Who asks, and for how long that holds.
struct Accepted {
    std::shared_ptr<const Principal> principal;
    uint64_t begins_unix_s = 0; // nbf and iat, less the leeway
    uint64_t ends_unix_s = 0;   // exp and the leeway: streams end then, too
};

class TokenReader {
  public:
    /// A token that is good if its signature is.
    struct Checked {
        Jws jws;
        const Trusted* trusted = nullptr;
        const KeySet::Key* key = nullptr;
        uint64_t begins_unix_s = 0, ends_unix_s = 0;
    };

    /// Everything but the signature, at `now_unix_s`. Of `trusted`, at most one is called as the token's `iss`.
    ///
    /// Errors: all of token_error.h but those about signatures, scopes and API keys. keys_missing and key_unknown name the
    /// issuer (Refusal::issuer): its keys are worth fetching.
    std::expected<Checked, Refusal> check(std::string_view token, std::span<const Trusted> trusted,
                                          uint64_t now_unix_s);

    /// The signature of what the last check() returned, and who it speaks for.
    ///
    /// Errors: signature_wrong, subject_missing, client_refused, claims_malformed.
    std::expected<Accepted, Refusal> accept(const Checked& checked);

  private:
    std::expected<void, Refusal> check_kind(const Jws& jws, const Issuer& issuer);
    std::expected<void, Refusal> check_times(const Issuer& issuer, uint64_t now_unix_s, Checked& checked);
    std::expected<void, Refusal> check_client(const Issuer& issuer);
    std::expected<void, Refusal> check_key(const Trusted& trusted, std::string_view iss, Checked& checked);
    json::Value claims() const { return json::Value::root(document_); }

    JwsReader jws_;
    json::Document document_; // the claims of the token last checked
};

/// Whether any of `audiences` is among those of the token. For tokens that were accepted before, elsewhere.
bool is_meant_for(const Principal& principal, std::span<const std::string> audiences);

} // namespace weir::identity
