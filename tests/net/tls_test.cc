// tests/net/tls_test.cc - two sides of TLS between buffers: what is said arrives whole whatever the pieces, nobody who
// should not be trusted is, and what was cut is not taken for an end.
//
// Certificates are made by openssl(1) when the tests begin. The two sides talk through strings, so every split is tried.
#include "certificates.h"
#include "net/tls_hands.h"

#include <atomic>
#include <cstdint>
#include <ctime>

using namespace weir;
using namespace weir::net;
using namespace weir::net::test;
using State = Tls::State;

namespace {

uint64_t now_s = 0;
uint64_t clock_s() { return now_s; }

const TlsTicketSecret secret{.octets = {1, 2, 3}, .period_s = 3600};

const TlsCertificateText& local() {
    static const auto made = certificates().make("local", "DNS:one.example,DNS:*.wild.example,IP:127.0.0.1");
    return made;
}
const TlsCertificateText& second() {
    static const auto made = certificates().make("second", "DNS:two.example", Certificates::rsa);
    return made;
}

std::shared_ptr<TlsServer> server_of(TlsServerOptions options = {}) {
    if (options.certificates.empty()) options.certificates = {local()};
    auto made = TlsServer::make(options);
    INFO((made ? "" : made.error()));
    REQUIRE(made);
    return *made;
}

std::shared_ptr<TlsClient> client_of(TlsClientOptions options = {}) {
    if (options.name.empty()) options.name = "one.example";
    if (options.authorities.empty() && options.pins.empty()) options.authorities = certificates().text("ca.pem");
    auto made = TlsClient::make(options);
    INFO((made ? "" : made.error()));
    REQUIRE(made);
    return *made;
}

/// A client and a server, and what each has read.
struct Pair {
    Pair(std::shared_ptr<TlsServer> by, std::shared_ptr<TlsClient> to)
        : server(Tls::accept(std::move(by), buffers)), client(Tls::connect(std::move(to), buffers)), at_server(buffers),
          at_client(buffers) {
        REQUIRE(server != nullptr);
        REQUIRE(client != nullptr);
    }
    /// Carries what `from` has to send to `to`, `piece` octets at a time.
    static bool carry(Tls& from, Tls& to, PaddedBytes& plain, size_t piece) {
        if (from.wire().empty()) return false;
        const std::string octets(from.wire().text());
        from.wire().clear();
        for (size_t at = 0; at < octets.size(); at += piece) {
            to.feed(std::string_view(octets).substr(at, piece));
            go_on(to, plain);
        }
        return true;
    }
    static void go_on(Tls& side, PaddedBytes& plain) {
        while (side.can_step()) side.step();
        if (!side.handshaking()) side.read(plain);
    }
    /// Until nobody has anything to send.
    void talk(size_t piece = SIZE_MAX / 2) {
        go_on(*client, at_client);
        bool moved = true;
        while (moved) {
            moved = carry(*client, *server, at_server, piece);
            moved = carry(*server, *client, at_client, piece) || moved;
        }
    }
    bool open() const { return server->state() == State::open && client->state() == State::open; }

    BufferPool buffers;
    std::unique_ptr<Tls> server, client;
    PaddedBytes at_server, at_client;
};

std::string pattern(size_t size) {
    std::string text;
    for (unsigned i = 0; text.size() < size; ++i) text += std::to_string(i) + ",";
    text.resize(size);
    return text;
}

} // namespace

TEST_CASE("both sides agree on 1.3 and an AEAD suite, and what one writes the other reads") {
    Pair pair(server_of(), client_of());
    pair.talk();
    REQUIRE(pair.open());
    CHECK(pair.client->version() == 0x0304);
    CHECK(std::string(pair.server->suite()).starts_with("TLS1-3-"));
    CHECK_FALSE(pair.client->resumed());
    CHECK_FALSE(pair.server->resumed());
    pair.client->write("question");
    pair.server->write("answer");
    pair.talk();
    CHECK(pair.at_server.text() == "question");
    CHECK(pair.at_client.text() == "answer");
}

TEST_CASE("in every split of the octets the same arrives") {
    const auto server = server_of({.certificates = {local()}, .tickets = &secret});
    const auto client = client_of();
    const std::string said = pattern(1000), answered = pattern(40'000);
    for (const size_t piece : {1, 2, 3, 4, 5, 6, 7, 11, 64, 255, 1000, 4096, 16'383, 16'384, 16'406, 50'000}) {
        INFO("pieces of " << piece);
        Pair pair(server, client);
        pair.talk(piece);
        INFO(pair.client->why() << " / " << pair.server->why());
        REQUIRE(pair.open());
        pair.client->write(said);
        pair.server->write(answered);
        pair.talk(piece);
        CHECK(pair.at_server.text() == said);
        CHECK(pair.at_client.text() == answered);
        pair.client->end();
        pair.server->end();
        pair.talk(piece);
        CHECK(pair.client->state() == State::ended);
        CHECK(pair.server->state() == State::ended);
        CHECK(pair.buffers.lent_count() <= 4);
    }
}

TEST_CASE("after the handshake nothing is lent but for what waits to be read or sent") {
    Pair pair(server_of(), client_of());
    pair.talk();
    pair.at_server.release();
    pair.at_client.release();
    pair.client->wire().release();
    pair.server->wire().release();
    CHECK(pair.buffers.lent_count() == 0);
}

TEST_CASE("an end that the peer said is told apart from a connection that was cut") {
    Pair pair(server_of(), client_of());
    pair.talk();
    pair.server->write("half of");
    pair.talk();
    CHECK(pair.client->state() == State::open); // Whoever sees the end of the connection now knows that it was cut.
    pair.server->end();
    pair.server->end();
    pair.talk();
    CHECK(pair.client->state() == State::ended);
    pair.client->write("still heard");
    pair.talk();
    CHECK(pair.at_server.text() == "still heard");
}

TEST_CASE("a record that was changed on its way ends the connection, at every octet of it") {
    const auto server = server_of();
    const auto client = client_of();
    Pair first(server, client);
    first.talk();
    first.client->write("x");
    const size_t size = first.client->wire().size();
    for (size_t at = 0; at < size; ++at) {
        INFO("octet " << at);
        Pair pair(server, client);
        pair.talk();
        pair.client->write("x");
        REQUIRE(pair.client->wire().size() == size);
        pair.client->wire().data()[at] = static_cast<char>(pair.client->wire().data()[at] ^ 0x40);
        pair.talk();
        CHECK(pair.at_server.empty());
        // A length that grew waits for the rest, which never comes.
        if (at != 3 && at != 4) CHECK(pair.server->state() == State::failed);
    }
}

TEST_CASE("what is no TLS fails at once, and tells the peer with an alert") {
    for (const std::string_view garbage :
         {std::string_view("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), std::string_view("\x16\x03\x01\xff\xff\x01\0\0\0", 9),
          std::string_view("\0\0\0\0\0\0", 6), std::string_view("\x80\x2e\x01\x03\x01\0", 6)}) {
        BufferPool buffers;
        PaddedBytes plain(buffers);
        auto tls = Tls::accept(server_of(), buffers);
        tls->feed(garbage);
        Pair::go_on(*tls, plain);
        CHECK(tls->state() == State::failed);
        CHECK_FALSE(tls->why().empty());
        CHECK(tls->wire().text().starts_with("\x15\x03"));
        tls->feed("more");
        CHECK_FALSE(tls->can_step());
    }
}

TEST_CASE("a handshake has a size") {
    BufferPool buffers;
    PaddedBytes plain(buffers);
    auto tls = Tls::accept(server_of(), buffers);
    const std::string record = std::string("\x16\x03\x01\x3f\xff", 5) + std::string("\x01\x03\xff\xff", 4) +
                               std::string(0x3fff - 4, 'a'); // a ClientHello without end
    for (size_t sent = 0; sent < 2 * Tls::handshake_bytes_max && tls->handshaking(); sent += record.size()) {
        tls->feed(record);
        Pair::go_on(*tls, plain);
    }
    CHECK(tls->state() == State::failed);
}

TEST_CASE("a handshake leaves for its long steps, to another thread, and comes back") {
    TlsHands hands;
    const auto rsa = server_of({.certificates = {second()}}), ec = server_of({.certificates = {local()}});
    for (const bool with_rsa : {true, false}) {
        const auto client = client_of({.name = with_rsa ? "two.example" : "one.example"});
        Pair pair(with_rsa ? rsa : ec, client);
        size_t left = 0;
        const auto go_on = [&] {
            while (pair.server->can_step()) {
                if (!pair.server->should_leave()) {
                    pair.server->step();
                    continue;
                }
                ++left;
                std::atomic<bool> taken{false};
                std::shared_ptr<TlsAway> back;
                hands.take(pair.server->leave(), [&](std::shared_ptr<TlsAway> away) {
                    back = std::move(away);
                    taken = true;
                    taken.notify_one();
                });
                CHECK_FALSE(pair.server->can_step()); // Meanwhile it stands still.
                CHECK(pair.server->handshaking());
                taken.wait(false);
                pair.server->come_back(*back);
            }
            if (!pair.server->handshaking()) pair.server->read(pair.at_server);
        };
        Pair::go_on(*pair.client, pair.at_client);
        for (bool moved = true; moved;) {
            const std::string octets(pair.client->wire().text());
            pair.client->wire().clear();
            for (const char octet : octets) {
                pair.server->feed({&octet, 1});
                go_on();
            }
            moved = Pair::carry(*pair.server, *pair.client, pair.at_client, SIZE_MAX / 2) || !octets.empty();
        }
        INFO(pair.client->why() << " / " << pair.server->why());
        REQUIRE(pair.open());
        CHECK(left == 2); // the key exchange and the signature
        pair.client->write("question");
        pair.server->write("answer");
        pair.talk();
        CHECK(pair.at_server.text() == "question");
        CHECK(pair.at_client.text() == "answer");
    }
}

TEST_CASE("the side that connects leaves for each of its steps with what it heard, and hears more meanwhile") {
    const auto long_chain = [] { // of an RSA key by an authority between
        const auto& made = certificates();
        made.run("req -new -newkey rsa:4096 -nodes -keyout between.key -out between.csr -subj /CN=Between");
        made.run(
            "x509 -req -in between.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 20 -out between.pem -extfile "
            "/dev/stdin <<'END'\nbasicConstraints=critical,CA:TRUE\nEND\n");
        auto text = made.make("below", "DNS:below.example", Certificates::rsa, "between");
        text.chain += made.text("between.pem");
        return text;
    };
    const TlsServerOptions options{.certificates = {local(), long_chain()}, .tickets = &secret};
    const auto server = server_of(options);
    TlsHands hands;
    struct Row {
        const char* name;
        std::string authorities;
        bool open;
    };
    for (const Row& row : {Row{"one.example", certificates().text("ca.pem"), true},
                           Row{"below.example", certificates().text("ca.pem"), true},
                           Row{"below.example", certificates().text("other.pem"), false}}) {
        const auto client = client_of({.name = row.name, .authorities = row.authorities});
        for (const size_t piece : {size_t{1}, size_t{700}, SIZE_MAX / 2}) {
            INFO(row.name << " in pieces of " << piece);
            Pair pair(server, client);
            size_t left = 0;
            std::string octets; // from the server, not heard yet
            const auto hear = [&] {
                const std::string part = octets.substr(0, piece);
                octets.erase(0, part.size());
                if (!part.empty()) pair.client->feed(part);
                if (!pair.client->handshaking()) pair.client->read(pair.at_client);
            };
            for (bool moved = true; moved;) {
                moved = false;
                while (pair.client->can_step()) {
                    REQUIRE(pair.client->should_leave());
                    ++left;
                    std::atomic<bool> taken{false};
                    std::shared_ptr<TlsAway> back;
                    auto away = pair.client->leave();
                    CHECK(away->connects());
                    hands.take(std::move(away), [&](std::shared_ptr<TlsAway> done) {
                        back = std::move(done);
                        taken = true;
                        taken.notify_one();
                    });
                    hear();
                    taken.wait(false);
                    pair.client->come_back(*back);
                    moved = true;
                }
                if (Pair::carry(*pair.client, *pair.server, pair.at_server, SIZE_MAX / 2)) moved = true;
                octets += pair.server->wire().text();
                pair.server->wire().clear();
                if (!octets.empty()) moved = true;
                hear();
            }
            INFO(pair.client->why() << " / " << pair.server->why());
            CHECK(left > 1);
            REQUIRE(pair.open() == row.open);
            if (!row.open) {
                CHECK(pair.client->why() == "its certificate is of no authority that is trusted");
                CHECK(pair.server->state() == State::failed); // It was told.
                continue;
            }
            CHECK(pair.client->resumed() == (piece != 1)); // The first of each row is a full one.
            pair.client->write("question");
            pair.server->write("answer");
            pair.talk();
            CHECK(pair.at_server.text() == "question");
            CHECK(pair.at_client.text() == "answer");
        }
    }
}

TEST_CASE("a step whose time is over is not taken, and the handshake can go on with it later") {
    TlsHands hands;
    Pair pair(server_of(), client_of());
    REQUIRE(pair.client->can_step());
    for (const bool late : {true, false}) {
        auto away = pair.client->leave();
        if (late) away->until_ns = 1;
        std::atomic<bool> back{false};
        std::shared_ptr<TlsAway> kept;
        hands.take(std::move(away), [&](std::shared_ptr<TlsAway> done) {
            kept = std::move(done);
            back = true;
            back.notify_one();
        });
        back.wait(false);
        pair.client->come_back(*kept);
        CHECK(pair.client->wire().empty() == late);
        CHECK(pair.client->can_step() == late);
    }
    pair.talk();
    CHECK(pair.open());
}

TEST_CASE("a handshake that is away may be given up, and its peer may say too much") {
    const auto server = server_of({.certificates = {second()}});
    const auto client = client_of({.name = "two.example"});
    for (const bool given_up : {true, false}) {
        Pair pair(server, client);
        Pair::go_on(*pair.client, pair.at_client);
        pair.server->feed(pair.client->wire().text());
        while (pair.server->can_step() && !pair.server->should_leave()) pair.server->step();
        REQUIRE(pair.server->can_step());
        const auto away = pair.server->leave();
        if (given_up) {
            pair.server.reset();
            away->step(); // Nobody waits for it any more.
            continue;
        }
        const std::string octets(Tls::handshake_bytes_max, 'x');
        pair.server->feed(octets); // more than a handshake has, but it is not there to say so
        CHECK(pair.server->state() == State::handshaking);
        away->step();
        pair.server->come_back(*away);
        CHECK(pair.server->state() == State::failed);
        CHECK(pair.server->why() == "its handshake is too large");
    }
    CHECK(server.use_count() == 1);
}

TEST_CASE("the certificate is the one for the name that the client asked for, else the first") {
    const auto server = server_of({.certificates = {local(), second()}});
    struct Row {
        const char* name;
        bool open;
    };
    for (const Row& row : {Row{"one.example", true},
                           {"ONE.example", true},
                           {"two.example", true},
                           {"a.wild.example", true},
                           {"127.0.0.1", true},
                           {"a.b.wild.example", false},
                           {"wild.example", false},
                           {"three.example", false},
                           {"127.0.0.2", false}}) {
        INFO(row.name);
        Pair pair(server, client_of({.name = row.name}));
        pair.talk();
        CHECK(pair.open() == row.open);
        if (!row.open) CHECK(pair.client->why() == "its certificate is for another name");
    }
}

TEST_CASE("a server is trusted for its authority, its name, its time and its key") {
    const auto digest_of_key = [](const std::string& stem) {
        certificates().run("x509 -in " + stem + ".pem -noout -pubkey > " + stem + ".pub; openssl pkey -pubin -in " +
                           stem + ".pub -outform DER | openssl dgst -sha256 -binary | openssl base64 -A > " + stem +
                           ".pin");
        const auto pin = read_pin("sha256/" + certificates().text(stem + ".pin"));
        REQUIRE(pin);
        return *pin;
    };
    local();
    const auto pin = digest_of_key("local");
    const auto strange = certificates().make("strange", "DNS:one.example", Certificates::ec, "other");
    const auto strange_pin = digest_of_key("strange");
    const std::string root = certificates().text("ca.pem");
    struct Row {
        TlsCertificateText shown;
        TlsClientOptions asked;
        const char* why;
        const char* what;
    };
    const Row rows[] = {
        {local(), {.name = "one.example", .authorities = root}, "", "own authority"},
        {strange,
         {.name = "one.example", .authorities = root},
         "its certificate is of no authority that is trusted",
         "another authority"},
        {strange, {.name = "one.example", .pins = {strange_pin}}, "", "a pin alone"},
        {strange, {.name = "elsewhere.example", .pins = {pin, strange_pin}}, "", "a pin alone, whatever the name"},
        {strange, {.name = "one.example", .pins = {pin}}, "its key is none of those that are pinned", "another pin"},
        {local(), {.name = "one.example", .authorities = root, .pins = {pin}}, "", "authority and pin"},
        {local(),
         {.name = "one.example", .authorities = root, .pins = {strange_pin}},
         "its key is none of those that are pinned",
         "authority, but another pin"},
        {strange,
         {.name = "one.example", .authorities = root, .pins = {strange_pin}},
         "its certificate is of no authority that is trusted",
         "pin, but another authority"},
    };
    for (const Row& row : rows) {
        INFO(row.what);
        Pair pair(server_of({.certificates = {row.shown}}), client_of(row.asked));
        pair.talk();
        CHECK(pair.open() == (*row.why == 0));
        if (*row.why != 0) {
            CHECK(pair.client->why() == row.why);
            CHECK(pair.server->state() == State::failed);
        }
    }
}

TEST_CASE("an expired certificate is refused, even when its key is pinned") {
    const auto old = certificates().make("old", "DNS:one.example", Certificates::ec, "ca", -1);
    Pair pair(server_of({.certificates = {old}}), client_of());
    pair.talk();
    CHECK_FALSE(pair.open());
    CHECK(pair.client->why() == "its certificate has expired");
}

TEST_CASE("clients show certificates when they must, and a bad one is never good enough") {
    // The client's side is openssl's in the tests of the whole; here the side of weir, which shows none.
    Pair none(server_of({.certificates = {local()},
                         .clients = TlsClients::required,
                         .client_authorities = certificates().text("ca.pem")}),
              client_of());
    none.talk();
    none.client->write("let me in");
    none.talk();
    CHECK(none.server->state() == State::failed);
    CHECK(none.at_server.empty());
    Pair optional(server_of({.certificates = {local()},
                             .clients = TlsClients::optional,
                             .client_authorities = certificates().text("ca.pem")}),
                  client_of());
    optional.talk();
    CHECK(optional.open());
    CHECK_FALSE(optional.server->peer());
    REQUIRE(optional.client->peer());
    CHECK(optional.client->peer()->subject == "CN=local");
}

TEST_CASE("the names of a peer's certificate are told by kind, in their order, and none that is no plain text") {
    const auto named = [](const std::string& stem, const std::string& names) {
        Pair pair(server_of({.certificates = {certificates().make(stem, names + ",DNS:one.example")}}), client_of());
        pair.talk();
        REQUIRE(pair.open());
        return pair.client->peer();
    };
    const auto peer =
        named("named", "DNS:a.example,URI:spiffe://acme/agent,email:ann@acme.test,IP:127.0.0.1,URI:urn:b");
    REQUIRE(peer);
    CHECK(peer->uris == std::vector<std::string>{"spiffe://acme/agent", "urn:b"});
    CHECK(peer->emails == std::vector<std::string>{"ann@acme.test"});
    CHECK(peer->names == std::vector<std::string>{"a.example", "one.example"});
    CHECK(peer->subject == "CN=named");
    CHECK(peer->issuer == "CN=Root");
    CHECK(peer->ends_unix_s > static_cast<uint64_t>(::time(nullptr)) + 19 * 86'400);
    CHECK(peer->ends_unix_s < static_cast<uint64_t>(::time(nullptr)) + 21 * 86'400);
    CHECK_FALSE(named("odd", "URI:urn:two words"));
    CHECK_FALSE(named("long", "URI:urn:" + std::string(300, 'a')));
}

TEST_CASE("a session is resumed by any worker, until its key is two periods old") {
    now_s = 1'000'000'000;
    const TlsServerOptions options{.certificates = {local()}, .tickets = &secret, .unix_s = clock_s};
    const auto one = server_of(options), two = server_of(options);
    const auto client = client_of();
    const auto connect = [&](const std::shared_ptr<TlsServer>& server) {
        Pair pair(server, client);
        pair.talk();
        REQUIRE(pair.open());
        CHECK(pair.client->resumed() == pair.server->resumed());
        return pair.client->resumed();
    };
    CHECK_FALSE(connect(one));
    CHECK(connect(one));
    CHECK(connect(two));
    now_s += 3600;
    CHECK(connect(one));
    now_s += 7200;
    CHECK_FALSE(connect(one));
    CHECK(connect(two));
    TlsTicketSecret other = secret;
    other.octets[5] = 9;
    CHECK_FALSE(connect(server_of({.certificates = {local()}, .tickets = &other, .unix_s = clock_s})));
    CHECK_FALSE(connect(server_of({.certificates = {local()}}))); // no tickets at all
}

TEST_CASE("what is wrong with a certificate and its key is said") {
    const auto check = [](const TlsCertificateText& text) {
        const auto read = read_certificate(text);
        return read ? std::string() : read.error();
    };
    CHECK(check(local()).empty());
    CHECK(check({.chain = "", .key = local().key}).starts_with("it holds no certificate"));
    CHECK(check({.chain = local().key, .key = local().key}).starts_with("it holds no certificate"));
    CHECK(check({.chain = local().chain, .key = "nothing"}).starts_with("its key cannot be read"));
    CHECK(check({.chain = local().chain, .key = second().key}) == "its key belongs to another certificate");
    certificates().run("pkey -in local.key -aes256 -passout pass:x -out locked.key");
    CHECK(
        check({.chain = local().chain, .key = certificates().text("locked.key")}).starts_with("its key is encrypted"));
    const auto facts = read_certificate(second());
    REQUIRE(facts);
    CHECK(facts->rsa);
    CHECK(facts->key_bits == 2048);
    CHECK(facts->names == std::vector<std::string>{"two.example"});
    CHECK(facts->not_after_s - facts->not_before_s == 20 * 86'400);
    CHECK(read_certificate(local())->names == std::vector<std::string>{"one.example", "*.wild.example", "127.0.0.1"});
    CHECK_FALSE(read_authorities("nonsense"));
    CHECK(read_authorities(certificates().text("ca.pem") + certificates().text("other.pem")) == 2u);
    CHECK_FALSE(read_pin("sha256/short"));
    CHECK_FALSE(read_pin("md5/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="));
    CHECK(read_pin("sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=") == crypto::Sha256::of(""));
}
