// tests/identity/court.h - one issuer with its keys, and what becomes of its tokens.
#pragma once

#include "identity/jwt.h"

#include "mint.h"

#include <catch2/catch_test_macros.hpp>

#include <optional>
#include <string>
#include <vector>

namespace weir::identity {

/// Judges tokens of one issuer for one audience.
struct Court {
    Court(Issuer from, std::vector<std::string> for_whom, const std::string& kid = "k1")
        : issuer(std::move(from)), audiences(std::move(for_whom)), keys(key_set({mint().jwk(kid).text()})) {}

    static const Mint& mint() {
        static const Mint rsa = Mint::rsa();
        return rsa;
    }
    std::string token(const Object& header, const Object& claims) const {
        return mint().token(crypto::SignatureAlgorithm::rs256, header.text(), claims.text());
    }
    std::expected<Accepted, Refusal> judge(std::string_view token, uint64_t now_unix_s = test_now_unix_s) {
        const Trusted trusted[] = {{&issuer, &keys, audiences, 0}};
        const auto checked = reader.check(token, trusted, now_unix_s);
        if (!checked) return std::unexpected(checked.error());
        return reader.accept(*checked);
    }
    std::optional<TokenError> refusal(const Object& header, const Object& claims,
                                      uint64_t now_unix_s = test_now_unix_s) {
        const auto judged = judge(token(header, claims), now_unix_s);
        if (judged) return std::nullopt;
        return judged.error().error;
    }
    /// Of a token that is accepted; fails the test otherwise.
    Principal principal(const Object& header, const Object& claims) {
        const auto judged = judge(token(header, claims));
        INFO((judged ? "" : row_of(judged.error().error).name) << " " << (judged ? "" : judged.error().detail));
        REQUIRE(judged.has_value());
        return *judged->principal;
    }

    Issuer issuer;
    std::vector<std::string> audiences;
    KeySet keys;
    TokenReader reader;
};

} // namespace weir::identity
