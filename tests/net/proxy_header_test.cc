// tests/net/proxy_header_test.cc - a PROXY header is read strictly, wherever it is cut; a link gives its owner nothing of it, in
// plain text and before TLS; whoever does not begin with one is not heard.
#include "net/proxy_header.h"
#include "base/crc32c.h"
#include "bench.h"
#include "certificates.h"

using namespace weir;
using namespace weir::net;
using namespace weir::net::test;

namespace {

using namespace std::string_literals;

std::string two(size_t value) { return {static_cast<char>(value >> 8), static_cast<char>(value & 0xff)}; }

std::string header(char command, char family, const std::string& rest) {
    return "\r\n\r\n\0\r\nQUIT\n"s + command + family + two(rest.size()) + rest;
}

std::string note(char kind, const std::string& text) { return std::string(1, kind) + two(text.size()) + text; }

const std::string four = "\xc0\x00\x02\x07\x0a\x00\x00\x01\x12\x67\x1b\x9e"s;
const std::string six =
    "\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\x07"s + std::string(15, '\0') + "\x01\x12\x67\x1b\x9e"s;

std::string with_sum(const std::string& before, const std::string& behind) {
    const std::string zero = header(0x21, 0x11, four + before + note(3, std::string(4, '\0')) + behind);
    const uint32_t sum = crc32c(0, zero);
    return header(0x21, 0x11, four + before + note(3, two(sum >> 16) + two(sum & 0xffff)) + behind);
}

std::string from_of(const ProxyHeader& read) {
    std::array<char, IpAddress::text_bytes_max> room{};
    return std::string(read.from.text(room));
}

} // namespace

TEST_CASE("good headers are read, every part of them is incomplete, and what follows is not looked at") {
    struct Row {
        const char* name;
        std::string bytes, from;
    };
    for (const Row& row :
         {Row{"IPv4", header(0x21, 0x11, four), "192.0.2.7"}, Row{"IPv6", header(0x21, 0x21, six), "2001:db8::7"},
          Row{"by itself", header(0x20, 0x00, ""), ""}, Row{"by itself, with addresses", header(0x20, 0x11, four), ""},
          Row{"with notes", header(0x21, 0x11, four + note(2, "example.org") + note(4, "")), "192.0.2.7"},
          Row{"with its sum", with_sum(note(2, "a"), note(5, "id")), "192.0.2.7"},
          Row{"as long as may be", header(0x21, 0x11, four + note(4, std::string(2048 - 16 - 12 - 3, 'x'))),
              "192.0.2.7"}}) {
        INFO(row.name);
        const auto whole = read_proxy_header(row.bytes);
        REQUIRE(whole);
        CHECK(whole->size == row.bytes.size());
        CHECK(from_of(*whole) == row.from);
        for (size_t cut = 0; cut < row.bytes.size(); ++cut) {
            const auto part = read_proxy_header(std::string_view(row.bytes).substr(0, cut));
            REQUIRE_FALSE(part);
            REQUIRE(part.error() == Error::incomplete);
        }
        const auto more = read_proxy_header(row.bytes + "POST /mcp HTTP/1.1\r\n");
        REQUIRE(more);
        CHECK(more->size == row.bytes.size());
    }
}

TEST_CASE("what is no header, or passes on a connection from nowhere, is refused") {
    std::string wrong_sum = with_sum("", "");
    wrong_sum.back() = static_cast<char>(wrong_sum.back() ^ 1);
    struct Row {
        const char* name;
        std::string bytes;
        Error error;
    };
    for (const Row& row : {
             Row{"a request", "POST /mcp HTTP/1.1\r\n", Error::head_malformed},
             Row{"one octet that is none of it", "\r\n\r\n\1", Error::head_malformed},
             Row{"version 1", "PROXY TCP4 192.0.2.7 10.0.0.1 4711 7070\r\n", Error::head_malformed},
             Row{"version 3", header(0x31, 0x11, four), Error::head_malformed},
             Row{"another command", header(0x22, 0x11, four), Error::head_malformed},
             Row{"from an unknown family", header(0x21, 0x00, ""), Error::head_malformed},
             Row{"from a datagram", header(0x21, 0x12, four), Error::head_malformed},
             Row{"from a local socket", header(0x21, 0x31, std::string(216, 'a')), Error::head_malformed},
             Row{"too short for IPv4", header(0x21, 0x11, four.substr(1)), Error::head_malformed},
             Row{"too short for IPv6", header(0x21, 0x21, four), Error::head_malformed},
             Row{"half a note", header(0x21, 0x11, four + "\2"), Error::head_malformed},
             Row{"a note that ends behind it", header(0x21, 0x11, four + "\2\0\5abcd"s), Error::head_malformed},
             Row{"a wrong sum", wrong_sum, Error::head_malformed},
             Row{"a sum of another length", header(0x21, 0x11, four + note(3, "abc")), Error::head_malformed},
             Row{"too large", header(0x21, 0x11, four + note(4, std::string(2048 - 16 - 12 - 2, 'x'))),
                 Error::head_too_large},
         }) {
        INFO(row.name);
        const auto read = read_proxy_header(row.bytes);
        REQUIRE_FALSE(read);
        CHECK(read.error() == row.error);
    }
}

TEST_CASE("a link reads the header away, wherever it is cut, and says who it is for") {
    const std::string sent = header(0x21, 0x11, four + note(2, "mcp.example")) + "hello";
    for (size_t cut = 1; cut < sent.size(); ++cut) {
        Bench bench;
        Connection connection(bench, nullptr, true);
        CHECK(connection.link.state() == Link::State::connecting);
        connection.say(std::string_view(sent).substr(0, cut));
        if (cut < sent.size() - 5) {
            bench.turn_until([&] { return connection.link.bytes_in() == cut; });
            CHECK(connection.link.awaits_proxy_header());
            CHECK(bench.host.moves == 0);
        }
        connection.say(std::string_view(sent).substr(cut));
        bench.turn_until([&] { return connection.input() == "hello"; });
        CHECK(connection.link.usable());
        CHECK(connection.link.from == *IpAddress::parse("192.0.2.7"));
        connection.link.consume(5);
        connection.say("again");
        bench.turn_until([&] { return connection.input() == "again"; });
    }
}

TEST_CASE("without a free slab the header is read too") {
    Bench bench;
    Connection connection(bench, nullptr, true);
    connection.say(header(0x21, 0x21, six) + std::string(20'000, 'y'));
    connection.link.receive_bulk(); // as after a turn in which there was none
    CHECK(connection.link.from == *IpAddress::parse("2001:db8::7"));
    bench.turn_until([&] { return connection.input().size() == 20'000; });
    CHECK(connection.input() == std::string(20'000, 'y'));
}

TEST_CASE("the handshake of TLS comes behind the header") {
    Bench bench;
    const auto server = TlsServer::make({.certificates = {certificates().make("proxied", "DNS:p.example")}}).value();
    const auto client = TlsClient::make({.name = "p.example", .authorities = certificates().text("ca.pem")}).value();
    Connection connection(bench, Tls::accept(server, bench.buffers), true);
    const auto peer = Tls::connect(client, bench.buffers);
    connection.say(header(0x21, 0x11, four));
    bench.turn_until([&] {
        while (peer->can_step()) peer->step();
        if (!peer->wire().empty()) {
            connection.say(peer->wire().text());
            peer->wire().clear();
        }
        peer->feed(connection.hear());
        return connection.link.usable() && !peer->handshaking();
    });
    CHECK(connection.link.from == *IpAddress::parse("192.0.2.7"));
}

TEST_CASE("who does not begin with a header, or is not let in, is not heard") {
    Bench bench;
    for (const bool covered : {false, true}) {
        const auto server = TlsServer::make({.certificates = {certificates().make("no", "DNS:p.example")}}).value();
        Connection connection(bench, covered ? Tls::accept(server, bench.buffers) : nullptr, true);
        connection.say("POST /mcp HTTP/1.1\r\n\r\n");
        bench.turn_until([&] { return connection.link.ended(); });
        CHECK(connection.link.error() == -EPROTO);
        CHECK(connection.link.awaits_proxy_header());
        CHECK(connection.input().empty());
    }
    bench.host.lets_in = false;
    Connection connection(bench, nullptr, true);
    connection.say(header(0x21, 0x11, four) + "hello");
    bench.turn_until([&] { return connection.link.ended(); });
    CHECK(connection.link.error() == -ECONNREFUSED);
    CHECK(connection.input().empty());
    Connection cut(bench, nullptr, true);
    cut.say(header(0x21, 0x11, four).substr(0, 20));
    cut.hang_up();
    bench.turn_until([&] { return cut.link.ended(); });
    CHECK(cut.link.awaits_proxy_header());
}
