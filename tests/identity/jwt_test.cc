// tests/identity/jwt_test.cc - what must hold: a token is taken only at its time, for its audience, with claims that mean
// one thing; every prefix and every changed octet of a good one is refused; keys decide by kid and algorithm.
#include "identity/jwt.h"

#include "court.h"
#include "identity/presets.h"

using namespace weir;
using namespace weir::identity;
using crypto::SignatureAlgorithm;

namespace {

Object with(Object object, const std::string& name, const std::string& json) { return object.set(name, json); }
Object without(Object object, const std::string& name) { return object.drop(name); }

const Object header = {{"alg", "\"RS256\""}, {"typ", "\"JWT\""}, {"kid", "\"k1\""}};

std::string at(int64_t offset_s) { return std::to_string(static_cast<int64_t>(test_now_unix_s) + offset_s); }

Object claims() {
    return {{"iss", "\"https://idp.test\""},
            {"sub", "\"ann\""},
            {"aud", "\"https://gw.test/mcp\""},
            {"exp", at(300)},
            {"iat", at(-10)},
            {"client_id", "\"ide\""},
            {"scope", "\"mcp:tools\""},
            {"groups", "[\"dev\"]"}};
}

Court court() { return {*oidc("https://idp.test"), {"https://gw.test/mcp"}}; }

} // namespace

TEST_CASE("times hold with thirty seconds of leeway, on the wall clock") {
    Court judge = court();
    const auto refusal = [&judge](const std::string& name, const std::string& json) {
        return judge.refusal(header, with(claims(), name, json));
    };
    CHECK_FALSE(refusal("exp", at(1)).has_value());
    CHECK_FALSE(refusal("exp", at(-29)).has_value());
    CHECK(refusal("exp", at(-30)) == TokenError::expired);
    CHECK(refusal("exp", at(-60)) == TokenError::expired);
    CHECK(refusal("exp", "-1") == TokenError::expired);
    CHECK(refusal("exp", "0") == TokenError::expired);
    CHECK_FALSE(refusal("exp", at(10) + ".75").has_value());
    CHECK_FALSE(refusal("exp", "9007199254740991").has_value());
    CHECK(refusal("exp", "9007199254740993000") == TokenError::claims_malformed);
    CHECK(refusal("exp", "1e308") == TokenError::claims_malformed);
    CHECK(refusal("exp", "1e400") == TokenError::claims_malformed);
    CHECK(refusal("exp", "\"9999999999\"") == TokenError::claims_malformed);
    CHECK(refusal("exp", "true") == TokenError::claims_malformed);
    CHECK(refusal("exp", "null") == TokenError::claims_malformed);
    CHECK(judge.refusal(header, without(claims(), "exp")) == TokenError::claims_malformed);
    for (const char* const name : {"nbf", "iat"}) {
        CHECK_FALSE(refusal(name, at(30)).has_value());
        CHECK(refusal(name, at(31)) == TokenError::not_yet_valid);
        CHECK(refusal(name, "\"1\"") == TokenError::claims_malformed);
        CHECK_FALSE(refusal(name, "-5").has_value());
    }
    CHECK_FALSE(judge.refusal(header, without(claims(), "iat")).has_value());

    const std::string token = judge.token(header, with(claims(), "nbf", at(-20)));
    const auto accepted = judge.judge(token);
    REQUIRE(accepted);
    CHECK(accepted->ends_unix_s == test_now_unix_s + 330);
    CHECK(accepted->begins_unix_s == test_now_unix_s - 40); // of nbf and iat the later one
    CHECK(judge.judge(token, test_now_unix_s + 329).has_value());
    CHECK(judge.judge(token, test_now_unix_s + 3600).error() == TokenError::expired); // the clock was set
    judge.issuer.leeway_s = 0;
    CHECK(refusal("exp", at(0)) == TokenError::expired);
    CHECK(refusal("nbf", at(1)) == TokenError::not_yet_valid);
}

TEST_CASE("issuer and audience are compared exactly") {
    Court judge = court();
    const auto refusal = [&judge](const std::string& name, const std::string& json) {
        return judge.refusal(header, with(claims(), name, json));
    };
    for (const char* const iss : {"\"https://idp.test/\"", "\"https://IDP.test\"", "\"https://idp.test\\u0000\"",
                                  "\"\"", "\"https://idp.test:443\"", "\"http://idp.test\""})
        CHECK(refusal("iss", iss) == TokenError::issuer_unknown);
    CHECK(refusal("iss", "[\"https://idp.test\"]") == TokenError::claims_malformed);
    CHECK(judge.refusal(header, without(claims(), "iss")) == TokenError::claims_malformed);
    CHECK_FALSE(refusal("iss", "\"https:\\/\\/idp.test\"").has_value());

    CHECK_FALSE(refusal("aud", R"(["https://other.test","https://gw.test/mcp"])").has_value());
    for (const char* const aud : {"\"https://other.test\"", "\"https://gw.test/mcp/\"", "\"https://gw.test\"", "[]",
                                  R"(["https://other.test"])", "\"\""})
        CHECK(refusal("aud", aud) == TokenError::audience_refused);
    for (const char* const aud : {"1", "null", "{}", R"(["https://gw.test/mcp",1])", R"([["https://gw.test/mcp"]])"})
        CHECK(refusal("aud", aud) == TokenError::claims_malformed);
    CHECK(judge.refusal(header, without(claims(), "aud")) == TokenError::audience_refused);
    judge.audiences.clear();
    CHECK(judge.refusal(header, claims()) == TokenError::audience_refused);
}

TEST_CASE("claims that could mislead are refused") {
    Court judge = court();
    const auto refusal = [&judge](const std::string& name, const std::string& json) {
        return judge.refusal(header, with(claims(), name, json));
    };
    CHECK(refusal("sub", "\"ann\\r\\nroot\"") == TokenError::claims_malformed);
    CHECK(refusal("sub", "\"ann\\u0085\"") == TokenError::claims_malformed);
    CHECK(refusal("sub", "\"ann\\u007f\"") == TokenError::claims_malformed);
    CHECK(refusal("sub", "\"\"") == TokenError::claims_malformed);
    CHECK(refusal("sub", "1") == TokenError::claims_malformed);
    CHECK(refusal("sub", "\"" + std::string(513, 'a') + "\"") == TokenError::claims_malformed);
    CHECK(judge.refusal(header, without(claims(), "sub")) == TokenError::subject_missing);
    CHECK(refusal("client_id", "\"i\\u0000de\"") == TokenError::claims_malformed);
    CHECK(refusal("client_id", "1") == TokenError::claims_malformed);
    CHECK(refusal("azp", "\"other\"") == TokenError::client_refused);
    CHECK(refusal("scope", "1") == TokenError::claims_malformed);
    CHECK(refusal("scope", "\"a\\nb\"") == TokenError::claims_malformed);
    CHECK(refusal("groups", R"(["dev","a\nb"])") == TokenError::claims_malformed);
    // What is only shown is left out.
    CHECK(judge.principal(header, with(claims(), "name", "\"A\\nB\"")).display == "ann");
    CHECK(judge.principal(header, with(claims(), "name", "\"Änn\"")).display == "Änn");

    CHECK(judge.principal(header, with(claims(), "scope", "\"  a  b a \"")).scopes ==
          std::vector<std::string>{"a", "b"});
    CHECK_FALSE(judge.principal(header, with(claims(), "scope", "\"xmcp:toolsx\"")).has_scope("mcp:tools"));
    CHECK(judge.principal(header, with(claims(), "groups", "\"dev\"")).groups == std::vector<std::string>{"dev"});

    const auto raw = [&judge](const std::string& text) {
        return judge.judge(Court::mint().token(SignatureAlgorithm::rs256, header.text(), text)).error();
    };
    const std::string good = claims().text();
    CHECK(raw(good.substr(0, good.size() - 1) + R"(,"sub":"root"})") == TokenError::claims_malformed);
    CHECK(raw(good.substr(0, good.size() - 1) + R"(,"\u0073ub":"root"})") == TokenError::claims_malformed);
    CHECK(raw(good.substr(0, good.size() - 1) + R"(,"x":{"a":1,"a":2}})") == TokenError::claims_malformed);
    CHECK(raw(good + " x") == TokenError::claims_malformed);
    CHECK(raw("[" + good + "]") == TokenError::claims_malformed);
    CHECK(raw(std::string(10'000, '[') + std::string(10'000, ']')) == TokenError::too_large);
    CHECK(raw(std::string(40, '[') + std::string(40, ']')) == TokenError::claims_malformed);
    CHECK(raw(good.substr(0, good.size() - 1) + ",\"x\":\"\xc3\x28\"}") == TokenError::claims_malformed);
}

TEST_CASE("what is changed anywhere, or cut off, is refused") {
    Court judge = court();
    const std::string token = judge.token(header, claims());
    REQUIRE(judge.judge(token).has_value());
    for (size_t i = 0; i < token.size(); ++i) {
        CHECK_FALSE(judge.judge(std::string_view(token).substr(0, i)).has_value());
        std::string changed = token;
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        CHECK_FALSE(judge.judge(changed).has_value());
    }
    CHECK(judge.judge(token).has_value()); // and nothing of them stayed
}

TEST_CASE("a key decides by its kid and its algorithm") {
    Court judge = court();
    const auto refusal = [&judge](const Object& head) { return judge.refusal(head, claims()); };
    CHECK(refusal(with(header, "kid", "\"k2\"")) == TokenError::key_unknown);
    const Trusted nothing[] = {{&judge.issuer, nullptr, judge.audiences, 7}};
    const auto missing = judge.reader.check(judge.token(header, claims()), nothing, test_now_unix_s);
    REQUIRE_FALSE(missing);
    CHECK(missing.error() == TokenError::keys_missing);
    CHECK(missing.error().issuer == 7);

    for (const auto algorithm : {SignatureAlgorithm::rs256, SignatureAlgorithm::ps256, SignatureAlgorithm::rs512}) {
        const std::string name = "\"" + std::string(crypto::name_of(algorithm)) + "\"";
        const std::string token = Court::mint().token(algorithm, with(header, "alg", name).text(), claims().text());
        const bool listed = algorithm != SignatureAlgorithm::rs512;
        judge.keys = key_set({Court::mint().jwk("k1").text()});
        CHECK(judge.judge(token).has_value() == listed);
        judge.keys = key_set({Court::mint().jwk("k1").set("alg", name).text()});
        CHECK(judge.judge(token).has_value() == listed);
        judge.keys = key_set({Court::mint().jwk("k1").set_text("alg", "RS384").text()});
        CHECK(judge.judge(token).error() == (listed ? TokenError::key_algorithm : TokenError::algorithm_refused));
    }
    for (const auto curve : {crypto::Curve::p256, crypto::Curve::p384}) {
        const auto algorithm = curve == crypto::Curve::p256 ? SignatureAlgorithm::es256 : SignatureAlgorithm::es384;
        const Mint mint = Mint::ec(curve);
        judge.keys = key_set({mint.jwk("k1").text()});
        const Object head = with(header, "alg", curve == crypto::Curve::p256 ? "\"ES256\"" : "\"ES384\"");
        CHECK(judge.judge(mint.token(algorithm, head.text(), claims().text())).has_value());
        const std::string text = base64url(head.text()) + "." + base64url(claims().text());
        const size_t size = curve == crypto::Curve::p256 ? 64 : 96;
        CHECK(judge.judge(text + "." + base64url(std::string(size, '\0'))).error() == TokenError::signature_wrong);
        CHECK(judge.judge(text + "." + base64url(mint.sign(algorithm, text) + '\0')).error() ==
              TokenError::signature_wrong);
    }
}

TEST_CASE("of two issuers each vouches with its own keys, for its own audience") {
    const Mint one = Mint::ec(crypto::Curve::p256), other = Mint::ec(crypto::Curve::p256);
    const Issuer issuers[] = {*oidc("https://one.test"), *oidc("https://other.test")};
    const KeySet keys[] = {key_set({one.jwk("k").text()}), key_set({other.jwk("k").text()})};
    const std::vector<std::string> audiences[] = {{"a"}, {"b"}};
    const Trusted trusted[] = {{&issuers[0], &keys[0], audiences[0], 0}, {&issuers[1], &keys[1], audiences[1], 1}};
    TokenReader reader;
    const auto judge = [&](const Mint& mint, const char* iss, const char* aud) -> std::optional<TokenError> {
        const std::string token = mint.token(SignatureAlgorithm::es256, R"({"alg":"ES256","typ":"JWT","kid":"k"})",
                                             with(with(claims(), "iss", iss), "aud", aud).text());
        const auto checked = reader.check(token, trusted, test_now_unix_s);
        if (!checked) return checked.error().error;
        const auto accepted = reader.accept(*checked);
        if (!accepted) return accepted.error().error;
        return std::nullopt;
    };
    CHECK_FALSE(judge(one, "\"https://one.test\"", "\"a\"").has_value());
    CHECK_FALSE(judge(other, "\"https://other.test\"", "\"b\"").has_value());
    CHECK(judge(other, "\"https://one.test\"", "\"a\"") == TokenError::signature_wrong);
    CHECK(judge(one, "\"https://one.test\"", "\"b\"") == TokenError::audience_refused);
    CHECK(judge(one, "\"https://third.test\"", "\"a\"") == TokenError::issuer_unknown);
}

TEST_CASE("claims live on after the token, and can be asked by name") {
    Court judge = court();
    const Principal ann = judge.principal(
        header, with(with(claims(), "https://acme.test/dept", "\"R&D\""), "a", R"({"b/c":{"~":[1,2]}})"));
    CHECK_FALSE(judge.judge("x.y.z").has_value()); // the reader has moved on
    const auto find = [&ann](std::string_view name) { return ClaimName::parse(name)->in(ann.claims.root()); };
    CHECK(find("https://acme.test/dept").equals("R&D"));
    CHECK(find("/a/b~1c/~0").at(1).raw() == "2");
    CHECK_FALSE(find("a/b"));
    CHECK_FALSE(find("/a/b"));
    CHECK_FALSE(find("/sub/x"));
    CHECK(ann.claims.bytes() > 0);
    CHECK(ann.bytes() > ann.claims.bytes());
    for (const char* const name : {"", "/a~", "/a~2", "/1/2/3/4/5/6/7/8/9"})
        CHECK_FALSE(ClaimName::parse(name).has_value());
    CHECK_FALSE(ClaimName::parse(std::string(257, 'a')).has_value());
}
