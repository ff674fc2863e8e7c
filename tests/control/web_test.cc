// tests/control/web_test.cc - what must hold: keys come, by metadata or without; a second want() is one fetch; answers that
// are slow, huge, redirects, broken or another issuer's give no keys, and take none away that were there; metadata cannot
// lead to a private address; the thread ends while a fetch is on.
//
// Tried against a server on a thread of the test that plays one part for each path. Nothing sleeps: what is told is waited
// for.
#include "control/web.h"

#include "control/provider.h"
#include "identity/presets.h"

#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <condition_variable>
#include <deque>

using namespace weir;
using namespace weir::control;
using test::Provider;

namespace {

// Two keys of RFC 7517, appendix A.1, with names of this test.
constexpr const char* key_of = R"({"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",)"
                               R"("y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"sig","kid":")";

std::string keys_named(const std::string& kid) { return R"({"keys":[)" + (key_of + kid) + "\"}]}"; }

/// What was told, in its order.
class Ear {
  public:
    void hear(IssuerNews news) {
        const std::lock_guard lock(mutex_);
        heard_.push_back(std::move(news));
        changed_.notify_all();
    }
    IssuerNews next() {
        std::unique_lock lock(mutex_);
        REQUIRE(changed_.wait_for(lock, std::chrono::seconds(120), [this] { return !heard_.empty(); }));
        IssuerNews news = std::move(heard_.front());
        heard_.pop_front();
        return news;
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<IssuerNews> heard_;
};

std::vector<Web::Source> source_of(const Provider& provider, uint64_t refetch_ns = 30 * s_ns) {
    return {{"idp", *identity::oidc(provider.url), refetch_ns}};
}

} // namespace

TEST_CASE("keys come by metadata, once, however often they are asked for") {
    Provider provider;
    provider.metadata(provider.url + "/keys");
    provider.answer("/keys", keys_named("a"));
    Ear ear;
    Web web(source_of(provider), [&](uint32_t, IssuerNews news) { ear.hear(std::move(news)); });
    const auto first = ear.next();
    REQUIRE(first.keys);
    CHECK(first.changed);
    CHECK(first.keys->find("a") != nullptr);
    REQUIRE(first.metadata);
    CHECK(first.metadata->find("jwks_uri") != std::string::npos);
    for (int i = 0; i < 100; ++i) web.want(0); // half a minute has not gone by
    const auto again = ear.next();
    CHECK_FALSE(again.changed);
    CHECK(again.keys == first.keys);
    CHECK(provider.asked("/keys") == 1);
}

TEST_CASE("keys that the configuration locates need no metadata, and are fetched anew when they may be") {
    Provider provider;
    provider.answer("/jwks", keys_named("a"));
    auto sources = source_of(provider, 0);
    sources[0].issuer.keys_url = provider.url + "/jwks";
    Ear ear;
    Web web(std::move(sources), [&](uint32_t, IssuerNews news) { ear.hear(std::move(news)); });
    CHECK(ear.next().keys->find("a") != nullptr);
    provider.answer("/jwks", keys_named("b"));
    web.want(0);
    const auto rotated = ear.next();
    CHECK(rotated.changed);
    CHECK(rotated.keys->find("a") == nullptr);
    CHECK(rotated.keys->find("b") != nullptr);
    CHECK(provider.asked("/.well-known/openid-configuration") == 0);
    // Whatever fails now takes nothing away.
    provider.answer("/jwks", "gone", "500 Internal Server Error");
    web.want(0);
    const auto failed = ear.next();
    CHECK_FALSE(failed.changed);
    CHECK(failed.keys == rotated.keys);
}

TEST_CASE("an answer that is no key set gives no keys") {
    struct Row {
        const char* name;
        std::function<void(Provider&)> play;
    };
    const Row rows[] = {
        {"metadata of another issuer", [](Provider& p) { p.metadata(p.url + "/keys", "https://other.example"); }},
        {"metadata that are not JSON", [](Provider& p) { p.answer("/.well-known/openid-configuration", "<html>"); }},
        {"metadata that are not there",
         [](Provider& p) { p.answer("/.well-known/openid-configuration", "", "404 Not Found"); }},
        {"metadata that redirect",
         [](Provider& p) {
             p.answer("/.well-known/openid-configuration", "", "302 Found", "Location: " + p.url + "/elsewhere\r\n");
             p.answer("/elsewhere", R"({"issuer":")" + p.url + R"(","jwks_uri":")" + p.url + "/keys\"}");
         }},
        {"keys that redirect",
         [](Provider& p) { p.answer("/keys", "", "301 Moved Permanently", "Location: " + p.url + "/other\r\n"); }},
        {"keys without end", [](Provider& p) { p.answer("/keys", "{" + std::string(600'000, ' ')); }},
        {"keys that are no set", [](Provider& p) { p.answer("/keys", "[]"); }},
        {"keys that break off", [](Provider& p) { p.answer("/keys", R"({"keys":[{"kty":)"); }},
        {"keys by another scheme", [](Provider& p) { p.metadata("file:///etc/passwd"); }},
        {"keys by http elsewhere", [](Provider& p) { p.metadata("http://idp.example/keys"); }},
        {"keys at a private address by another name", [](Provider& p) { p.metadata("https://localhost:1/keys"); }},
        {"a connection that is closed", [](Provider& p) { p.answer("/keys", "", "000"); }},
    };
    for (const Row& row : rows) {
        INFO(row.name);
        Provider provider;
        provider.metadata(provider.url + "/keys");
        provider.answer("/keys", keys_named("a"));
        provider.answer("/other", keys_named("a"));
        row.play(provider);
        Ear ear;
        const Web web(source_of(provider), [&](uint32_t, IssuerNews news) { ear.hear(std::move(news)); });
        const auto news = ear.next();
        CHECK(news.keys == nullptr);
        CHECK_FALSE(news.changed);
        CHECK(provider.asked("/other") == 0);
        CHECK(provider.asked("/elsewhere") == 0);
    }
}

TEST_CASE("a slow answer ends after its time, a slow issuer keeps nobody else waiting") {
    Provider slow, good;
    good.metadata(good.url + "/keys");
    good.answer("/keys", keys_named("a"));
    Ear of_slow, of_good;
    Web web({{"slow", *identity::oidc(slow.url)}, {"good", *identity::oidc(good.url)}},
            [&](uint32_t index, IssuerNews news) { (index == 0 ? of_slow : of_good).hear(std::move(news)); });
    CHECK(of_good.next().keys);
    CHECK_FALSE(of_slow.next().keys);
}

TEST_CASE("the thread ends while an answer is awaited") {
    Provider provider;
    Ear ear;
    {
        const Web web(source_of(provider), [&](uint32_t, IssuerNews news) { ear.hear(std::move(news)); });
    }
    SUCCEED();
}
