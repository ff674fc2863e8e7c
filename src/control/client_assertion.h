// control/client_assertion.h - what weir shows a provider in place of a client's secret: a JWT that it signs (RFC 7523).
//
// Section 2.2, as OpenID Connect Core section 9 (private_key_jwt) has it: who it is, for whom, once, for five minutes (clocks differ). Pure but for
// random octets. It is as good as the secret while it lasts: it is in no log.
#pragma once

#include <cstdint>
#include <expected>
#include <string>

namespace weir::control {

inline constexpr uint64_t assertion_lives_s = 300;
inline constexpr const char* assertion_type = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

struct AssertionFacts {
    std::string client_id;
    std::string audience; // the provider: its token endpoint, or its issuer
    std::string key_id{}; // `kid`; empty: it is not said
};

/// The assertion, signed with the private key in `pem`. Or what is wrong with the key, in words that do not repeat it.
std::expected<std::string, std::string> client_assertion(const AssertionFacts& facts, const std::string& pem,
                                                         uint64_t unix_s);

} // namespace weir::control
