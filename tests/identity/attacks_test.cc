// tests/identity/attacks_test.cc - what must hold: each attack of tests/data/jwt_attacks.json ends as it says. A recipe
// without an attempt here, or an attempt without a recipe, fails.
#include "base/limits.h"
#include "crypto/sha256.h"
#include "identity/bearer.h"
#include "identity/key_source.h"
#include "json/scan.h"

#include <gate.h> // found by the include path: of tests/identity, or one with a whole gateway before it

#include <fstream>
#include <functional>
#include <iterator>
#include <map>

using namespace weir;
using namespace weir::identity;
using crypto::SignatureAlgorithm;

namespace {

Object with(Object object, const std::string& name, const std::string& json) { return object.set(name, json); }
Object without(Object object, const std::string& name) { return object.drop(name); }

std::string at(int64_t offset_s) { return std::to_string(static_cast<int64_t>(test_now_unix_s) + offset_s); }

/// Whether a fresh gate admits a token of this header and these claims, signed as they ask.
bool admits_claims(const Object& claims) { return Gate().admits(Gate::token(claims)); }
bool admits_header(const Object& header) { return Gate().admits(Gate::token(header, Gate::claims())); }
bool admits_claim(const std::string& name, const std::string& json) {
    return admits_claims(with(Gate::claims(), name, json));
}
/// With a signature of other octets.
bool admits_signature(const std::string& signature) {
    const std::string good = Gate::good();
    return Gate().admits(good.substr(0, good.rfind('.') + 1) + base64url(signature));
}

/// A token whose signature is the HMAC of a secret.
std::string hmac_token(std::string_view secret, const std::string& kid) {
    const std::string text = base64url(with(Gate::header(), "alg", "\"HS256\"").set_text("kid", kid).text()) + "." +
                             base64url(Gate::claims().text());
    return text + "." + base64url(crypto::bytes_of(crypto::hmac_sha256(secret, text)));
}

std::string point_der() {
    const std::string jwk = Gate::point().jwk("e").text();
    const auto member = [&jwk](const std::string& name) {
        const size_t begin = jwk.find("\"" + name + "\":\"") + name.size() + 4;
        return from_base64url(jwk.substr(begin, jwk.find('"', begin) - begin));
    };
    const std::string head(
        "\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03"
        "\x42\x00\x04",
        27);
    return head + member("x") + member("y");
}

/// The block that an RS256 signature opens to, with `behind` after the hash and as many octets less of padding.
std::string rs256_block(std::string_view text, const std::string& behind) {
    const std::string info("\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20", 19);
    const std::string end = info + std::string(crypto::bytes_of(crypto::Sha256::of(text))) + behind;
    return std::string("\0\1", 2) + std::string(256 - 3 - end.size(), '\xff') + '\0' + end;
}

std::string rsa_text() {
    return base64url(with(Gate::header(), "alg", "\"RS256\"").set_text("kid", "r").text()) + "." +
           base64url(Gate::claims().text());
}

/// n - s for P-256.
std::string negated(std::string_view s) {
    const std::string order = from_base64url("_____wAAAAD__________7zm-q2nF56E87nKwvxjJVE");
    std::string result(32, '\0');
    int borrow = 0;
    for (size_t i = 32; i-- > 0;) {
        int digit = static_cast<unsigned char>(order[i]) - static_cast<unsigned char>(s[i]) - borrow;
        borrow = digit < 0 ? 1 : 0;
        result[i] = static_cast<char>(digit + 256 * borrow);
    }
    return result;
}

/// Another spelling of the last character that decodes to the same octets.
std::string respelled(std::string token) {
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    token.back() = alphabet[alphabet.find(token.back()) + 1]; // 64 octets leave four bits
    return token;
}

bool algorithm_not_allowed() {
    const std::string claims = Gate::claims().text();
    const Object header = with(Gate::header(), "kid", "\"r\"");
    return Gate().admits(
               Gate::rsa().token(SignatureAlgorithm::ps384, with(header, "alg", "\"PS384\"").text(), claims)) ||
           admits_header(with(Gate::header(), "alg", "\"ES256K\"")) ||
           admits_header(with(Gate::header(), "alg", "\"EdDSA\""));
}

bool curve_mismatch() {
    const Mint large = Mint::ec(crypto::Curve::p384);
    Gate gate;
    gate.set_keys({large.jwk("e").text()});
    const std::string text = base64url(Gate::header().text()) + "." + base64url(Gate::claims().text());
    const std::string signature = large.sign(SignatureAlgorithm::es256, text);
    return gate.admits(text + "." + base64url(signature)) ||
           gate.admits(text + "." + base64url(signature.substr(0, 64)));
}

bool key_set_admits(const std::vector<std::string>& jwks, const std::string& token) {
    Gate gate;
    gate.set_keys(jwks);
    return gate.admits(token);
}

/// accept_once: the same person, the same claims, twice; who wants to see a token once has to look at its `jti`.
bool malleable() {
    const std::string good = Gate::good();
    const size_t dot = good.rfind('.');
    const std::string signature = from_base64url(good.substr(dot + 1));
    const std::string twin =
        good.substr(0, dot + 1) + base64url(signature.substr(0, 32) + negated(signature.substr(32)));
    Gate gate;
    const auto one = gate.ask(good), other = gate.ask(twin);
    return one && other && twin != good && one->principal->key == other->principal->key;
}

/// A stream that began with the token is over when `ends_unix_s` says, and so is what was known of the token.
bool expires_in_a_stream() {
    Gate gate;
    const std::string token = Gate::token(with(Gate::claims(), "exp", at(20)));
    const auto begun = gate.ask(token);
    REQUIRE(begun);
    CHECK(begun->ends_unix_s == test_now_unix_s + 20 + Issuer::leeway_s_max);
    gate.moment = {begun->ends_unix_s - 1, gate.moment.now_ns + 49 * s_ns};
    CHECK(gate.admits(token));
    gate.moment = {begun->ends_unix_s, gate.moment.now_ns + 50 * s_ns};
    return gate.admits(token);
}

bool old_key_revoked() {
    Gate gate;
    const std::string token = Gate::good();
    REQUIRE(gate.admits(token));
    gate.set_keys({Gate::rsa().jwk("r").text()});
    return gate.admits(token);
}

bool clock_stepped() {
    Gate gate;
    const std::string token = Gate::good();
    REQUIRE(gate.admits(token));
    gate.moment.unix_s += 3600; // and no time has passed
    return gate.admits(token);
}

/// A gate whose keys come from a source that had good ones once and then failed for `hours`.
bool keys_down(uint64_t hours) {
    constexpr uint64_t hour_ns = 3600 * s_ns;
    KeySource source;
    source.begin(0);
    source.arrive(std::make_shared<const KeySet>(key_set({Gate::point().jwk("e").text()})), 1);
    for (uint64_t now_ns = 0; now_ns <= hours * hour_ns;) {
        now_ns = source.due_ns();
        source.begin(now_ns);
        source.fail(now_ns + 1);
    }
    Gate gate;
    gate.authenticator.set_keys(0, source.keys(hours * hour_ns + hour_ns));
    return gate.admits(Gate::good());
}

bool public_http_keys() {
    BufferPool pool;
    PaddedBytes text(pool);
    text.append(R"({"issuer":"https://idp.test","jwks_uri":"http://idp.test/jwks"})");
    json::Scanner scanner{json::ScanLimits{}};
    const auto document = scanner.scan(text.padded());
    REQUIRE(document);
    return keys_url_of(Gate().issuers[0], json::Value::root(*document)).has_value();
}

bool signature_under_exponent_one() {
    const std::string text = rsa_text();
    return key_set_admits({Gate::rsa().jwk("r").set_text("e", "AQ").text()},
                          text + "." + base64url(rs256_block(text, "")));
}

bool field_admits(const std::string& field) {
    Gate gate;
    return gate.authenticator.authenticate(field, gate.resource, gate.moment, 1).has_value();
}

using Attempt = std::function<bool()>;

const std::map<std::string, Attempt>& attempts() {
    static const std::map<std::string, Attempt> all = {
        {"ok_es256", [] { return admits_claims(Gate::claims()); }},
        {"ok_aud_list", [] { return admits_claim("aud", R"(["https://other.test","https://gw.test/mcp"])"); }},
        {"ok_unknown_claims", [] { return admits_claim("https://acme.test/x", R"({"a":[1,null]})"); }},
        {"alg_none_case", [] { return admits_header(with(Gate::header(), "alg", "\"nOnE\"")); }},
        {"alg_empty", [] { return admits_header(with(Gate::header(), "alg", "\"\"")); }},
        {"alg_array", [] { return admits_header(with(Gate::header(), "alg", "[\"ES256\"]")); }},
        {"hs_with_public_der", [] { return Gate().admits(hmac_token(point_der(), "e")); }},
        {"hs_empty_key", [] { return Gate().admits(hmac_token("", "e")); }},
        {"alg_not_allowed", algorithm_not_allowed},
        {"curve_mismatch", curve_mismatch},
        {"key_ops_wrong",
         [] { return key_set_admits({Gate::point().jwk("e").set("key_ops", "[\"sign\"]").text()}, Gate::good()); }},
        {"es256_zero", [] { return admits_signature(std::string(64, '\0')); }},
        {"es256_s0", [] { return admits_signature(std::string(32, '\1') + std::string(32, '\0')); }},
        {"es256_long",
         [] {
             const std::string good = Gate::good();
             return admits_signature(from_base64url(good.substr(good.rfind('.') + 1)) + '\0');
         }},
        {"es256_malleable", malleable},
        {"rs256_trailing",
         [] {
             const std::string text = rsa_text();
             REQUIRE(Gate().admits(text + "." + base64url(Gate::rsa().raw_rsa(rs256_block(text, "")))));
             return Gate().admits(text + "." + base64url(Gate::rsa().raw_rsa(rs256_block(text, "garbage"))));
         }},
        {"sig_empty", [] { return admits_signature(""); }},
        {"payload_flip",
         [] {
             const std::string good = Gate::good();
             const std::string flipped = base64url(with(Gate::claims(), "sub", "\"bob\"").text());
             return Gate().admits(good.substr(0, good.find('.') + 1) + flipped + good.substr(good.rfind('.')));
         }},
        {"kid_unknown", [] { return admits_header(with(Gate::header(), "kid", "\"x\"")); }},
        {"kid_path", [] { return admits_header(with(Gate::header(), "kid", "\"../../../../dev/null\"")); }},
        {"kid_number", [] { return admits_header(with(Gate::header(), "kid", "1")); }},
        {"jku",
         [] {
             const Mint evil = Mint::ec(crypto::Curve::p256);
             return Gate().admits(evil.token(SignatureAlgorithm::es256,
                                             with(Gate::header(), "jku", "\"https://evil.test/jwks\"").text(),
                                             Gate::claims().text()));
         }},
        {"jwk_embedded",
         [] {
             const Mint evil = Mint::ec(crypto::Curve::p256);
             return Gate().admits(evil.token(SignatureAlgorithm::es256,
                                             with(Gate::header(), "jwk", evil.jwk("e").text()).text(),
                                             Gate::claims().text()));
         }},
        {"crit_unknown", [] { return admits_header(with(Gate::header(), "crit", "[\"foo\"]").set("foo", "1")); }},
        {"crit_empty", [] { return admits_header(with(Gate::header(), "crit", "[]")); }},
        {"typ_logout", [] { return admits_header(with(Gate::header(), "typ", "\"logout+jwt\"")); }},
        {"cty_nested",
         [] {
             return Gate().admits(Gate::point().token(SignatureAlgorithm::es256,
                                                      with(Gate::header(), "cty", "\"JWT\"").text(), Gate::good()));
         }},
        {"jwe", [] { return Gate().admits(base64url(R"({"alg":"ECDH-ES","enc":"A256GCM"})") + "..AAAA.AAAA.AAAA"); }},
        {"iss_slash", [] { return admits_claim("iss", "\"https://idp.test/\""); }},
        {"iss_missing", [] { return admits_claims(without(Gate::claims(), "iss")); }},
        {"aud_other", [] { return admits_claim("aud", "\"https://other.test\""); }},
        {"aud_missing", [] { return admits_claims(without(Gate::claims(), "aud")); }},
        {"aud_number", [] { return admits_claim("aud", "1"); }},
        {"exp_past", [] { return admits_claim("exp", at(-60)); }},
        {"exp_string", [] { return admits_claim("exp", "\"9999999999\""); }},
        {"exp_negative", [] { return admits_claim("exp", "-1"); }},
        {"nbf_future", [] { return admits_claim("nbf", at(60)); }},
        {"scope_missing", [] { return admits_claims(without(Gate::claims(), "scope")); }},
        {"scope_substring", [] { return admits_claim("scope", "\"xmcp:toolsx\""); }},
        {"sub_control", [] { return admits_claim("sub", "\"ann\\r\\n\""); }},
        {"revoked_mid_stream", expires_in_a_stream},
        {"b64_std_alphabet",
         [] {
             std::string token;
             do token = Gate::good(); // until its signature has a character that the alphabets write differently
             while (token.find_first_of("-_", token.rfind('.')) == std::string::npos);
             for (char& octet : token) octet = octet == '-' ? '+' : octet == '_' ? '/' : octet;
             return Gate().admits(token);
         }},
        {"b64_noncanonical", [] { return Gate().admits(respelled(Gate::good())); }},
        {"parts_4", [] { return Gate().admits(Gate::good() + ".AAAA"); }},
        {"header_dup_alg",
         [] {
             return Gate().admits(Gate::point().token(SignatureAlgorithm::es256,
                                                      R"({"alg":"none","alg":"ES256","typ":"at+jwt","kid":"e"})",
                                                      Gate::claims().text()));
         }},
        {"claims_bad_utf8", [] { return admits_claim("x", "\"\xc3\x28\""); }},
        {"claims_depth", [] { return admits_claim("x", std::string(10'000, '[') + std::string(10'000, ']')); }},
        {"bearer_case",
         [] { return field_admits("bearer " + Gate::good()) && field_admits("BEARER  " + Gate::good()); }},
        {"bearer_comma", [] { return field_admits("Bearer " + Gate::good() + ", Basic YTpi"); }},
        {"token_in_body", [] { return field_admits(""); }}, // only the field is ever looked at
        {"jwks_old_key_revoked", old_key_revoked},
        {"jwks_down_later", [] { return keys_down(1); }},
        {"jwks_500", [] { return keys_down(0); }},
        {"jwks_bad_key",
         [] {
             return key_set_admits({R"({"kty":"EC","crv":"P-256","kid":"b","x":"!"})", Gate::point().jwk("e").text()},
                                   Gate::good());
         }},
        {"jwks_oct_key",
         [] {
             const std::string secret(32, 's');
             return key_set_admits({R"({"kty":"oct","kid":"o","alg":"HS256","k":")" + base64url(secret) + "\"}"},
                                   hmac_token(secret, "o"));
         }},
        {"jwks_e1", signature_under_exponent_one},
        {"jwks_http", public_http_keys},
        {"clock_step", clock_stepped},
    };
    return all;
}

} // namespace

TEST_CASE("each of the recorded attacks on tokens ends as it says") {
    std::ifstream file(WEIR_TEST_DATA "/jwt_attacks.json", std::ios::binary);
    REQUIRE(file);
    BufferPool pool;
    PaddedBytes bytes(pool);
    bytes.append(std::string{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()});
    json::Scanner scanner{json::ScanLimits{}};
    Workspace space(pool);
    const auto document = scanner.scan(bytes.padded());
    REQUIRE(document);
    size_t seen = 0;
    for (const json::Value attack : json::Value::root(*document).elements()) {
        const std::string name(attack.find("name").string(space));
        INFO(name);
        const auto attempt = attempts().find(name);
        REQUIRE(attempt != attempts().end());
        CHECK(attempt->second() == !attack.find("expected").equals("reject"));
        ++seen;
    }
    CHECK(seen == 58);
    CHECK(seen == attempts().size());
}
