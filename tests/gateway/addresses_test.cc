// tests/gateway/addresses_test.cc - whom a request comes from: what must hold is that a proxy's word counts when it is trusted
// and never else, in limits too. By tables, and through a whole worker on the simulator's kernel.
#include "place.h"

#include "gateway/client_address.h"
#include "http/head.h"

#include <array>

using namespace weir;
using namespace weir::gateway;
using namespace weir::gateway::test;

namespace {

using namespace std::string_literals;

constexpr uint32_t proxy = 0x0a000007, stranger = 0x0a010101; // 10.0.0.7, 10.1.1.1

std::string text_of(const IpAddress& address) {
    std::array<char, IpAddress::text_bytes_max> room{};
    return std::string(address.text(room));
}

auto trusting(ClientAddress form) {
    return [form](Config& config) {
        config.client_address = form;
        config.trusted_proxies = {*IpRange::parse("10.0.0.0/24"), *IpRange::parse("2001:db8::/64")};
        config.addresses[0].loopback = false;
    };
}

/// Of TCP over IPv4, from 192.0.2.`last`.
std::string proxied(int last) {
    return "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\2"s + static_cast<char>(last) + "\x0a\0\0\1\x12\x67\x1b\x9e"s;
}

const std::string by_itself = "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"s;

std::string call(const std::string& fields = {}) {
    return gateway::test::post(
        R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{}}})", SIZE_MAX, fields);
}

/// Lets through what comes from 192.0.2.0/28.
const char* const office =
    "policy 'office' { on = 'request', match = {}, unless = { ip = '192.0.2.0/28' }, decide = "
    "block 'elsewhere' }\npolicy 'rest' { on = 'request', match = { ip = { '192.0.2.0/28' } }, decide = "
    "function(call) return block('you are ' .. call.who.ip) end }";

} // namespace

TEST_CASE("X-Forwarded-For: the last address that is not a trusted proxy's") {
    struct Row {
        std::vector<std::string> lines;
        const char* found; // empty: refused
    };
    const std::array trusted{*IpRange::parse("10.0.0.0/24"), *IpRange::parse("2001:db8::/64")};
    for (const Row& row : {Row{{}, "10.0.0.7"},
                           Row{{"192.0.2.7"}, "192.0.2.7"},
                           Row{{"1.1.1.1, 192.0.2.7"}, "192.0.2.7"},
                           Row{{"1.1.1.1", "192.0.2.7"}, "192.0.2.7"},
                           Row{{"192.0.2.7, 10.0.0.9"}, "192.0.2.7"},
                           Row{{"192.0.2.7", "10.0.0.9 ,\t2001:db8::1"}, "192.0.2.7"},
                           Row{{"10.0.0.3, 10.0.0.9"}, "10.0.0.3"},
                           Row{{"unknown, 192.0.2.7"}, "192.0.2.7"},
                           Row{{"192.0.2.7:4711"}, "192.0.2.7"},
                           Row{{"[2001:db8:1::7]:4711"}, "2001:db8:1::7"},
                           Row{{"[2001:db8:1::7]"}, "2001:db8:1::7"},
                           Row{{"2001:db8:1::7"}, "2001:db8:1::7"},
                           Row{{"::ffff:10.0.0.9"}, "10.0.0.9"},
                           Row{{"192.0.2.7, ::ffff:10.0.0.9"}, "192.0.2.7"},
                           Row{{"192.0.2.7, unknown"}, ""},
                           Row{{"192.0.2.7, unknown, 10.0.0.9"}, ""},
                           Row{{"192.0.2.7,"}, ""},
                           Row{{""}, ""},
                           Row{{"192.0.2.07"}, ""},
                           Row{{"192.0.2.7:"}, ""},
                           Row{{"192.0.2.7:x"}, ""},
                           Row{{"[192.0.2.7]"}, ""},
                           Row{{"[2001:db8::7"}, ""},
                           Row{{"fe80::1%eth0"}, ""},
                           Row{{"\"192.0.2.7\""}, ""}}) {
        std::string head = "GET / HTTP/1.1\r\nHost: a\r\n";
        for (const std::string& line : row.lines) head += "X-Forwarded-For: " + line + "\r\n";
        INFO(head);
        std::array<http::Field, 8> room;
        const std::string whole = head + "\r\n";
        const auto read = http::read_request_head(whole, room, http::HeadLimits());
        REQUIRE(read);
        const auto found = forwarded_for(*read, *IpAddress::parse("10.0.0.7"), trusted);
        CHECK((found ? text_of(*found) : "") == row.found);
    }
}

TEST_CASE("policies see the address that a trusted proxy's header tells, and that of everybody else") {
    Place place({}, trusting(ClientAddress::proxy_protocol), office);
    const Peer inside = place.client(proxy);
    inside.say(proxied(9) + call());
    place.pass();
    CHECK(inside.hear().find("you are 192.0.2.9") != std::string::npos);
    const Peer outside = place.client(proxy);
    outside.say(proxied(200) + call());
    place.pass();
    CHECK(outside.hear().find("elsewhere") != std::string::npos);
    const Peer direct = place.client(0xc0000205); // 192.0.2.5
    direct.say(call());
    place.pass();
    CHECK(direct.hear().find("you are 192.0.2.5") != std::string::npos);
    const Peer check = place.client(proxy);
    check.say(by_itself + call());
    place.pass();
    CHECK(check.hear().find("elsewhere") != std::string::npos); // A proxy by itself is where it is.
}

TEST_CASE("a trusted proxy without a header is refused, and so is a stranger with one") {
    Place place({}, trusting(ClientAddress::proxy_protocol), office);
    const Peer silent = place.client(proxy);
    silent.say(call());
    place.pass();
    CHECK(silent.hear().empty());
    CHECK(silent.closed());
    CHECK(place.counters.proxy_headers_refused.read() == 1);
    const Peer liar = place.client(stranger);
    liar.say(proxied(9) + call());
    place.pass();
    CHECK(liar.hear().starts_with("HTTP/1.1 400"));
    const Peer slow = place.client(proxy);
    slow.say(proxied(9).substr(0, 20));
    place.pass(6 * s_ns);
    CHECK(slow.closed());
    CHECK(place.counters.proxy_headers_refused.read() == 2);
}

TEST_CASE("connections are counted for whom the header names, and the proxy's own are not") {
    Place place("[limits]\nconnections_per_address_max = 2", trusting(ClientAddress::proxy_protocol));
    std::vector<Peer> peers;
    for (int i = 0; i < 6; ++i) {
        peers.push_back(place.client(proxy));
        peers.back().say(proxied(i < 3 ? 9 : 10 + i));
        place.pass();
    }
    for (size_t i = 0; i < peers.size(); ++i) CHECK(peers[i].closed() == (i == 2));
    CHECK(place.counters.connections_refused_by_address.read() == 1);
    peers[0].leave();
    place.pass();
    const Peer again = place.client(proxy);
    again.say(proxied(9));
    place.pass();
    CHECK_FALSE(again.closed());
}

TEST_CASE("X-Forwarded-For counts from a trusted proxy, request by request, and from nobody else") {
    Place place({}, trusting(ClientAddress::x_forwarded_for), office);
    const Peer peer = place.client(proxy);
    peer.say(call("X-Forwarded-For: 203.0.113.9, 192.0.2.3\r\n"));
    place.pass();
    CHECK(peer.hear().find("you are 192.0.2.3") != std::string::npos);
    peer.say(call("X-Forwarded-For: 192.0.2.3, 203.0.113.9\r\n"));
    place.pass();
    CHECK(peer.hear().find("elsewhere") != std::string::npos);
    peer.say(call("X-Forwarded-For: 192.0.2.3, nobody\r\n"));
    place.pass();
    CHECK(peer.hear().starts_with("HTTP/1.1 400"));
    const Peer liar = place.client(stranger);
    liar.say(call("X-Forwarded-For: 192.0.2.3\r\n"));
    place.pass();
    CHECK(liar.hear().find("elsewhere") != std::string::npos);
}

TEST_CASE("without a word in the configuration nobody's word counts") {
    Place place({}, [](Config&) {}, office);
    const Peer peer = place.client();
    peer.say(call("X-Forwarded-For: 192.0.2.3\r\n"));
    place.pass();
    CHECK(peer.hear().find("elsewhere") != std::string::npos);
    const Peer other = place.client();
    other.say(proxied(9) + call());
    place.pass();
    CHECK(other.hear().starts_with("HTTP/1.1 400"));
}
