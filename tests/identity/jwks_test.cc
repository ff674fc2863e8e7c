// tests/identity/jwks_test.cc - what must hold: of a key set exactly the keys that may verify tokens are used; a document
// that is not one strict key set gives none; the fingerprint follows the keys.
#include "mint.h"

#include <catch2/catch_test_macros.hpp>

using namespace weir;
using namespace weir::identity;
using crypto::SignatureAlgorithm;

namespace {

const Object& rsa_jwk() {
    static const Object jwk = Mint::rsa().jwk("r");
    return jwk;
}
const Object& ec_jwk() {
    static const Object jwk = Mint::ec(crypto::Curve::p256).jwk("e");
    return jwk;
}
Object with(Object jwk, const std::string& name, const std::string& json) { return jwk.set(name, json); }
Object without(Object jwk, const std::string& name) { return jwk.drop(name); }

} // namespace

TEST_CASE("keys are found by their kid, for their algorithms") {
    const KeySet set = key_set({rsa_jwk().text(), ec_jwk().text(),
                                with(Object(rsa_jwk()).set_text("kid", "r512"), "alg", "\"RS512\"").text(),
                                Mint::ec(crypto::Curve::p384).jwk("e384").text()});
    CHECK(set.size() == 4);
    CHECK(set.skipped() == KeySet::Skipped{});
    CHECK(set.find("") == nullptr);
    CHECK(set.find("x") == nullptr);
    CHECK(set.find("../../../../dev/null") == nullptr);
    const auto has = [&set](const char* kid, SignatureAlgorithm algorithm) {
        REQUIRE(set.find(kid) != nullptr);
        return set.find(kid)->algorithms.has(algorithm);
    };
    CHECK(has("r", SignatureAlgorithm::rs256));
    CHECK(has("r", SignatureAlgorithm::ps512));
    CHECK_FALSE(has("r", SignatureAlgorithm::es256));
    CHECK(has("r512", SignatureAlgorithm::rs512));
    CHECK_FALSE(has("r512", SignatureAlgorithm::rs256));
    CHECK(has("e", SignatureAlgorithm::es256));
    CHECK_FALSE(has("e", SignatureAlgorithm::es384));
    CHECK(has("e384", SignatureAlgorithm::es384));
}

TEST_CASE("a key that may not verify tokens is skipped, and the others are used") {
    using Skipped = KeySet::Skipped;
    struct Row {
        std::string jwk;
        Skipped skipped;
        const char* name;
    };
    const std::string modulus(256, '\xc1');
    const Row rows[] = {
        {R"({"kty":"oct","kid":"k","k":"AAAA","alg":"HS256"})", {.kind = 1}, "symmetric"},
        {R"({"kty":"OKP","kid":"k","crv":"Ed25519","x":"AAAA"})", {.kind = 1}, "another kind"},
        {R"({"kty":"EC","kid":"k","crv":"secp256k1","x":"AAAA","y":"AAAA"})", {.kind = 1}, "another curve"},
        {R"({"kid":"k"})", {.kind = 1}, "no kind"},
        {R"({"kty":["RSA"],"kid":"k"})", {.kind = 1}, "kind of a wrong type"},
        {with(rsa_jwk(), "use", "\"enc\"").text(), {.use = 1}, "for encryption"},
        {with(rsa_jwk(), "use", "1").text(), {.use = 1}, "use of a wrong type"},
        {with(rsa_jwk(), "key_ops", "[\"sign\"]").text(), {.use = 1}, "key_ops without verify"},
        {with(rsa_jwk(), "key_ops", "[]").text(), {.use = 1}, "no key_ops"},
        {with(rsa_jwk(), "key_ops", "\"verify\"").text(), {.use = 1}, "key_ops of a wrong type"},
        {with(rsa_jwk(), "alg", "\"RSA-OAEP\"").text(), {.use = 1}, "alg for encryption"},
        {with(rsa_jwk(), "alg", "\"ES256\"").text(), {.use = 1}, "alg of another kind"},
        {with(ec_jwk(), "alg", "\"ES384\"").text(), {.use = 1}, "alg of another curve"},
        {with(rsa_jwk(), "alg", "\"HS256\"").text(), {.use = 1}, "alg of a secret"},
        {without(rsa_jwk(), "kid").text(), {.unnamed = 1}, "no kid"},
        {with(rsa_jwk(), "kid", "1").text(), {.unfit = 1}, "kid of a wrong type"},
        {with(rsa_jwk(), "kid", "\"\"").text(), {.unfit = 1}, "an empty kid"},
        {with(rsa_jwk(), "kid", "\"" + std::string(513, 'k') + "\"").text(), {.unfit = 1}, "a huge kid"},
        {with(rsa_jwk(), "d", "\"AQAB\"").text(), {.unfit = 1}, "with its private half"},
        {with(rsa_jwk(), "e", "\"AQ\"").text(), {.unfit = 1}, "exponent 1"},
        {with(rsa_jwk(), "e", "\"AAEAAQ\"").text(), {.unfit = 1}, "exponent with a zero in front"},
        {with(rsa_jwk(), "n", "\"" + base64url(std::string(128, '\xc1')) + "\"").text(), {.unfit = 1}, "1024 bits"},
        {with(rsa_jwk(), "n", "\"" + base64url('\0' + modulus) + "\"").text(), {.unfit = 1}, "a zero in front"},
        {with(rsa_jwk(), "n", "\"" + base64url(modulus) + "=\"").text(), {.unfit = 1}, "padded base64"},
        {with(rsa_jwk(), "n", "null").text(), {.unfit = 1}, "no modulus"},
        {with(ec_jwk(), "x", "\"AAAA\"").text(), {.unfit = 1}, "a short coordinate"},
        {with(ec_jwk(), "y", "\"" + base64url(std::string(32, '\1')) + "\"").text(), {.unfit = 1}, "off the curve"},
        {with(ec_jwk(), "crv", "\"P-384\"").text(), {.unfit = 1}, "the point of another curve"},
        {"1", {.unfit = 1}, "no object"},
    };
    for (const Row& row : rows) {
        INFO(row.name);
        const KeySet set = key_set({Object(ec_jwk()).set_text("kid", "good").text(), row.jwk});
        CHECK(set.size() == 1);
        CHECK(set.find("good") != nullptr);
        CHECK(set.skipped() == row.skipped);
    }
}

TEST_CASE("two keys of one kid are none, and one key twice is one") {
    const std::string other = Mint::ec(crypto::Curve::p256).jwk("e").text();
    const KeySet conflicting = key_set({ec_jwk().text(), rsa_jwk().text(), other});
    CHECK(conflicting.find("e") == nullptr);
    CHECK(conflicting.find("r") != nullptr);
    CHECK(conflicting.skipped().conflicting == 2);
    const KeySet twice = key_set({ec_jwk().text(), ec_jwk().text()});
    CHECK(twice.find("e") != nullptr);
    CHECK(twice.skipped() == KeySet::Skipped{});
    // A key for something else takes nobody's kid.
    const KeySet unlike =
        key_set({ec_jwk().text(), Object(rsa_jwk()).set_text("kid", "e").set_text("use", "enc").text()});
    CHECK(unlike.find("e") != nullptr);
}

TEST_CASE("the fingerprint follows the keys, not their order and not what else is said of them") {
    const KeySet set = key_set({ec_jwk().text(), rsa_jwk().text()});
    CHECK(set.fingerprint() != 0);
    CHECK(set.fingerprint() == key_set({rsa_jwk().text(), with(ec_jwk(), "x5t", "\"t\"").text()}).fingerprint());
    CHECK(set.fingerprint() != key_set({ec_jwk().text()}).fingerprint());
    CHECK(set.fingerprint() != key_set({ec_jwk().text(), with(rsa_jwk(), "alg", "\"RS256\"").text()}).fingerprint());
    CHECK(set.fingerprint() != key_set({ec_jwk().text(), with(rsa_jwk(), "kid", "\"s\"").text()}).fingerprint());
    CHECK(key_set({}).fingerprint() != 0);
}

TEST_CASE("what is not one strict key set gives no keys") {
    struct Row {
        std::string text;
        Error error;
    };
    const std::string jwk = ec_jwk().text();
    const Row rows[] = {
        {"", Error::json_syntax},
        {"<html>", Error::json_syntax},
        {"[]", Error::invalid},
        {"{}", Error::invalid},
        {R"({"keys":{}})", Error::invalid},
        {jwk, Error::invalid},
        {R"({"keys":[],"keys":[)" + jwk + "]}", Error::json_duplicate},
        {R"({"keys":[{"kid":"a","kid":"b"}]})", Error::json_duplicate},
        {key_set_text({jwk}) + "x", Error::json_syntax},
        {key_set_text(std::vector<std::string>(129, "1")), Error::limit_reached},
        {key_set_text({jwk}) + std::string(256 << 10, ' '), Error::json_too_large},
    };
    for (const Row& row : rows) {
        INFO(row.text.substr(0, 60));
        const auto set = read_key_set(row.text);
        REQUIRE_FALSE(set.has_value());
        CHECK(set.error() == row.error);
    }
    const std::string good = key_set_text({jwk, rsa_jwk().text()});
    REQUIRE(read_key_set(good).has_value());
    for (size_t size = 0; size < good.size(); ++size) CHECK_FALSE(read_key_set(good.substr(0, size)).has_value());
}
