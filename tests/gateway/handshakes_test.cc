// tests/gateway/handshakes_test.cc - what must hold of handshakes whose long steps are taken elsewhere: a worker goes on
// meanwhile, whoever leaves keeps a place in the limit until the step is back, and steps that nobody waits for do no harm.
//
// The test takes the steps itself, when it likes. Certificates are made by openssl(1).
#include "gateway/place.h"
#include "net/certificates.h"
#include "net/tls.h"

using namespace weir;
using namespace weir::gateway;
using gateway::test::Peer;
using gateway::test::Place;

namespace {

const net::test::Certificates& made() { return net::test::certificates(); }

/// A worker, and the steps of handshakes that left it.
struct Stage {
    explicit Stage(const std::function<void(Config&)>& change) : place({}, change) {}
    /// Takes the oldest step and tells the worker.
    void take_step() {
        REQUIRE_FALSE(steps.empty());
        auto [away, link] = std::move(steps.front());
        steps.erase(steps.begin());
        CHECK(away->connects() == connects);
        away->step();
        place.tell({.kind = WorkerMessage::Kind::shaken, .tls_away = std::move(away), .link = link});
        place.pass();
    }
    int under_way() const {
        return static_cast<int>((connects ? place.caps->upstream_handshakes : place.caps->tls_handshakes).taken());
    }

    Place place;
    std::vector<std::pair<std::shared_ptr<net::TlsAway>, Ref>>& steps = place.steps;
    bool connects = false; // to a server; else clients come
};

/// One that clients come to with https.
struct Door : Stage {
    Door()
        : Stage([](Config& config) {
              made().make("door", "IP:127.0.0.1", net::test::Certificates::rsa);
              config.tls.certificates = {
                  {.chain = made().directory + "/door.pem", .key = made().directory + "/door.key"}};
              config.limits.tls_handshakes_max = 2;
          }) {}
};

/// One whose server is spoken to with TLS.
struct Road : Stage {
    Road()
        : Stage([](Config& config) {
              text() = made().make("road", "IP:127.0.0.1");
              config.servers[0].url.tls = true;
              config.servers[0].ca = made().directory + "/ca.pem";
              config.limits.tls_handshakes_max = 2;
          }) {
        connects = true;
    }
    static net::TlsCertificateText& text() {
        static net::TlsCertificateText of_server;
        return of_server;
    }
};

/// Somebody who speaks TLS with the worker.
struct Talker {
    Talker(Stage& at, Peer with) : stage(at), peer(std::move(with)) {}
    /// As far as it gets with what came.
    void go_on() {
        const std::string came = peer.hear();
        tls->feed(came);
        while (tls->can_step()) tls->step();
        PaddedBytes plain(buffers);
        if (!tls->handshaking()) tls->read(plain);
        heard += plain.text();
        if (!tls->wire().empty()) peer.say(std::string(tls->wire().text()));
        tls->wire().clear();
        stage.place.pass();
    }
    /// Says it, and hears what is answered to it.
    void say(const std::string& text) {
        tls->write(text);
        go_on();
        go_on();
    }
    Stage& stage;
    Peer peer;
    BufferPool buffers;
    std::unique_ptr<net::Tls> tls;
    std::string heard;
};

struct Client : Talker {
    explicit Client(Door& door) : Talker(door, door.place.client()) {
        auto trusting = net::TlsClient::make({.name = "127.0.0.1", .authorities = made().text("ca.pem")});
        REQUIRE(trusting);
        tls = net::Tls::connect(*trusting, buffers);
        REQUIRE(tls);
        go_on();
    }
};

/// The server that weir comes to.
struct Upstream : Talker {
    explicit Upstream(Road& road) : Talker(road, road.place.server()) {
        auto shown = net::TlsServer::make({.certificates = {Road::text()}});
        REQUIRE(shown);
        tls = net::Tls::accept(*shown, buffers);
        REQUIRE(tls);
        go_on();
    }
};

const std::string ping = R"({"jsonrpc":"2.0","id":1,"method":"ping"})";
const std::string pong = R"({"jsonrpc":"2.0","id":1,"result":{}})";

} // namespace

TEST_CASE("no step of a handshake with a server is taken by the worker, which serves others meanwhile") {
    Road road;
    const Peer client = road.place.client();
    client.say(gateway::test::post(ping));
    road.place.pass();
    REQUIRE(road.steps.size() == 1);
    CHECK(road.under_way() == 1);
    const Peer other = road.place.client();
    other.say("GET /nowhere HTTP/1.1\r\nHost: 127.0.0.1:7070\r\n\r\n");
    road.place.pass();
    CHECK(gateway::test::status_of(other.hear()) == 404);
    road.take_step(); // It says hello.
    Upstream server(road);
    size_t steps = 1;
    for (; !road.steps.empty(); ++steps) {
        road.take_step();
        server.go_on();
    }
    CHECK(steps <= 3);
    CHECK(road.under_way() == 0);
    CHECK(server.heard.find(ping) != std::string::npos);
    server.say(gateway::test::json_answer(pong));
    CHECK(client.hear().find(pong) != std::string::npos);
}

TEST_CASE("handshakes with servers have their limit; whose link has gone keeps its place until the step is back") {
    Road road;
    std::vector<Peer> clients;
    for (int i = 0; i < 3; ++i) {
        clients.push_back(road.place.client());
        clients.back().say(gateway::test::post(ping));
        road.place.pass();
    }
    CHECK(road.steps.size() == 2);
    CHECK(gateway::test::status_of(clients[2].hear()) == 503); // There is no place.
    road.place.pass(3 * s_ns);                                 // upstream_connect_max
    CHECK(gateway::test::status_of(clients[0].hear()) == 502);
    CHECK(gateway::test::status_of(clients[1].hear()) == 502);
    CHECK(road.under_way() == 2);
    for (const auto& [away, link] : road.steps) CHECK(away->until_ns <= road.place.net.now_ns);
    road.take_step();
    CHECK(road.under_way() == 1);
    road.take_step();
    CHECK(road.under_way() == 0);
    CHECK(road.steps.empty());
}

TEST_CASE("a server whose connections do not stand takes no place among the handshakes") {
    Road road;
    std::vector<Peer> clients;
    road.place.net.faults.connect_never_percent = 100;
    road.place.net.faults_on = true;
    for (int i = 0; i < 5; ++i) {
        clients.push_back(road.place.client());
        clients.back().say(gateway::test::post(ping));
        road.place.pass();
    }
    CHECK(road.under_way() == 0);
    CHECK(road.steps.empty());
    CHECK(clients[4].hear().empty());
    road.place.net.faults_on = false;
    const Peer client = road.place.client();
    client.say(gateway::test::post(ping));
    road.place.pass();
    CHECK(road.under_way() == 1);
    road.take_step();
    Upstream server(road);
    while (!road.steps.empty()) {
        road.take_step();
        server.go_on();
    }
    CHECK(server.heard.find(ping) != std::string::npos);
    road.place.pass(3 * s_ns); // upstream_connect_max
    for (const Peer& each : clients) CHECK(gateway::test::status_of(each.hear()) == 502);
    CHECK(road.under_way() == 0);
}

TEST_CASE(
    "of connections that stand at once as many shake hands as the limit says, and the others' calls are refused") {
    Road road;
    std::vector<Peer> clients;
    for (int i = 0; i < 3; ++i) clients.push_back(road.place.client());
    for (const Peer& client : clients) client.say(gateway::test::post(ping));
    road.place.pass();
    CHECK(road.steps.size() == 2);
    CHECK(road.under_way() == 2);
    int refused = 0;
    for (const Peer& client : clients) {
        const std::string answer = client.hear();
        refused += !answer.empty() && gateway::test::status_of(answer) == 503;
    }
    CHECK(refused == 1);
    int closed = 0;
    for (int i = 0; i < 3; ++i) closed += road.place.server().closed();
    CHECK(closed == 1);
    while (!road.steps.empty()) road.take_step();
    road.place.pass(3 * s_ns); // upstream_connect_max
    CHECK(road.under_way() == 0);
}

TEST_CASE("a server that breaks off, or is not trusted, gives its place back") {
    Road road;
    {
        const Peer client = road.place.client();
        client.say(gateway::test::post(ping));
        road.place.pass();
        road.take_step();
        const Peer server = road.place.server();
        server.leave();
        road.place.pass();
        CHECK(gateway::test::status_of(client.hear()) == 502);
        CHECK(road.under_way() == 0);
    }
    Road::text() = made().make("stranger", "IP:127.0.0.1", net::test::Certificates::ec, "other");
    const Peer client = road.place.client();
    client.say(gateway::test::post(ping));
    road.place.pass();
    road.take_step();
    Upstream server(road);
    while (!road.steps.empty()) {
        road.take_step();
        server.go_on();
    }
    CHECK(gateway::test::status_of(client.hear()) == 502);
    CHECK(server.heard.empty());
    CHECK(road.under_way() == 0);
}

TEST_CASE("others are served while the long steps of a handshake are taken elsewhere") {
    Door door;
    Client first(door);
    while (!door.steps.empty()) {
        door.take_step();
        first.go_on();
    }
    REQUIRE(first.tls->state() == net::Tls::State::open);
    CHECK(door.under_way() == 0);
    Client second(door);
    CHECK(door.steps.size() == 1);
    CHECK(door.under_way() == 1);
    first.say("GET /nowhere HTTP/1.1\r\nHost: 127.0.0.1:7070\r\n\r\n");
    CHECK(first.heard.starts_with("HTTP/1.1 404 "));
    CHECK(second.tls->handshaking());
    size_t steps = 0;
    for (; !door.steps.empty(); ++steps) {
        door.take_step();
        second.go_on();
    }
    CHECK(steps == 2);
    CHECK(second.tls->state() == net::Tls::State::open);
    second.say("GET /nowhere HTTP/1.1\r\nHost: 127.0.0.1:7070\r\n\r\n");
    CHECK(second.heard.starts_with("HTTP/1.1 404 "));
    CHECK(door.place.counters.tls_handshakes.read() == 2);
    CHECK(door.place.counters.tls_resumed.read() == 0);
}

TEST_CASE("who leaves while a step is taken keeps a place until it is back") {
    Door door;
    for (int i = 0; i < 2; ++i) {
        Client client(door);
        client.peer.end->reset = true;
        client.peer.leave();
        door.place.pass(s_ns);
    }
    REQUIRE(door.steps.size() == 2);
    CHECK(door.under_way() == 2);
    {
        const Peer refused = door.place.client(); // there is no place
        door.place.pass();
        CHECK(refused.closed());
    }
    CHECK(door.steps.size() == 2);
    door.take_step();
    CHECK(door.under_way() == 1);
    Client client(door);
    CHECK(door.steps.size() == 2);
    door.take_step(); // of the other who left
    while (!door.steps.empty()) {
        door.take_step();
        client.go_on();
    }
    CHECK(client.tls->state() == net::Tls::State::open);
    CHECK(door.under_way() == 0);
}

TEST_CASE("a handshake that takes too long elsewhere ends at its time, and its step comes back to nobody") {
    Door door;
    Client client(door);
    REQUIRE(door.steps.size() == 1);
    door.place.pass(6 * s_ns);
    CHECK(client.peer.closed());
    CHECK(door.place.counters.tls_failures.read() == 1);
    door.take_step();
    CHECK(door.steps.empty());
    CHECK(door.under_way() == 0);
}
