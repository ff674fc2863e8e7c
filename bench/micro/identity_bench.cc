// bench/micro/identity_bench.cc - what it costs to know who sends a request: by a token that is known, by one that is not,
// by one that is refused, by an API key; and what signatures cost alone.
//
// A token of 828 octets, as issuers write them, that was signed once for this. Other signatures are wrong ones, which cost
// the same.
#include "crypto/base64.h"
#include "crypto/sha256.h"
#include "identity/authenticator.h"
#include "identity/presets.h"

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <memory>
#include <string>

using namespace weir;
using namespace weir::identity;

namespace {

constexpr uint64_t now_unix_s = 1'800'000'000;

std::string base64url(std::string_view octets) {
    std::string to(crypto::base64url_size(octets.size()), ' ');
    crypto::encode_base64url(octets, to.data());
    return to;
}

std::string octets(std::string_view text) {
    std::string to(crypto::base64_decoded_max(text.size()), ' ');
    to.resize(crypto::decode_base64url(text, to.data()).value());
    return to;
}

const char* const modulus =
    "yAqO12Bo1jyt6Py6-zldcgbCAnGqhcp1gYP1V6HdRJKz3owtIErrw2GJmjx5X7oS0VzEEMvVQ9Ezbm-"
    "ADZbBhe6eT3bX_umxHGZ2f90124TojNDP4gmwTodC3gmWPS-"
    "kwghwgMsUUWuf9P51KBkOopOGOtyx0Q4cVzDg1hS04F2hc7gWdUMn5clF4o6wV--"
    "aVUmlWScQtF8bqOpfNhJnMCBtMtCRP6lQjxVQVACvdGhHxPuF6uMg6tYnr7CyYBPrmvR-"
    "sI8DhJYcyP0PPZVbNJL4hdx7sFZZOSIhT34GjMGP5nrTJLNSQyzUkxE5MwWkYqU8V3BJqwURCmuuZalaJw";
const char* const good_signature =
    "K2RyrkIPsakoLbH59VLRemzgSADBCBM8ifbWhVIJS8_SpafuNwzFIbOS9I-"
    "Fpa7242twbU7oKzwcer_UdnHRvKEqQBh1mzxwylmKOrDKcLUgyfteUK2yrvoPCXqBFmdHSDDzoSJdb7BkNafF7R7h2QslP1-"
    "L5NLWhzc4-FkutMgMCffK1DJ1O9YTS3VXF9v7TbXglg2jZn-hhRtGtx1QhU711_1T_9x7W4j_WOe7bZiwyDcFAm0OgSwJ-"
    "fYMS7q5Pvv-VU_WjMeOc5xxQ9nYJ5b2qUmB5F0rjX9T1dN0Yl21_QYFTrCmnOjHINwttHCFTo4Mhwrm39M6s4QEcq-ASQ";
// Twice the base points of the curves (which themselves are quicker than others).
const char* const p256_x = "fPJ7GI0DT36KUjgDBLUaw8CJaeJ38hs1pgtI_EdmmXg";
const char* const p256_y = "B3dVENuO0EApPZrGn3Qw27p9reY86YIpngS3nSJ4c9E";
const char* const p384_x = "CNmZBXuj0tlpJgBFxVuX8IkCWVmm9DTWUdIH0Z-5bp5P4Ohuvg5k-FuWqcdSld9h";
const char* const p384_y = "joDx-lsbPO23v-jf_W26dLJ12HW8bMQ-kE5QXyVqtCVf_UPpTTniLWFQHnAKlA6A";

std::string keys_text() {
    return R"({"keys":[{"kty":"RSA","kid":"r","e":"AQAB","n":")" + std::string(modulus) +
           R"("},{"kty":"EC","crv":"P-256","kid":"e","x":")" + p256_x + R"(","y":")" + p256_y + "\"}]}";
}

std::shared_ptr<const KeySet> keys() {
    BufferPool pool;
    PaddedBytes text(pool);
    text.append(keys_text());
    json::Scanner scanner{json::ScanLimits{}};
    auto set = KeySet::parse(text.padded(), scanner);
    if (!set || set->size() != 2) std::abort();
    return std::make_shared<const KeySet>(std::move(*set));
}

const std::string claims =
    R"({"iss":"https://idp.test","sub":"5ba552d67-ann","aud":"https://gw.test/mcp","exp":1800000300,"iat":1799999990,)"
    R"("jti":"dbe39bf3a3ba4238a513f51d6e1691c4","client_id":"s6BhdRkqt3","scope":"openid mcp:tools","name":"Ann Smith",)"
    R"("email":"ann@acme.example","email_verified":true,"groups":["dev","dba","sre","oncall-eu","readers"]})";

std::string unsigned_token(const char* algorithm, const char* kid) {
    const std::string header = std::string(R"({"alg":")") + algorithm + R"(","typ":"at+jwt","kid":")" + kid + "\"}";
    return base64url(header) + "." + base64url(claims) + ".";
}
std::string good_token() { return unsigned_token("RS256", "r") + good_signature; }

struct Gate {
    Gate() : issuers{*oidc("https://idp.test")}, authenticator(issuers) { authenticator.set_keys(0, keys()); }
    std::vector<Issuer> issuers;
    Authenticator authenticator;
    Resource resource{"jira", {{0, {"https://gw.test/mcp"}}}, {"mcp:tools"}, true};
    Moment moment{now_unix_s, 1};
};

/// A request with a token that is known, its field to its principal.
void known_token(benchmark::State& state) {
    Gate gate;
    const std::string field = "Bearer " + good_token();
    for (auto _ : state) {
        auto asked = gate.authenticator.authenticate(field, gate.resource, gate.moment, 1);
        if (!asked) state.SkipWithError("refused");
        benchmark::DoNotOptimize(asked);
    }
    state.SetLabel(std::to_string(field.size()) + " octets");
}
BENCHMARK(known_token);

/// The share of it that tells one token from another, by its size.
void memo_look(benchmark::State& state) {
    DigestMemo memo;
    const std::string text(static_cast<size_t>(state.range(0)), 't');
    memo.look(text);
    memo.put(crypto::Sha256::of(text));
    for (auto _ : state) benchmark::DoNotOptimize(memo.look(text));
}
BENCHMARK(memo_look)->Arg(828)->Arg(2000);

/// What the memo saves.
void sha256(benchmark::State& state) {
    const std::string text(static_cast<size_t>(state.range(0)), 't');
    for (auto _ : state) benchmark::DoNotOptimize(crypto::Sha256::of(text));
}
BENCHMARK(sha256)->Arg(828)->Arg(2000);

/// A token that is not known, and good: one RS256 signature, a principal, a verdict.
void new_token(benchmark::State& state) {
    Gate gate;
    const std::string field = "Bearer " + good_token();
    for (auto _ : state) {
        gate.moment.now_ns += Verdicts::age_ns_max;
        if (!gate.authenticator.authenticate(field, gate.resource, gate.moment, 1)) state.SkipWithError("refused");
    }
}
BENCHMARK(new_token);

/// All that comes before a signature.
void check(benchmark::State& state) {
    const std::vector<Issuer> issuers{*oidc("https://idp.test")};
    const auto set = keys();
    const std::vector<std::string> audiences{"https://gw.test/mcp"};
    const Trusted trusted[] = {{&issuers[0], set.get(), audiences, 0}};
    const std::string bearer = good_token();
    TokenReader reader;
    for (auto _ : state)
        if (!reader.check(bearer, trusted, now_unix_s)) state.SkipWithError("refused");
}
BENCHMARK(check);

/// A token that is refused before its signature is looked at.
void expired_token(benchmark::State& state) {
    Gate gate;
    gate.moment.unix_s += 10'000;
    const std::string field = "Bearer " + unsigned_token("ES256", "e") + base64url(std::string(64, 's'));
    for (auto _ : state)
        if (gate.authenticator.authenticate(field, gate.resource, gate.moment, 1)) state.SkipWithError("accepted");
}
BENCHMARK(expired_token);

void api_key(benchmark::State& state) {
    Gate gate;
    const std::array<uint8_t, ApiKey::secret_bytes> secret{1, 2, 3};
    const std::string text = api_key_text(secret);
    ApiKey key;
    key.digest = crypto::Sha256::of(text);
    key.id = api_key_id(key.digest);
    key.name = "n";
    key.servers = {"jira"};
    key.scopes = {"mcp:tools"};
    key.expires_unix_s = now_unix_s + 1;
    gate.authenticator.set_api_keys(std::make_shared<const ApiKeys>(*ApiKeys::parse(api_key_line(key))));
    const std::string field = "Bearer " + text;
    for (auto _ : state)
        if (!gate.authenticator.authenticate(field, gate.resource, gate.moment, 1)) state.SkipWithError("refused");
}
BENCHMARK(api_key);

void verify(benchmark::State& state, const std::expected<crypto::PublicKey, crypto::KeyFault>& key,
            crypto::SignatureAlgorithm algorithm) {
    if (!key) return state.SkipWithError("no key");
    const std::string wrong(key->signature_bytes(), '\x2a'), text(600, 't');
    for (auto _ : state) benchmark::DoNotOptimize(key->verify(algorithm, text, wrong));
}
void rsa(benchmark::State& state, crypto::SignatureAlgorithm algorithm, size_t size) {
    verify(state, crypto::PublicKey::rsa("\xc1" + std::string(size - 2, '\x5a') + "\x01", std::string("\1\0\1", 3)),
           algorithm);
}
BENCHMARK_CAPTURE(rsa, rs256_2048, crypto::SignatureAlgorithm::rs256, 256);
BENCHMARK_CAPTURE(rsa, rs256_4096, crypto::SignatureAlgorithm::rs256, 512);
BENCHMARK_CAPTURE(rsa, ps256_2048, crypto::SignatureAlgorithm::ps256, 256);

void es256(benchmark::State& state) {
    verify(state, crypto::PublicKey::ec(crypto::Curve::p256, octets(p256_x), octets(p256_y)),
           crypto::SignatureAlgorithm::es256);
}
BENCHMARK(es256);

void es384(benchmark::State& state) {
    verify(state, crypto::PublicKey::ec(crypto::Curve::p384, octets(p384_x), octets(p384_y)),
           crypto::SignatureAlgorithm::es384);
}
BENCHMARK(es384);

/// A set of two keys, as it is fetched.
void key_set(benchmark::State& state) {
    for (auto _ : state) benchmark::DoNotOptimize(keys());
}
BENCHMARK(key_set);

} // namespace

BENCHMARK_MAIN();
