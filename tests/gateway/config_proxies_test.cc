// tests/gateway/config_proxies_test.cc - what weir.toml may say about trusted proxies.
#include "gateway/config.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <string>

using namespace weir;
using namespace weir::gateway;

TEST_CASE("trusted proxies and how they say for whom they come are read") {
    const auto config = parse_config(
        "[listen]\nclient_address = \"proxy_protocol\"\ntrusted_proxies = [\"10.0.0.0/8\", "
        "\"2001:db8::7\"]\n",
        "weir.toml", "/etc/weir");
    REQUIRE(config);
    CHECK(config->client_address == ClientAddress::proxy_protocol);
    REQUIRE(config->trusted_proxies.size() == 2);
    CHECK(any_holds(config->trusted_proxies, *IpAddress::parse("10.9.9.9")));
    CHECK_FALSE(any_holds(config->trusted_proxies, *IpAddress::parse("2001:db8::8")));
    const auto header =
        parse_config("[listen]\nclient_address = \"x_forwarded_for\"\ntrusted_proxies = \"127.0.0.1\"\n", "w", "/etc");
    REQUIRE(header);
    CHECK(header->client_address == ClientAddress::x_forwarded_for);
}

TEST_CASE("what cannot be meant about proxies is refused with its place") {
    struct Row {
        const char* listen;
        std::string_view code, part;
    };
    const std::string server = "[[server]]\nname = \"a\"\nurl = \"http://h/mcp\"\nanonymous = true\n";
    for (const Row& row :
         {Row{"client_address = \"proxy\"", "config_value", "`client_address` must be"},
          Row{"client_address = \"proxy_protocol\"", "config_missing", "`trusted_proxies` is missing"},
          Row{"trusted_proxies = \"10.0.0.7\"", "config_missing", "needs `client_address`"},
          Row{"client_address = \"connection\"\ntrusted_proxies = \"10.0.0.7\"", "config_value",
              "needs `client_address`"},
          Row{"client_address = \"x_forwarded_for\"\ntrusted_proxies = []", "config_value", "is empty"},
          Row{"client_address = \"x_forwarded_for\"\ntrusted_proxies = \"10.0.0.1/8\"", "config_value", "no range"},
          Row{"client_address = \"x_forwarded_for\"\ntrusted_proxies = \"lb.example\"", "config_value", "no range"},
          Row{"client_address = \"x_forwarded_for\"\ntrusted_proxies = \"0.0.0.0/0\"", "config_value", "is everybody"},
          Row{"client_address = \"x_forwarded_for\"\ntrusted_proxies = \"::/0\"", "config_value", "is everybody"},
          Row{"client_address = \"x_forwarded_for\"\ntrusted_proxies = \"10.0.0.7\"", "config_value",
              "`anonymous = true` is refused while `trusted_proxies`"}}) {
        INFO(row.listen);
        const auto config = parse_config("[listen]\n" + std::string(row.listen) + "\n" + server, "weir.toml", "/etc");
        REQUIRE_FALSE(config);
        CHECK(std::ranges::any_of(config.error(), [&](const ConfigProblem& problem) {
            return problem.code == row.code && problem.text.find(row.part) != std::string::npos;
        }));
    }
}
