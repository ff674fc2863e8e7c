// tests/identity/jws_test.cc - what must hold: Wycheproof's vectors of signed tokens and of keys end as they say, where
// they are of kinds that weir verifies; every other vector is refused. Where weir is stricter stands in a table.
#include "identity/jws.h"

#include "mint.h"

#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <string>

using namespace weir;
using namespace weir::identity;

namespace {

/// The refusal of `token` under the keys of `jwks`; nothing if it is good. Payloads need not be claims.
std::optional<TokenError> refusal_of(std::string_view token, std::string_view jwks) {
    static JwsReader reader;
    const auto set = read_key_set(jwks);
    REQUIRE(set.has_value());
    const auto jws = reader.read(token);
    if (!jws) return jws.error().error;
    const auto key = find_key(*jws, *set);
    if (!key) return key.error().error;
    if (!(*key)->key.verify(jws->algorithm, jws->signed_text, jws->signature)) return TokenError::signature_wrong;
    return std::nullopt;
}

struct Vectors {
    explicit Vectors(const std::string& name) : bytes(pool), space(pool) {
        std::ifstream file(WEIR_TEST_DATA "/wycheproof/" + name + ".json", std::ios::binary);
        REQUIRE(file);
        bytes.append(std::string{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()});
        const auto scanned = scanner.scan(bytes.padded());
        REQUIRE(scanned);
        document = *scanned;
    }
    BufferPool pool;
    PaddedBytes bytes;
    Workspace space;
    json::Scanner scanner{json::ScanLimits{}};
    json::Document document;
};

} // namespace

TEST_CASE("Wycheproof's signed tokens and keys end as they say") {
    // Valid there and refused here, by file and tcId; everything else that is valid verifies.
    const std::map<std::pair<std::string, int64_t>, TokenError> stricter = {
        {{"json_web_signature_test", 346}, TokenError::key_algorithm}, // PS384 by a key that says PS256
        {{"json_web_signature_test", 350}, TokenError::key_algorithm},
        {{"json_web_signature_test", 372}, TokenError::not_a_jws}, // a question mark in its base64
    };
    size_t good = 0, bad = 0, foreign = 0, encrypted = 0, strict = 0, all = 0;
    for (const std::string file : {"json_web_signature_test", "json_web_key_test", "json_web_crypto_test"}) {
        Vectors vectors(file);
        all += static_cast<size_t>(json::Value::root(vectors.document).find("numberOfTests").integer().value());
        for (const json::Value group : json::Value::root(vectors.document).find("testGroups").elements()) {
            const json::Value half = group.find("public") ? group.find("public") : group.find("private");
            const std::string jwks =
                half.find("keys") ? std::string(half.raw()) : R"({"keys":[)" + std::string(half.raw()) + "]}";
            for (const json::Value test : group.find("tests").elements()) {
                const json::Value jws = test.find("jws");
                if (!jws) { // Encrypted: no token of anybody's, however good it is.
                    ++encrypted;
                    const json::Value jwe = test.find("jwe");
                    const auto no =
                        refusal_of(jwe.is(json::Kind::string) ? jwe.string(vectors.space) : jwe.raw(), jwks);
                    CHECK(no.has_value());
                    continue;
                }
                const int64_t id = test.find("tcId").integer().value();
                INFO(file << " " << id << " " << test.find("comment").raw() << " " << jws.raw());
                // The JSON serialisation is an object; it is no token of the header field.
                const auto refusal =
                    refusal_of(jws.is(json::Kind::string) ? jws.string(vectors.space) : jws.raw(), jwks);
                if (!test.find("result").equals("valid")) {
                    ++bad;
                    CHECK(refusal.has_value());
                } else if (const auto known = stricter.find({file, id}); known != stricter.end()) {
                    ++strict;
                    CHECK(refusal == known->second);
                } else if (refusal == TokenError::algorithm_refused) { // HMAC, ES512
                    ++foreign;
                    const std::string token(jws.string(vectors.space));
                    const std::string header = from_base64url(token.substr(0, token.find('.')));
                    const bool verified_elsewhere =
                        header.find("\"HS") != std::string::npos || header.find("\"ES512\"") != std::string::npos;
                    CHECK(verified_elsewhere);
                } else {
                    ++good;
                    CHECK_FALSE(refusal.has_value());
                }
            }
        }
    }
    CHECK(good == 35);
    CHECK(bad == 421);
    CHECK(foreign == 17);
    CHECK(strict == stricter.size());
    CHECK(encrypted == 34);
    CHECK(good + bad + foreign + strict + encrypted == all); // None was left out.
}

TEST_CASE("the header decides by its rules before any key is looked for") {
    const std::string payload = base64url("{}"), signature = base64url("s");
    const auto refusal = [&](const std::string& header) {
        return refusal_of(base64url(header) + "." + payload + "." + signature, R"({"keys":[]})");
    };
    struct Row {
        std::string header;
        TokenError error;
    };
    const Row rows[] = {
        {R"({"alg":"RS256","kid":"k"})", TokenError::key_unknown},
        {R"({"alg":"\u0052S256","k\u0069d":"k"})", TokenError::key_unknown},
        {R"({"alg":"RS256","kid":"k","jku":"https://evil.test/k","x5u":"https://evil.test/x","jwk":{"kty":"oct"},"x5c":[]})",
         TokenError::key_unknown},
        {R"({"alg":"none","kid":"k"})", TokenError::algorithm_refused},
        {R"({"alg":"nOnE","kid":"k"})", TokenError::algorithm_refused},
        {R"({"alg":"rs256","kid":"k"})", TokenError::algorithm_refused},
        {R"({"alg":"","kid":"k"})", TokenError::algorithm_refused},
        {R"({"alg":"HS256","kid":"k"})", TokenError::algorithm_refused},
        {R"({"alg":["ES256"],"kid":"k"})", TokenError::header_malformed},
        {R"({"kid":"k"})", TokenError::header_malformed},
        {R"({"alg":"RS256"})", TokenError::key_id_missing},
        {R"({"alg":"RS256","kid":""})", TokenError::key_id_missing},
        {R"({"alg":"RS256","kid":1})", TokenError::header_malformed},
        {R"({"alg":"RS256","kid":null})", TokenError::header_malformed},
        {R"({"alg":"RS256","kid":")" + std::string(513, 'k') + "\"}", TokenError::header_malformed},
        {R"({"alg":"RS256","kid":"k","typ":1})", TokenError::header_malformed},
        {R"({"alg":"RS256","kid":"k","typ":""})", TokenError::type_refused},
        {R"({"alg":"RS256","kid":"k","crit":["foo"]})", TokenError::critical},
        {R"({"alg":"RS256","kid":"k","crit":[]})", TokenError::critical},
        {R"({"alg":"RS256","kid":"k","crit":["b64"],"b64":false})", TokenError::critical},
        {R"({"alg":"RS256","kid":"k","cty":"JWT"})", TokenError::nested},
        {R"({"alg":"none","alg":"ES256","kid":"k"})", TokenError::header_malformed},
        {R"({"alg":"none","\u0061lg":"ES256","kid":"k"})", TokenError::header_malformed},
        {R"(["RS256"])", TokenError::header_malformed},
        {R"({"alg":"RS256","kid":"k")", TokenError::header_malformed},
        {"\xef\xbb\xbf{\"alg\":\"RS256\",\"kid\":\"k\"}", TokenError::header_malformed},
    };
    for (const Row& row : rows) {
        INFO(row.header);
        CHECK(refusal(row.header) == row.error);
    }
}

TEST_CASE("a token has three parts in one spelling") {
    const std::string header = base64url(R"({"alg":"RS256","kid":"k"})"), body = base64url("{}");
    const std::string good = header + "." + body + ".AAAA";
    REQUIRE(refusal_of(good, R"({"keys":[]})") == TokenError::key_unknown);
    struct Row {
        std::string token;
        TokenError error;
    };
    const Row rows[] = {
        {"", TokenError::not_a_jws},
        {"ya29.a0AfB", TokenError::not_a_jws},
        {"..", TokenError::not_a_jws},
        {header + "." + body, TokenError::not_a_jws},
        {header + "." + body + ".AAAA.AAAA", TokenError::not_a_jws},
        {header + "." + body + ".A.A.A", TokenError::encrypted},
        {"." + body + ".AAAA", TokenError::not_a_jws},
        {header + "=." + body + ".AAAA", TokenError::not_a_jws},
        {header + "." + body + ".AA+/", TokenError::not_a_jws},
        {header + "." + body + ".AA==", TokenError::not_a_jws},
        {header + "." + body + ".AAB", TokenError::not_a_jws}, // bits behind the last octet
        {header + "." + body + ".A", TokenError::not_a_jws},
        {header + "." + body + ".AA A", TokenError::not_a_jws},
        {header + "." + body + "." + std::string(Jws::token_bytes_max, 'A'), TokenError::too_large},
    };
    for (const Row& row : rows) {
        INFO(row.token.substr(0, 80));
        CHECK(refusal_of(row.token, R"({"keys":[]})") == row.error);
    }
}
