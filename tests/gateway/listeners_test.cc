// tests/gateway/listeners_test.cc - where weir listens: at addresses of its own, which nobody else listens at.
#include "gateway/generation_load.h"
#include "gateway/worker.h"
#include "ring/kernel_ring.h"

#include <catch2/catch_test_macros.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>
#include <thread>

namespace weir::gateway::test {
namespace {

/// A listener as weirs have them, and an address that names it.
struct Other {
    explicit Other(int family = AF_INET) {
        if (family == AF_INET6) {
            auto& six = reinterpret_cast<sockaddr_in6&>(at.address.storage);
            six.sin6_family = AF_INET6;
            six.sin6_addr = in6addr_any;
            at.address.size = sizeof six;
        } else {
            auto& four = reinterpret_cast<sockaddr_in&>(at.address.storage);
            four.sin_family = AF_INET;
            four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            at.address.size = sizeof four;
        }
        fd = ring::listen_on(at.address, 8);
        REQUIRE(fd >= 0);
        REQUIRE(getsockname(fd, reinterpret_cast<sockaddr*>(&at.address.storage), &at.address.size) == 0);
        at.port = ntohs(reinterpret_cast<const sockaddr_in&>(at.address.storage).sin_port);
        at.text = "127.0.0.1:" + std::to_string(at.port);
    }
    ~Other() { end(); }
    void end() {
        if (fd >= 0) close(fd);
        fd = -1;
    }
    ListenAddress at;
    int fd = -1;
};

} // namespace

TEST_CASE("an address where another weir listens is refused by its name, though the kernel would let both share it") {
    Other other;
    Config config;
    SECTION("for clients") { config.addresses = {other.at}; }
    SECTION("for operators") { config.admin = other.at; }
    const std::string failure = await_addresses(config, 0);
    CHECK(failure.starts_with("cannot listen on " + other.at.text + ": another program listens there"));
    const int beside = ring::listen_on(other.at.address, 8); // as the workers of one weir do
    CHECK(beside >= 0);
    close(beside);
    other.end();
    CHECK(await_addresses(config, 0).empty());
}

TEST_CASE("a listener that goes a moment later is waited for") {
    Other other;
    Config config;
    config.addresses = {other.at};
    std::thread goes([&other] { other.end(); });
    CHECK(await_addresses(config, 60 * s_ns).empty());
    goes.join();
}

TEST_CASE("what is left of the connections of a weir that has ended keeps nobody from its address") {
    Other other;
    Config config;
    config.addresses = {other.at};
    const int client = socket(AF_INET, SOCK_STREAM, 0);
    REQUIRE(connect(client, other.at.address.get(), other.at.address.size) == 0);
    const int server = accept(other.fd, nullptr, nullptr);
    REQUIRE(server >= 0);
    other.end();
    SECTION("open still, in another program") {}
    SECTION("closed by it: TIME_WAIT") {
        close(server);
        char octet = 0;
        CHECK(read(client, &octet, 1) == 0);
        close(client);
    }
    CHECK(await_addresses(config, 0).empty());
    std::vector<std::pair<int, Role>> listeners;
    CHECK(open_listeners(config, 0, listeners).empty());
    CHECK(open_listeners(config, 1, listeners).empty());
    CHECK(listeners.size() == 2);
    for (const auto& [fd, role] : listeners) close(fd);
    close(server);
    close(client);
}

TEST_CASE("a listener of IPv6 alone leaves the port of IPv4 free") {
    Other other(AF_INET6);
    ring::Address four;
    auto& at = reinterpret_cast<sockaddr_in&>(four.storage);
    at.sin_family = AF_INET;
    at.sin_port = htons(other.at.port);
    at.sin_addr.s_addr = htonl(INADDR_ANY);
    four.size = sizeof at;
    CHECK(ring::try_address(other.at.address) == -EADDRINUSE);
    CHECK(ring::try_address(four) == 0);
}

TEST_CASE("an address that is not this machine's is told by what the kernel says of it") {
    ring::Address elsewhere;
    auto& at = reinterpret_cast<sockaddr_in&>(elsewhere.storage);
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(0xc0000201); // 192.0.2.1, nobody's
    elsewhere.size = sizeof at;
    Config config;
    config.addresses = {{.text = "192.0.2.1:0", .address = elsewhere}};
    CHECK(await_addresses(config, 0) == "cannot listen on 192.0.2.1:0: Cannot assign requested address");
}

} // namespace weir::gateway::test
