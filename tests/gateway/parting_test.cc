// tests/gateway/parting_test.cc - a server that agrees on a revision that weir does not speak: its client is refused at once,
// and its session is ended by weir, in its own time and with its own credential.
#include "gateway/parting.h"
#include "gateway/place.h"

#include <fmt/format.h>

namespace weir::gateway::test {
namespace {

const std::string initialize =
    R"({"jsonrpc":"2.0","id":"i","method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"c","version":"1"}}})";
const std::string session_line = "Mcp-Session-Id: of the server's own\r\n";

std::string result(const std::string& revision) {
    return fmt::format(
        R"({{"jsonrpc":"2.0","id":"i","result":{{"protocolVersion":"{}","capabilities":{{}},"serverInfo":{{"name":"s","version":"1"}}}}}})",
        revision);
}
std::string agrees(const std::string& revision, const std::string& lines = session_line) {
    const std::string body = result(revision);
    return fmt::format("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{}Content-Length: {}\r\n\r\n{}", lines,
                       body.size(), body);
}
const std::string nothing = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

bool holds(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

/// A client that asks to initialize, and the server that was told so, called anew, and has said `answer`.
struct Meeting {
    Meeting(Place& place, const std::string& answer) : client(place.client()), server(met(place)) {
        server.hear();
        server.say(answer);
        place.pass();
    }
    Peer client, server;

  private:
    Peer met(Place& place) const {
        client.say(post(initialize));
        place.pass();
        return place.server();
    }
};
const std::string disagrees = agrees("2099-01-01");

void shown(Config& config) {
    config.servers[0].credential = CredentialConfig{};
    config.servers[0].credential->env = "WEIR_PARTING_TEST";
}

} // namespace

TEST_CASE("the client is refused at once, and the server is told to end the session it opened") {
    setenv("WEIR_PARTING_TEST", "s3cret", 1);
    Place place({}, shown);
    const auto [client, server] = Meeting(place, disagrees);
    const std::string answer = client.hear();
    CHECK(status_of(answer) == 200);
    CHECK(holds(answer, R"("code":-32602)"));
    INFO(answer);
    CHECK(holds(answer, R"("requested":"2025-11-25")"));
    CHECK_FALSE(holds(answer, "Mcp-Session-Id"));
    // On the connection that is there already.
    const std::string told = server.hear();
    CHECK(told.starts_with("DELETE /mcp HTTP/1.1\r\n"));
    CHECK(holds(told, "\r\n" + session_line));
    CHECK(holds(told, "\r\nMcp-Protocol-Version: 2099-01-01\r\n"));
    CHECK(holds(told, "\r\nAuthorization: Bearer s3cret\r\n"));
    CHECK(place.counters.exchanges_open.read() == 1);
    server.say(nothing);
    place.pass();
    CHECK(place.counters.exchanges_open.read() == 0);
    CHECK(place.counters.upstream_links_idle.read() <= 1);
    CHECK_FALSE(server.closed());
    // The client hears nothing of it, and goes on.
    CHECK(client.hear().empty());
    client.say(post(R"({"jsonrpc":"2.0","id":2,"method":"ping"})"));
    place.pass();
    CHECK(holds(server.hear(), "POST /mcp"));
    unsetenv("WEIR_PARTING_TEST");
}

TEST_CASE("a server that agrees on an event stream is parted from, too, and its client gets the error alone") {
    Place place;
    const auto [client, server] =
        Meeting(place, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n" + session_line +
                           "Transfer-Encoding: chunked\r\n\r\n" + chunk("id: 1\ndata:\n\n") +
                           chunk("data: " + result("2027-01-01") + "\n\n") + "0\r\n\r\n");
    const std::string answer = client.hear();
    CHECK(status_of(answer) == 200);
    CHECK(holds(answer, R"("code":-32602)"));
    CHECK(holds(answer, R"("supported":["2025-11-25")"));
    CHECK_FALSE(holds(answer, "id: "));
    CHECK_FALSE(holds(answer, "Mcp-Session-Id"));
    CHECK(answer.ends_with("0\r\n\r\n"));
    CHECK(server.closed()); // A stream that was not read to its end carries nothing more.
    const Peer again = place.server();
    CHECK(again.hear().starts_with("DELETE /mcp HTTP/1.1\r\n"));
    again.say("HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n");
    place.pass();
    CHECK(place.counters.exchanges_open.read() == 0);
}

TEST_CASE("what a server agrees on is not written into a head unless a head may hold it") {
    for (const std::string revision : {"", "2099 01", "\\r\\nX: y", "012345678901234567890123456789012", "caf\u00e9"}) {
        Place place;
        const auto [client, server] = Meeting(place, agrees(revision));
        CHECK(holds(client.hear(), R"("code":-32602)"));
        const std::string told = server.hear();
        CHECK(told.starts_with("DELETE /mcp HTTP/1.1\r\n"));
        CHECK_FALSE(holds(told, "Mcp-Protocol-Version"));
        CHECK_FALSE(holds(told, "X: y"));
        server.say(nothing);
        place.pass();
    }
}

TEST_CASE("a server without a session is told nothing, nor is one that weir goes on with") {
    for (const auto& answer : {agrees("2099-01-01", ""), agrees("2025-06-18")}) {
        Place place;
        const auto [client, server] = Meeting(place, answer);
        CHECK(status_of(client.hear()) == 200);
        CHECK(server.hear().empty());
        CHECK(place.counters.exchanges_open.read() == 0);
    }
}

TEST_CASE("a server that does not answer the parting is waited for so long and no longer, however it trickles") {
    Place place;
    const auto [client, server] = Meeting(place, disagrees);
    REQUIRE(server.hear().starts_with("DELETE"));
    client.leave(); // Who asked is nobody's business any more.
    place.pass();
    server.say("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
    for (uint64_t waited = 0; waited + s_ns < parting_ns_max; waited += s_ns) {
        server.say("x");
        place.pass(s_ns);
        CHECK_FALSE(server.closed());
    }
    place.pass(s_ns);
    CHECK(server.closed());
    CHECK(place.counters.exchanges_open.read() == 0);
}

TEST_CASE("only so many partings are under way; the sessions beyond them are left, and counted") {
    Place place;
    std::vector<Peer> clients, servers;
    for (uint32_t i = 0; i < partings_max + 2; ++i) {
        clients.push_back(place.client());
        clients.back().say(post(initialize));
        place.pass();
        if (place.called()) servers.push_back(place.server()); // else the connection is one that tells no parting
        servers.back().hear();
        servers.back().say(disagrees);
        place.pass();
        CHECK(holds(clients.back().hear(), R"("code":-32602)"));
        if (i < partings_max) CHECK(servers.back().hear().starts_with("DELETE"));
    }
    CHECK(place.counters.exchanges_open.read() == partings_max);
    CHECK(place.counters.upstream_sessions_left.read() == 2);
    place.pass(parting_ns_max);
    CHECK(place.counters.exchanges_open.read() == 0);
}

TEST_CASE("a drain waits for no parting longer than for anything else") {
    Place place("[limits]\ndrain_max = \"2s\"");
    const auto [client, server] = Meeting(place, disagrees);
    REQUIRE(server.hear().starts_with("DELETE"));
    place.worker->drain();
    client.leave();
    place.pass(1 * s_ns);
    CHECK_FALSE(place.drained);
    place.pass(1100 * ms_ns);
    CHECK(place.drained);
}

} // namespace weir::gateway::test
