// tests/cli/sign_in_test.cc - what must hold of the device flow: asked as RFC 8628 says, at the pace that the issuer says, with
// an end to everything that can go wrong; and of renewal. The issuer is played by a server of the test; no time goes by.
#include "cli/sign_in.h"

#include "cli/desk_option.h"
#include "control/provider.h"

#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <filesystem>

using namespace weir::cli;
using weir::control::test::Provider;

namespace {

constexpr const char* metadata_path = "/.well-known/openid-configuration";

struct Issuer {
    Issuer() {
        place = {.issuer = there.url,
                 .metadata_url = there.url + metadata_path,
                 .client_id = "weir cli",
                 .audience = "https://weir.test/approvals",
                 .scopes = {"openid", "decide"}};
        metadata(there.url);
        there.answer("/device",
                     R"({"device_code":"dev-1","user_code":"ABCD","verification_uri":"https://idp.test/device",)"
                     R"("expires_in":600,"interval":1})");
        pending("authorization_pending");
    }
    void metadata(const std::string& name) {
        there.answer(metadata_path, R"({"issuer":")" + name + R"(","device_authorization_endpoint":")" + there.url +
                                        R"(/device","token_endpoint":")" + there.url + R"(/token"})");
    }
    void pending(const std::string& error) {
        there.answer("/token", R"({"error":")" + error + R"("})", "400 Bad Request");
    }
    void grant() {
        there.answer("/token",
                     R"({"access_token":"a.b.c","refresh_token":"r1","expires_in":300,"token_type":"Bearer"})");
    }
    /// Signs in; `each` happens in each pause, whose lengths are noted.
    std::expected<KeptLogin, std::string> run(const std::function<bool()>& each) {
        return sign_in(
            "http://127.0.0.1:7071", place, {}, [this](const DeviceCode& code) { told = code; },
            [&](uint64_t seconds) {
                pauses.push_back(seconds);
                return each();
            });
    }
    Provider there;
    SignInPlace place;
    DeviceCode told;
    std::vector<uint64_t> pauses;
};

bool holds(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

} // namespace

TEST_CASE("a person is told the code, asked for at the issuer's pace, and signed in") {
    Issuer issuer;
    const auto login = issuer.run([&] {
        if (issuer.pauses.size() == 2) issuer.pending("slow_down");
        if (issuer.pauses.size() == 3) issuer.grant();
        return true;
    });
    REQUIRE(login);
    CHECK(issuer.told.user_code == "ABCD");
    CHECK(issuer.told.place == "https://idp.test/device");
    CHECK(issuer.told.ends_s == 600);
    CHECK(issuer.pauses == std::vector<uint64_t>{1, 1, 6});
    CHECK(login->url == "http://127.0.0.1:7071");
    CHECK(login->access_token == "a.b.c");
    CHECK(login->refresh_token == "r1");
    CHECK(login->resource == "https://weir.test/approvals");
    CHECK(issuer.there.said("/device").ends_with(
        "\r\n\r\nclient_id=weir%20cli&scope=openid%20decide&resource=https%3A%2F%2Fweir.test%2Fapprovals"));
    CHECK(holds(
        issuer.there.said("/token"),
        "\r\n\r\ngrant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&device_code=dev-1&client_id="));
}

TEST_CASE("an audience that is no URL is not asked for as a resource") {
    Issuer issuer;
    issuer.place.audience = "api://weir";
    issuer.grant();
    const auto login = issuer.run([] { return true; });
    REQUIRE(login);
    CHECK(login->resource.empty());
    CHECK_FALSE(holds(issuer.there.said("/device"), "resource"));
}

TEST_CASE("what the issuer refuses, leaves out or breaks ends the sign-in with a sentence") {
    const auto why = [](const std::function<void(Issuer&)>& change) {
        Issuer issuer;
        change(issuer);
        const auto login = issuer.run([&] { return issuer.pauses.size() < 3; });
        REQUIRE_FALSE(login);
        return login.error();
    };
    CHECK(holds(why([](Issuer& i) { i.pending("access_denied"); }), "was refused"));
    CHECK(holds(why([](Issuer& i) { i.pending("expired_token"); }), "in time"));
    CHECK(holds(why([](Issuer& i) { i.pending("invalid_grant"); }), "invalid_grant"));
    CHECK(holds(why([](Issuer&) {}), "given up"));
    CHECK(holds(why([](Issuer& i) { i.metadata("https://other.test"); }), "another issuer's"));
    CHECK(holds(why([](Issuer& i) { i.there.answer(metadata_path, R"({"issuer":")" + i.there.url + "\"}"); }),
                "no device flow"));
    CHECK(holds(why([](Issuer& i) {
                    i.there.answer(
                        metadata_path,
                        R"({"issuer":")" + i.there.url +
                            R"(","token_endpoint":"http://far.example/t","device_authorization_endpoint":")" +
                            i.there.url + "/device\"}");
                }),
                "not https"));
    CHECK(holds(why([](Issuer& i) { i.there.answer(metadata_path, "{}", "500 Oops"); }), "HTTP 500"));
    CHECK(holds(why([](Issuer& i) {
                    i.there.answer("/device", R"({"error":"invalid_client","error_description":"no \u001b[2J"})",
                                   "401 Unauthorized");
                }),
                "invalid_client: no ?[2J"));
    CHECK(holds(why([](Issuer& i) { i.there.answer("/device", R"({"device_code":"x"})"); }), "incomplete"));
    CHECK(holds(why([](Issuer& i) { i.there.answer("/token", R"({"token_type":"Bearer"})"); }), "no access_token"));
    CHECK(holds(why([](Issuer& i) { i.there.answer("/token", "<html>"); }), "no JSON object"));
}

TEST_CASE("where people sign in is what the weir says") {
    Provider there;
    const std::string path = "/.well-known/oauth-protected-resource/api/v1/approvals";
    there.answer(
        path,
        R"({"resource":"r","authorization_servers":["https://idp.test"],"dev.weir/login":{"issuer":"https://idp.test",)"
        R"("metadata_url":"https://idp.test/m","client_id":"c","audience":"a","scopes":["x","y"]}})");
    const auto place = sign_in_place(there.url, {});
    REQUIRE(place);
    CHECK(place->issuer == "https://idp.test");
    CHECK(place->metadata_url == "https://idp.test/m");
    CHECK(place->client_id == "c");
    CHECK(place->audience == "a");
    CHECK(place->scopes == std::vector<std::string>{"x", "y"});
    there.answer(path, R"({"resource":"r","authorization_servers":["https://idp.test"]})");
    CHECK(sign_in_place(there.url, {})->issuer == "https://idp.test");
    there.answer(path, "{}", "404 Not Found");
    CHECK_FALSE(sign_in_place(there.url, {}));
}

TEST_CASE("a token is that of the environment, else of the login, renewed when it is about to end") {
    std::string home = std::filesystem::temp_directory_path().string() + "/weir-home-XXXXXX";
    REQUIRE(::mkdtemp(home.data()) != nullptr);
    ::setenv("XDG_CONFIG_HOME", home.c_str(), 1);
    ::unsetenv("WEIR_TOKEN");
    Issuer issuer;
    const std::string url = "http://127.0.0.1:7071";
    CHECK(token_for(url).value().empty());
    CHECK_FALSE(has_token_for(url));
    KeptLogin login{.url = url,
                    .issuer = issuer.there.url,
                    .token_endpoint = issuer.there.url + "/token",
                    .client_id = "c",
                    .access_token = "old",
                    .refresh_token = "r0",
                    .ends_unix_s = UINT32_MAX};
    REQUIRE(write_login(home + "/weir", login));
    CHECK(token_for(url) == "old");
    CHECK(issuer.there.asked("/token") == 0);
    login.ends_unix_s = 1;
    REQUIRE(write_login(home + "/weir", login));
    issuer.pending("invalid_grant");
    CHECK(holds(token_for(url).error(), "sign in again"));
    CHECK(has_token_for(url));
    issuer.grant();
    CHECK(token_for(url) == "a.b.c");
    CHECK(holds(issuer.there.said("/token"), "\r\n\r\ngrant_type=refresh_token&refresh_token=r0&client_id=c"));
    CHECK(read_login(home + "/weir", url).value()->refresh_token == "r1");
    CHECK(token_for(url) == "a.b.c"); // and not again
    CHECK(issuer.there.asked("/token") == 2);
    ::setenv("WEIR_TOKEN", "from-outside", 1);
    CHECK(token_for(url) == "from-outside");
    ::unsetenv("WEIR_TOKEN");
    ::unsetenv("XDG_CONFIG_HOME");
    std::filesystem::remove_all(home);
}

TEST_CASE("the URL of a desk is a scheme, a host and a port, and none that a token would be read on the way to") {
    CHECK(desk_url("https://weir.example:7071/") == "https://weir.example:7071");
    CHECK(desk_url("http://127.0.0.1:7071") == "http://127.0.0.1:7071");
    for (const char* text : {"http://weir.example:7071", "https://weir.example/mcp", "weir.example", "https://", ""})
        CHECK_FALSE(desk_url(text));
}
