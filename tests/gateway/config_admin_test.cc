// tests/gateway/config_admin_test.cc - what weir.toml may say about the admin listener and who decides there.
#include "gateway/config.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <string>

using namespace weir;
using namespace weir::gateway;

namespace {

std::expected<Config, ConfigProblems> parse(const std::string& text) {
    return parse_config(text, "weir.toml", "/etc/weir");
}

const std::string issuers =
    "[[issuer]]\nname = \"corp\"\nurl = \"https://idp.example\"\n[[issuer]]\nname = \"other\"\nurl = "
    "\"https://other.example\"\n";
const std::string certificate = "[[certificate]]\nchain = \"a.pem\"\nkey = \"a.key\"\n";

} // namespace

TEST_CASE("the admin listener alone serves pages, and nobody comes with a token") {
    const auto config = parse("[admin]\naddress = \"127.0.0.1:7071\"\n" + issuers);
    REQUIRE(config);
    CHECK(config->admin->port == 7071);
    CHECK(config->deciders.audiences.empty());
    CHECK(config->deciders.hosts.empty());
    CHECK_FALSE(config->admin_tls);
}

TEST_CASE("with an audience tokens of all issuers decide, by the names of loopback") {
    const auto config =
        parse("[admin]\naddress = \"127.0.0.1:7071\"\naudience = \"https://weir.example/approvals\"\n" + issuers);
    REQUIRE(config);
    const DecidersConfig& deciders = config->deciders;
    CHECK(deciders.audiences == std::vector<std::string>{"https://weir.example/approvals"});
    CHECK(deciders.issuers == std::vector<uint32_t>{0, 1});
    CHECK(deciders.hosts == std::vector<std::string>{"127.0.0.1:7071", "localhost:7071", "[::1]:7071"});
    CHECK(deciders.login_client.empty());
    CHECK(deciders.login_issuer == 0);
}

TEST_CASE("all that may be said about who decides is read") {
    const auto config = parse(
        "[admin]\naddress = \"10.0.0.1:7071\"\ntls = true\naudience = [\"a\", \"b\"]\nissuers = \"other\"\nscopes = "
        "[\"decide\"]\nhosts = [\"Weir.Example\"]\nlogin = { client_id = \"weir-cli\", issuer = \"other\" }\n" +
        issuers + certificate);
    INFO((config ? std::string() : describe(config.error().front())));
    REQUIRE(config);
    const DecidersConfig& deciders = config->deciders;
    CHECK(config->admin_tls);
    CHECK(deciders.audiences.size() == 2);
    CHECK(deciders.issuers == std::vector<uint32_t>{1});
    CHECK(deciders.hosts == std::vector<std::string>{"weir.example"});
    CHECK(deciders.login_client == "weir-cli");
    CHECK(deciders.login_issuer == 1);
    CHECK(deciders.login_scopes == std::vector<std::string>{"openid", "offline_access", "decide"});
    const auto scopes = parse(
        "[admin]\naddress = \"127.0.0.1:7071\"\naudience = \"a\"\nlogin = { client_id = \"c\", scopes = [\"x\"] }\n" +
        issuers);
    REQUIRE(scopes);
    CHECK(scopes->deciders.login_scopes == std::vector<std::string>{"x"});
}

TEST_CASE("a refresh token is asked for in the words of who gives it") {
    const auto realm = parse(
        "[admin]\naddress = \"127.0.0.1:7071\"\naudience = \"a\"\nlogin = { client_id = \"c\" }\n"
        "[[issuer]]\nname = \"kc\"\npreset = \"keycloak\"\nurl = \"https://kc.example/realms/r\"\n");
    REQUIRE(realm);
    CHECK(realm->deciders.login_scopes == std::vector<std::string>{"openid"});
}

TEST_CASE("beyond loopback the admin listener wants TLS, or a word, and is warned of") {
    const std::string open = "[admin]\naddress = \"0.0.0.0:7071\"\n";
    const auto refused = parse(open);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().front().text.find("is not loopback") != std::string::npos);
    const auto said = parse(open + "without_tls = true\n");
    REQUIRE(said);
    const auto warnings = warnings_of(*said);
    CHECK(std::ranges::any_of(warnings,
                              [](const auto& one) { return one.text.find("in clear text") != std::string::npos; }));
    const auto covered = parse(open + "tls = true\n" + certificate);
    REQUIRE(covered);
    CHECK(covered->admin_tls);
}

TEST_CASE("what does not fit together is a problem of its line") {
    struct Row {
        const char* name;
        std::string keys, part;
    };
    const std::string address = "address = \"127.0.0.1:7071\"\n";
    for (const auto& [name, keys, part] : {
             Row{"an address that is none", "address = \"host:1\"\n", "no address to listen on"},
             Row{"an unknown key", address + "audiences = \"a\"\n", "audience"},
             Row{"an empty audience", address + "audience = []\n", "no token would be meant"},
             Row{"an empty text as audience", address + "audience = [\"\"]\n", "no token would be meant"},
             Row{"an audience and no listener", "audience = \"a\"\n", "nothing listens"},
             Row{"issuers without an audience", address + "issuers = \"corp\"\n", "without `audience`"},
             Row{"a login without an audience", address + "login = { client_id = \"a\" }\n", "without `audience`"},
             Row{"an issuer that is none", address + "audience = \"a\"\nissuers = \"crop\"\n", "did you mean \"corp\""},
             Row{"no issuer", address + "audience = \"a\"\nissuers = []\n", "nobody's tokens are taken"},
             Row{"a login without a client", address + "audience = \"a\"\nlogin = {}\n", "`client_id` is missing"},
             Row{"a login of another issuer",
                 address + "audience = \"a\"\nissuers = \"corp\"\nlogin = { client_id = \"a\", issuer = \"other\" }\n",
                 "none of the issuers of [admin]"},
             Row{"TLS without a certificate", address + "tls = true\n", "needs a [[certificate]]"},
             Row{"a scope that is none", address + "audience = \"a\"\nscopes = \"a b\"\n", "no name of a scope"},
             Row{"hosts missing", "address = \"10.0.0.1:7071\"\nwithout_tls = true\naudience = \"a\"\n",
                 "`hosts` is missing in [admin]"},
         }) {
        INFO(name);
        const auto config = parse("[admin]\n" + keys + issuers);
        REQUIRE_FALSE(config);
        CHECK(std::ranges::any_of(config.error(), [&](const auto& problem) {
            return problem.line >= 1 && problem.line <= 6 && problem.text.find(part) != std::string::npos;
        }));
    }
}

TEST_CASE("a token for a server decides about nothing, unless the admin listener asks for scopes") {
    const std::string admin = "[admin]\naddress = \"127.0.0.1:7071\"\naudience = [\"desk\", \"shared\"]\n";
    const std::string server = "[[server]]\nname = \"up\"\nurl = \"http://127.0.0.1:3001/mcp\"\nissuers = \"corp\"\n";
    const std::string lent = "[[issuer]]\nname = \"corp\"\nurl = \"https://idp.example\"\naudience = \"shared\"\n";
    CHECK(parse(admin + issuers + server + "audience = \"up\"\n"));
    CHECK(
        parse(admin + lent + server + "audience = \"up\"\n")); // What the issuer says is for servers that say nothing.
    CHECK(parse(admin + "scopes = \"decide\"\n" + issuers + server + "audience = \"shared\"\n"));
    for (const std::string& text :
         {admin + issuers + server + "audience = [\"up\", \"shared\"]\n", admin + lent + server}) {
        const auto wrong = parse(text);
        REQUIRE_FALSE(wrong);
        CHECK(wrong.error().front().text.find("would decide about calls") != std::string::npos);
    }
}
