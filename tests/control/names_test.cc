// tests/control/names_test.cc - names become addresses on a thread of their own, which ends when it is told to.
//
// Only numeric addresses, and a name that RFC 6761 keeps from ever existing, are looked up: no resolver is needed.
#include "control/names.h"

#include <catch2/catch_test_macros.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <map>
#include <semaphore>

using namespace weir;
using namespace weir::control;

namespace {

std::string as_text(const ring::Address& address) {
    char text[INET6_ADDRSTRLEN] = "";
    uint16_t port = 0;
    if (address.get()->sa_family == AF_INET) {
        const auto& ip4 = reinterpret_cast<const sockaddr_in&>(address.storage);
        inet_ntop(AF_INET, &ip4.sin_addr, text, sizeof text);
        port = ntohs(ip4.sin_port);
    } else if (address.get()->sa_family == AF_INET6) {
        const auto& ip6 = reinterpret_cast<const sockaddr_in6&>(address.storage);
        inet_ntop(AF_INET6, &ip6.sin6_addr, text, sizeof text);
        port = ntohs(ip6.sin6_port);
    }
    return std::string(text) + " " + std::to_string(port);
}

} // namespace

TEST_CASE("an address of numbers is itself, with its port") {
    for (const auto& [host, port, expected] :
         {std::tuple{"127.0.0.1", 80, "127.0.0.1 80"}, std::tuple{"192.0.2.7", 65535, "192.0.2.7 65535"},
          std::tuple{"::1", 3001, "::1 3001"}}) {
        INFO(host);
        const auto found = resolve({host, static_cast<uint16_t>(port)});
        REQUIRE(found);
        CHECK(as_text(*found) == expected);
        CHECK(found->size == (expected[0] == ':' ? sizeof(sockaddr_in6) : sizeof(sockaddr_in)));
    }
}

TEST_CASE("what is no name is not found") {
    for (const char* host : {"no.such.name.invalid", "256.1.1.1.invalid", "a b"}) {
        INFO(host);
        const auto found = resolve({host, 80});
        REQUIRE_FALSE(found);
        CHECK(found.error() == Error::not_found);
    }
}

TEST_CASE("each name that was asked for is told by its index, and the others are not looked up") {
    std::map<uint32_t, std::string> told;
    std::binary_semaphore one(0);
    Names names({{"127.0.0.1", 1}, {"127.0.0.2", 2}, {"::1", 3}}, [&](uint32_t index, const ring::Address& address) {
        told[index] = as_text(address);
        one.release();
    });
    names.ask(2);
    one.acquire();
    names.ask(0);
    one.acquire();
    CHECK(told == std::map<uint32_t, std::string>{{0, "127.0.0.1 1"}, {2, "::1 3"}});
}

TEST_CASE("a name that fails is asked again without harm, and the thread ends while a look-up waits its turn") {
    int told = 0;
    {
        Names names({{"no.such.name.invalid", 80}}, [&](uint32_t, const ring::Address&) { ++told; });
        for (int i = 0; i < 100; ++i) names.ask(0);
    }
    CHECK(told == 0);
}

TEST_CASE("without names there is nothing to do but end") {
    const Names names({}, [](uint32_t, const ring::Address&) {});
    SUCCEED();
}
