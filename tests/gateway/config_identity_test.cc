// tests/gateway/config_identity_test.cc - what weir.toml may say about issuers, and about whom a server lets in.
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

const std::string issuer = "[[issuer]]\nname = \"corp\"\nurl = \"https://idp.example\"\n";
const std::string server = "[[server]]\nname = \"a\"\nurl = \"http://h/mcp\"\n";

struct Row {
    const char* name;
    std::string text;
    uint32_t line, column;
    std::string_view code, part;
};

} // namespace

TEST_CASE("issuers by preset, and what servers ask, are read") {
    const auto config = parse(R"([listen]
public_url = "https://MCP.example"
[[issuer]]
name = "corp"
url = "https://idp.example"
algorithms = ["RS256", "ES384"]
types = ["AT+JWT"]
clients = ["ide", "cli"]
leeway = "10s"
refetch_min = "5s"
absent_groups = "none"
claims = { groups = ["/realm_access/roles", "groups"], subject = "oid" }
require = { tier = ["gold", "silver"] }
[[issuer]]
name = "entra"
preset = "entra"
tenants = ["11111111-2222-3333-4444-555555555555"]
audience = "api://weir"
[[issuer]]
name = "google"
preset = "google"
domains = ["acme.example"]
audience = ["client-1"]
[[server]]
name = "jira"
url = "http://h/mcp"
issuers = "corp"
scopes = ["mcp:jira", "mcp:jira"]
method_scopes = { "resources/*" = "mcp:read" }
tool_scopes = { "delete_*" = ["mcp:delete", "mcp:admin"] }
[[server]]
name = "wiki"
url = "http://h/mcp"
audience = ["api://wiki"]
[[server]]
name = "keys"
url = "http://h/mcp"
issuers = []
api_keys = true
[[server]]
name = "open"
url = "http://h/mcp"
anonymous = true
)");
    if (!config) INFO(describe(config.error().front()));
    REQUIRE(config);
    CHECK(config->public_url == "https://mcp.example");
    const auto& corp = config->issuers[0];
    CHECK(corp.issuer.url == "https://idp.example");
    CHECK(corp.issuer.algorithms ==
          crypto::SignatureAlgorithms{crypto::SignatureAlgorithm::rs256, crypto::SignatureAlgorithm::es384});
    CHECK(corp.issuer.types == std::vector<std::string>{"at+jwt"});
    CHECK(corp.issuer.clients == std::vector<std::string>{"ide", "cli"});
    CHECK(corp.issuer.leeway_s == 10);
    CHECK(corp.refetch_ns_min == 5 * s_ns);
    CHECK(corp.issuer.absent_groups_are_none);
    REQUIRE(corp.issuer.groups.size() == 2);
    CHECK(corp.issuer.groups[0].text() == "/realm_access/roles");
    REQUIRE(corp.issuer.pins.size() == 1);
    CHECK(corp.issuer.pins[0].values == std::vector<std::string>{"gold", "silver"});
    CHECK(config->issuers[1].audiences == std::vector<std::string>{"api://weir"});
    CHECK(config->issuers[1].issuer.tenants.size() == 1);
    CHECK(config->issuers[2].issuer.url == "https://accounts.google.com");
    const auto& jira = config->servers[0];
    CHECK(jira.issuers == std::vector<uint32_t>{0});
    CHECK(jira.audiences == std::vector<std::string>{"https://mcp.example/mcp/jira"});
    CHECK(jira.scopes == std::vector<std::string>{"mcp:jira"});
    CHECK(jira.method_scopes[0].glob == "resources/*");
    CHECK(jira.tool_scopes[0].scopes == std::vector<std::string>{"mcp:delete", "mcp:admin"});
    CHECK(config->servers[1].issuers == std::vector<uint32_t>{0, 1, 2});
    CHECK(config->servers[1].audiences == std::vector<std::string>{"api://wiki"});
    CHECK(config->servers[2].issuers.empty());
    CHECK(config->servers[2].api_keys);
    CHECK(config->servers[3].issuers.empty());
}

TEST_CASE("tokens let clients come from beyond loopback, and a warning tells what the wire shows") {
    const auto config = parse("[listen]\naddress = \"0.0.0.0:7070\"\nhosts = [\"mcp.example\"]\nwithout_tls = true\n" +
                              issuer + server + "audience = \"api://a\"\n");
    REQUIRE(config);
    CHECK(std::ranges::any_of(warnings_of(*config), [](const ConfigProblem& warning) {
        return warning.text.find("clear text") != std::string::npos;
    }));
}

TEST_CASE("what is wrong about identity is refused where it stands") {
    const std::string good = issuer + server + "audience = \"api://a\"\n"; // lines 1 to 7
    const Row rows[] = {
        {"an issuer without a name", "[[issuer]]\nurl = \"https://i.example\"\n", 1, 1, "config_missing", "`name`"},
        {"an issuer without a url", "[[issuer]]\nname = \"i\"\n", 1, 1, "config_missing", "`url` is missing"},
        {"an issuer by http", "[[issuer]]\nname = \"i\"\nurl = \"http://idp.example\"\n", 1, 1, "config_value",
         "https"},
        {"a preset that is none", "[[issuer]]\nname = \"i\"\npreset = \"azure\"\n", 3, 10, "config_value",
         "`preset` is"},
        {"tenants of nobody", issuer + "tenants = [\"a\"]\n", 4, 11, "config_value", "not for the preset"},
        {"a tenant by name", "[[issuer]]\nname = \"i\"\npreset = \"entra\"\ntenants = [\"common\"]\n", 1, 1,
         "config_value", "GUID"},
        {"keycloak without a realm", "[[issuer]]\nname = \"i\"\npreset = \"keycloak\"\nurl = \"https://k.example\"\n",
         1, 1, "config_value", "realm"},
        {"a symmetric algorithm", issuer + "algorithms = [\"HS256\"]\n", 4, 15, "config_value", "no algorithm"},
        {"no algorithm", issuer + "algorithms = []\n", 1, 1, "config_value", "no algorithms"},
        {"a long leeway", issuer + "leeway = \"10m\"\n", 4, 10, "config_value", "`leeway`"},
        {"no clients", issuer + "clients = []\n", 4, 11, "config_value", "leave it out"},
        {"keys by http", issuer + "keys_url = \"http://idp.example/keys\"\n", 1, 1, "config_value", "https only"},
        {"a misspelt key", issuer + "audiance = \"a\"\n", 4, 1, "config_unknown_key", "did you mean `audience`?"},
        {"a misspelt claim", issuer + "claims = { group = \"g\" }\n", 4, 12, "config_unknown_key", "`groups`"},
        {"a claim that is no pointer", issuer + "claims = { groups = \"/a~2\" }\n", 4, 21, "config_value", "a~2"},
        {"an issuer twice", issuer + "[[issuer]]\nname = \"corp\"\nurl = \"https://b.example\"\n", 4, 1,
         "config_duplicate", "defined twice"},
        {"an issuer under two names", issuer + "[[issuer]]\nname = \"b\"\nurl = \"https://idp.example\"\n", 4, 1,
         "config_duplicate", "two issuers"},
        {"an issuer that is not there", good + "issuers = [\"crop\"]\n", 8, 12, "config_value",
         "did you mean \"corp\"?"},
        {"no audience", issuer + server, 4, 1, "config_missing", "`audience` is missing"},
        {"an empty audience", issuer + server + "audience = []\n", 7, 12, "config_value", "`audience` is empty"},
        {"anonymous with scopes", server + "anonymous = true\nscopes = [\"a\"]\n", 5, 10, "config_value", "contradict"},
        {"a scope with a space", good + "scopes = [\"a b\"]\n", 8, 11, "config_value", "no name of a scope"},
        {"a scope with a quote", good + "scopes = [\"a\\\"b\"]\n", 8, 11, "config_value", "no name of a scope"},
        {"no scope for a tool", good + "tool_scopes = { x = [] }\n", 8, 21, "config_value", "asks for no scope"},
        {"a glob left open", good + "tool_scopes = { \"[x\" = \"a\" }\n", 8, 17, "config_value", "no glob"},
        {"a public url with a path", "[listen]\npublic_url = \"https://a/b\"\n", 2, 14, "config_value", "no path"},
        {"a public url in clear text", "[listen]\npublic_url = \"http://a.example\"\n", 2, 14, "config_value", "https"},
        {"an issuer in one bracket", "[issuer]\nname = \"a\"\n", 1, 1, "config_type", "[[issuer]]"},
    };
    for (const Row& row : rows) {
        INFO(row.name << "\n" << row.text);
        const auto config = parse(row.text);
        REQUIRE(!config);
        const ConfigProblem& first = config.error().front();
        INFO(describe(first));
        CHECK(first.line == row.line);
        CHECK(first.column == row.column);
        CHECK(first.code == row.code);
        CHECK(first.text.find(row.part) != std::string::npos);
    }
}

TEST_CASE("certificates of clients are identities where they are asked for") {
    const std::string tls = "[[certificate]]\nchain = \"a\"\nkey = \"b\"\n";
    const std::string asked = "[listen.tls]\nclient_certificates = \"optional\"\nclient_ca = \"ca.pem\"\n";
    const auto config = parse(asked + tls + server + "client_certificates = true\n");
    REQUIRE(config);
    CHECK(config->servers[0].client_certificates);
    for (const auto& [text, part] :
         {std::pair{server + "client_certificates = true\n", "needs certificates to be asked for"},
          std::pair{"[listen]\nclient_address = \"x_forwarded_for\"\ntrusted_proxies = [\"10.0.0.0/8\"]\n" + asked +
                        tls + server + "client_certificates = true\n",
                    "are the proxies', not the clients'"},
          std::pair{asked + tls + server + "client_certificates = true\nanonymous = true\n",
                    "`client_certificates` and `anonymous = true` contradict"}}) {
        const auto wrong = parse(text);
        REQUIRE_FALSE(wrong);
        CHECK(std::ranges::any_of(wrong.error(), [part = part](const ConfigProblem& problem) {
            return problem.text.find(part) != std::string::npos;
        }));
    }
}
