// tests/identity/key_source_test.cc - what must hold: keys are fetched one fetch at a time, not more often than twice a
// minute whatever tokens ask for, and not less often than every five minutes; good keys outlive failures for a day; only
// an issuer's own metadata say where its keys are.
#include "identity/key_source.h"

#include "base/limits.h"
#include "identity/presets.h"
#include "json/scan.h"
#include "mint.h"

#include <catch2/catch_test_macros.hpp>

using namespace weir;
using namespace weir::identity;

namespace {

constexpr uint64_t hour_ns = 3600 * s_ns;

std::shared_ptr<const KeySet> keys(const char* kid) {
    return std::make_shared<const KeySet>(key_set({Mint::rsa().jwk(kid).text()}));
}

} // namespace

TEST_CASE("the first fetch is due at once, the next ones in time") {
    KeySource source;
    uint64_t now = 100 * s_ns;
    CHECK(source.is_due(now));
    CHECK(source.keys(now) == nullptr);
    source.begin(now);
    CHECK_FALSE(source.is_due(now + hour_ns)); // one at a time
    CHECK(source.arrive(keys("a"), now += s_ns));
    CHECK(source.keys(now)->find("a") != nullptr);
    CHECK_FALSE(source.is_due(now));
    CHECK_FALSE(source.is_due(100 * s_ns + KeySource::period_ns - 1));
    CHECK(source.is_due(100 * s_ns + KeySource::period_ns));
}

TEST_CASE("unknown keys are asked for at once, but not more than twice a minute") {
    KeySource source;
    uint64_t now = 100 * s_ns;
    source.begin(now);
    source.want(now); // while one is on
    source.arrive(keys("a"), now + s_ns);
    CHECK(source.due_ns() == now + KeySource::apart_ns_min);
    now += 100 * s_ns;
    CHECK(source.is_due(now));
    source.begin(now);
    source.arrive(keys("a"), now);
    size_t fetches = 0;
    for (const uint64_t end = now + 300 * s_ns; now < end; now += s_ns / 10) { // ten tokens a second
        source.want(now);
        if (!source.is_due(now)) continue;
        ++fetches;
        source.begin(now);
        source.arrive(keys("a"), now);
    }
    CHECK(fetches == 9);
}

TEST_CASE("good keys outlive failures for a day") {
    KeySource source;
    source.begin(0);
    source.fail(2 * s_ns);
    CHECK(source.keys(2 * s_ns) == nullptr);
    CHECK(source.due_ns() == 3 * s_ns); // there are none at all: after one second, two, four
    source.begin(3 * s_ns);
    source.fail(5 * s_ns);
    CHECK(source.due_ns() == 7 * s_ns);
    source.begin(30 * s_ns);
    CHECK(source.failures() == 2);
    CHECK(source.arrive(keys("a"), 30 * s_ns));
    CHECK(source.failures() == 0);
    uint64_t now = 30 * s_ns;
    while (now < 20 * hour_ns) {
        now = source.due_ns();
        source.begin(now);
        source.fail(now + 2 * s_ns);
        CHECK(source.keys(now) != nullptr);
    }
    CHECK(source.failures() > 1000);
    CHECK(source.keys(30 * s_ns + KeySource::life_ns_max - 1) != nullptr);
    CHECK(source.keys(30 * s_ns + KeySource::life_ns_max) == nullptr);
    const uint64_t late = 30 * s_ns + KeySource::life_ns_max;
    source.begin(late);
    CHECK(source.arrive(keys("a"), late)); // back from nothing: workers have to be told
}

TEST_CASE("the same keys again are no change") {
    KeySource source;
    source.begin(0);
    CHECK(source.arrive(keys("a"), 0));
    const auto first = source.keys(0);
    source.begin(300 * s_ns);
    CHECK_FALSE(source.arrive(keys("a"), 300 * s_ns));
    CHECK(source.keys(300 * s_ns) == first);
    CHECK(source.keys(300 * s_ns + KeySource::life_ns_max - 1) == first); // but they were seen again
    source.begin(600 * s_ns);
    CHECK(source.arrive(keys("b"), 600 * s_ns));
    CHECK(source.keys(600 * s_ns)->find("a") == nullptr);
}

TEST_CASE("only an issuer's own metadata say where its keys are") {
    const auto url = [](const std::string& text) {
        BufferPool pool;
        PaddedBytes bytes(pool);
        bytes.append(text);
        json::Scanner scanner{json::ScanLimits{}};
        const auto document = scanner.scan(bytes.padded());
        REQUIRE(document);
        return keys_url_of(*oidc("https://idp.test"), json::Value::root(*document));
    };
    CHECK(url(R"({"issuer":"https://idp.test","jwks_uri":"https://keys.test/k?v=1"})") == "https://keys.test/k?v=1");
    CHECK(url(R"({"issuer":"https:\/\/idp.test","jwks_uri":"https:\/\/keys.test\/k"})") == "https://keys.test/k");
    for (const char* const text : {
             R"({"issuer":"https://idp.test/","jwks_uri":"https://keys.test/k"})",
             R"({"issuer":"https://evil.test","jwks_uri":"https://keys.test/k"})",
             R"({"jwks_uri":"https://keys.test/k"})",
             R"({"issuer":"https://idp.test"})",
             R"({"issuer":"https://idp.test","jwks_uri":1})",
             R"({"issuer":"https://idp.test","jwks_uri":"http://keys.test/k"})",
             R"({"issuer":"https://idp.test","jwks_uri":"file:///etc/passwd"})",
             R"({"issuer":"https://idp.test","jwks_uri":"https://a@keys.test/k"})",
             R"({"issuer":"https://idp.test","jwks_uri":"https://keys.test/k\r\nX: y"})",
             R"([])",
         })
        CHECK_FALSE(url(text).has_value());
}
