// tests/net/link_tls_test.cc - a link with TLS gives and takes plain text whole, pushes back, knows an end from a cut, and
// ends like any other. The peer is a Tls of its own behind a socket.
#include "bench.h"
#include "certificates.h"

using namespace weir;
using namespace weir::net;
using namespace weir::net::test;

namespace {

std::string pattern(size_t size) {
    std::string text;
    for (unsigned i = 0; text.size() < size; ++i) text += std::to_string(i) + ",";
    text.resize(size);
    return text;
}

std::shared_ptr<TlsServer> server() {
    static const auto made =
        TlsServer::make({.certificates = {certificates().make("link", "DNS:link.example")}}).value();
    return made;
}
std::shared_ptr<TlsClient> client() {
    return TlsClient::make({.name = "link.example", .authorities = certificates().text("ca.pem")}).value();
}

/// A link that accepted a client who speaks TLS.
struct Covered {
    explicit Covered(Bench& on)
        : connection(on, Tls::accept(server(), on.buffers)), peer(Tls::connect(client(), on.buffers)),
          heard(on.buffers) {}
    /// What the peer has to send goes out, and what it gets is read.
    void go_on() {
        while (peer->can_step()) peer->step();
        if (!peer->wire().empty()) {
            const ssize_t done =
                ::send(connection.peer, peer->wire().data(), peer->wire().size(), MSG_DONTWAIT | MSG_NOSIGNAL);
            if (done > 0) peer->wire().drop_front(static_cast<size_t>(done));
        }
        const std::string octets = connection.hear();
        if (octets.empty()) return;
        peer->feed(octets);
        while (peer->can_step()) peer->step();
        if (!peer->handshaking()) peer->read(heard);
    }
    template <class Condition> void turn_until(Condition condition) {
        connection.bench.turn_until([&] {
            go_on();
            return condition();
        });
    }
    void open() {
        turn_until([&] { return connection.link.usable() && !peer->handshaking(); });
    }
    Link& link() { return connection.link; }
    Connection connection;
    std::unique_ptr<Tls> peer;
    PaddedBytes heard;
};

} // namespace

TEST_CASE("a link with TLS is not usable before the handshake, and gives plain text after it") {
    Bench bench;
    Covered pair(bench);
    CHECK(pair.link().state() == Link::State::connecting);
    CHECK_FALSE(pair.link().usable());
    pair.open();
    CHECK(pair.connection.input().empty());
    pair.peer->write("a question");
    pair.turn_until([&] { return pair.connection.input() == "a question"; });
    CHECK(bench.ring->slabs_free() == bench.ring->slabs_total());
    pair.link().consume(2);
    CHECK(pair.connection.input() == "question");
    pair.link().out().append("an answer");
    pair.link().flush();
    pair.turn_until([&] { return pair.heard.text() == "an answer"; });
    bench.turn_until([&] { return pair.link().flushed(); });
    CHECK(pair.link().unsent() == 0);
    CHECK(pair.link().bytes_out() > 9);
}

TEST_CASE("large bodies go both ways through a link with TLS, also past the slabs") {
    for (const uint32_t slabs : {2u, 64u}) {
        Bench bench({.slabs = slabs, .slab_bytes = 4096});
        Covered pair(bench);
        pair.open();
        const std::string sent = pattern(3 << 20);
        std::string got;
        pair.peer->write(sent);
        pair.turn_until([&] {
            got += pair.connection.input();
            pair.link().consume(pair.connection.input().size());
            return got.size() == sent.size();
        });
        CHECK(got == sent);
        pair.link().out().append(sent);
        pair.link().flush();
        CHECK(pair.link().unsent() >= sent.size() - (256 << 10));
        pair.turn_until([&] { return pair.heard.size() == sent.size(); });
        CHECK(pair.heard.text() == sent);
    }
}

TEST_CASE("a link with TLS that is not read stops receiving soon after its window, and loses nothing") {
    Bench bench({.slabs = 8});
    Covered pair(bench);
    pair.open();
    const std::string sent = pattern(16 << 20);
    pair.peer->write(sent);
    pair.turn_until([&] { return pair.connection.input().size() >= (64 << 10); });
    for (int i = 0; i < 20; ++i) {
        pair.go_on();
        bench.turn();
    }
    CHECK(pair.connection.input().size() < (1 << 20));
    CHECK(pair.peer->wire().size() > 0);
    std::string got;
    pair.turn_until([&] {
        got += pair.connection.input();
        pair.link().consume(pair.connection.input().size());
        return got.size() == sent.size();
    });
    CHECK(got == sent);
}

TEST_CASE("a peer that said its end is not one that was cut off") {
    for (const bool said : {true, false}) {
        Bench bench;
        Covered pair(bench);
        pair.open();
        pair.peer->write("the last");
        if (said) pair.peer->end();
        pair.go_on();
        pair.connection.hang_up();
        bench.turn_until([&] { return pair.link().ended(); });
        bench.turn();
        CHECK(pair.connection.input() == "the last");
        CHECK((pair.link().error() == 0) == said);
    }
}

TEST_CASE("a lingering link with TLS says its last word and its end") {
    Bench bench;
    Covered pair(bench);
    pair.open();
    pair.link().out().append("goodbye");
    pair.link().linger();
    pair.turn_until([&] { return pair.peer->state() == Tls::State::ended; });
    CHECK(pair.heard.text() == "goodbye");
    bench.turn_until([&] { return pair.connection.heard_end(); });
}

TEST_CASE("what is no TLS ends a link that expects it, after an alert") {
    Bench bench;
    Connection connection(bench, Tls::accept(server(), bench.buffers));
    connection.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    bench.turn_until([&] { return connection.link.ended(); });
    CHECK(connection.link.error() == -EPROTO);
    CHECK(connection.link.broken());
    CHECK(connection.input().empty());
    std::string alert;
    bench.turn_until([&] { return !(alert += connection.hear()).empty(); });
    CHECK(alert.substr(0, 1) == "\x15");
    connection.link.out().append("nobody may hear this");
    connection.link.flush();
    bench.turn();
    CHECK(connection.hear().empty());
}

TEST_CASE("a record that was changed on its way breaks the link") {
    Bench bench;
    Covered pair(bench);
    pair.open();
    pair.peer->write("question");
    pair.peer->wire().data()[pair.peer->wire().size() - 1] ^= 1;
    pair.turn_until([&] { return pair.link().ended(); });
    CHECK(pair.link().error() == -EPROTO);
    CHECK(pair.connection.input().empty());
}

TEST_CASE("a link with TLS may be closed at any moment, and leaves nothing") {
    for (int moment = 0; moment < 12; ++moment) {
        Bench bench;
        {
            Covered pair(bench);
            for (int i = 0; i < moment; ++i) {
                pair.go_on();
                if (i % 2 == 1) bench.turn();
            }
            pair.link().close();
            bench.turn_until([&] { return pair.link().state() == Link::State::closed; });
            CHECK(pair.link().tls() == nullptr);
        }
        CHECK(bench.host.closes == 1);
        CHECK(bench.buffers.lent_count() == 0);
        CHECK(bench.ring->slabs_free() == bench.ring->slabs_total());
    }
}
