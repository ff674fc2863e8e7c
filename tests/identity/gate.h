// tests/identity/gate.h - an Authenticator before one server, with an issuer that signs with a point and an RSA key.
#pragma once

#include "identity/authenticator.h"
#include "identity/presets.h"

#include "mint.h"

#include <catch2/catch_test_macros.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace weir::identity {

struct Gate {
    static constexpr const char* url = "https://idp.test";
    static constexpr const char* audience = "https://gw.test/mcp";

    Gate() : issuers{*oidc(url)}, authenticator(issuers) {
        issuers[0].algorithms = {crypto::SignatureAlgorithm::es256, crypto::SignatureAlgorithm::rs256};
        resource = {"jira", {{0, {audience}}}, {"mcp:tools"}, false};
        set_keys({point().jwk("e").text(), rsa().jwk("r").text()});
    }

    static const Mint& point() {
        static const Mint mint = Mint::ec(crypto::Curve::p256);
        return mint;
    }
    static const Mint& rsa() {
        static const Mint mint = Mint::rsa();
        return mint;
    }
    void set_keys(const std::vector<std::string>& jwks) {
        authenticator.set_keys(0, std::make_shared<const KeySet>(key_set(jwks)));
    }

    static Object header() { return {{"alg", "\"ES256\""}, {"typ", "\"at+jwt\""}, {"kid", "\"e\""}}; }
    static Object claims() {
        return {{"iss", "\"" + std::string(url) + "\""},
                {"sub", "\"ann\""},
                {"aud", "\"" + std::string(audience) + "\""},
                {"exp", std::to_string(test_now_unix_s + 300)},
                {"iat", std::to_string(test_now_unix_s - 10)},
                {"client_id", "\"ide\""},
                {"scope", "\"openid mcp:tools\""}};
    }
    /// Signed by the point.
    static std::string token(const Object& head, const Object& body) {
        return point().token(crypto::SignatureAlgorithm::es256, head.text(), body.text());
    }
    static std::string token(const Object& body) { return token(header(), body); }
    static std::string good() { return token(claims()); }

    std::expected<Accepted, Refusal> ask(std::string_view bearer) {
        field = "Bearer " + std::string(bearer);
        return authenticator.authenticate(field, resource, moment, address);
    }
    bool admits(std::string_view bearer) { return ask(bearer).has_value(); }
    /// The error, or nothing.
    std::string refusal(std::string_view bearer) {
        const auto asked = ask(bearer);
        return asked ? std::string() : std::string(row_of(asked.error().error).name);
    }

    std::vector<Issuer> issuers;
    Authenticator authenticator;
    Resource resource;
    Moment moment{test_now_unix_s, 1'000'000'000'000};
    uint64_t address = 1;
    std::string field;
};

} // namespace weir::identity
