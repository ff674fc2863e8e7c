// identity/token_error.h - every reason why somebody is not let in, for the record and the log. One table.
//
// A client learns only the challenge of RFC 6750, section 3.1: telling more would help those who guess. The sentences say
// what an operator can do.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir::identity {

/// What the client is answered.
enum class Challenge : uint8_t {
    none,               // 401 without an error: it has sent no token
    invalid_request,    // 400: more than one credential, or one that is malformed as a header field
    invalid_token,      // 401
    insufficient_scope, // 403
    unavailable,        // 503: weir cannot tell now
};

// name, challenge, text
#define WEIR_TOKEN_ERRORS(row) \
    row(missing, none, "no token was sent") \
    row(scheme_unknown, none, "the Authorization field does not have the scheme Bearer") \
    row(field_malformed, invalid_request, "the Authorization field is not one scheme and one token") \
    row(too_large, invalid_token, "the token is too large") \
    row(not_a_jws, invalid_token, "not a signed JWT: it does not have three parts in canonical base64url") \
    row(encrypted, invalid_token, "an encrypted token (JWE); weir reads signed ones only") \
    row(header_malformed, invalid_token, "the token's header is not strict JSON, or a member of it has a wrong type") \
    row(critical, invalid_token, "the token's header has `crit`, and weir knows no extension") \
    row(nested, invalid_token, "the token's header has `cty`: nested tokens are not read") \
    row(algorithm_refused, invalid_token, "the algorithm is not one that this issuer may use") \
    row(type_refused, invalid_token, "the `typ` is not that of an access token of this issuer") \
    row(key_id_missing, invalid_token, "the token does not say which key signed it (`kid`)") \
    row(claims_malformed, invalid_token, "the token's claims are not strict JSON, or one of them has a wrong type") \
    row(issuer_unknown, invalid_token, "this server trusts no issuer of that name; names are compared exactly") \
    row(tenant_refused, invalid_token, "the token's tenant (`tid`) is not one of the issuer's") \
    row(kind_refused, invalid_token, "not an access token: it has claims that ID tokens and logout tokens have") \
    row(pin_refused, invalid_token, "a claim lacks the value that the issuer's configuration asks for") \
    row(audience_refused, invalid_token, "the token was not issued for this server (`aud`)") \
    row(expired, invalid_token, "the token has expired") \
    row(not_yet_valid, invalid_token, "the token is not valid yet (`nbf`, `iat`): compare the clocks") \
    row(subject_missing, invalid_token, "the token names no subject that could be recorded") \
    row(client_refused, invalid_token, "the token was issued to a client that is not listed, or to two at once") \
    row(keys_missing, unavailable, "the issuer's keys have not been fetched yet") \
    row(key_unknown, invalid_token, "the issuer has no key of this `kid`, at least none that can be trusted") \
    row(key_algorithm, invalid_token, "the key is not for the algorithm that the token names") \
    row(key_issuer, invalid_token, "the key signs for another issuer or tenant") \
    row(signature_wrong, invalid_token, "the signature is wrong") \
    row(scope_missing, insufficient_scope, "the token lacks a scope that is needed here") \
    row(api_key_malformed, invalid_token, "not an API key of weir: mistyped or cut off") \
    row(api_key_unknown, invalid_token, "no such API key; it may have been revoked") \
    row(api_key_expired, invalid_token, "the API key has expired") \
    row(api_key_server, insufficient_scope, "the API key is not for this server") \
    row(busy, unavailable, "too many new tokens at once")

enum class TokenError : uint8_t {
#define WEIR_ROW(name, challenge, text) name,
    WEIR_TOKEN_ERRORS(WEIR_ROW)
#undef WEIR_ROW
};

struct TokenErrorRow {
    std::string_view name;
    Challenge challenge;
    std::string_view text;
};

const TokenErrorRow& row_of(TokenError error);

/// A reason and what it is about: the name of a claim or of an error of JSON, an issuer or a `kid`. Short printable ASCII
/// without quotes; valid until the next token is read.
struct Refusal {
    static constexpr uint32_t no_issuer = UINT32_MAX;
    TokenError error;
    std::string_view detail = {};
    uint32_t issuer = no_issuer; // its index among those trusted; of key_unknown: whose keys may have changed

    bool operator==(TokenError other) const { return error == other; }
};

/// `text` if it may stand in a Refusal, otherwise nothing.
std::string_view printable(std::string_view text);

} // namespace weir::identity
