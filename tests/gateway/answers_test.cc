// tests/gateway/answers_test.cc - what HTTP itself says about an answer: HEAD has the head of one, and who has said all that it
// will say may still listen.
#include "gateway/place.h"

#include <catch2/generators/catch_generators.hpp>

namespace weir::gateway::test {
namespace {

bool holds(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }
/// The head of an answer alone: nothing comes behind it.
bool is_bare(const std::string& text) { return text.find("\r\n\r\n") == text.size() - 4; }

std::string ask(const std::string& method, const std::string& path, uint16_t port) {
    return method + " " + path + " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port) + "\r\n\r\n";
}

} // namespace

TEST_CASE("HEAD of a page has the head that GET has, and no body") {
    Place place;
    const Peer client = place.client(loopback, admin_port);
    client.say(ask("GET", "/livez", admin_port));
    place.pass();
    const std::string whole = client.hear();
    const std::string head = whole.substr(0, whole.find("\r\n\r\n") + 4);
    CHECK(whole.size() > head.size());
    client.say(ask("HEAD", "/livez", admin_port) + ask("HEAD", "/livez", admin_port)); // The connection goes on.
    place.pass();
    CHECK(client.hear() == head + head);
}

TEST_CASE("HEAD of a server is 405 without a body, and the connection goes on") {
    Place place;
    const Peer client = place.client();
    client.say(ask("HEAD", "/mcp/own", client_port));
    place.pass();
    const std::string refused = client.hear();
    CHECK(status_of(refused) == 405);
    CHECK(holds(refused, "Allow: GET, POST, DELETE\r\n"));
    CHECK_FALSE(holds(refused, "Content-Length: 0"));
    CHECK(is_bare(refused));
    client.say(ask("HEAD", "/elsewhere", client_port));
    place.pass();
    const std::string unknown = client.hear();
    CHECK(status_of(unknown) == 404);
    CHECK(is_bare(unknown));
    client.say("HEAD /mcp/own HTTP/1.1\r\n\r\n"); // without a Host
    place.pass();
    const std::string malformed = client.hear();
    CHECK(status_of(malformed) == 400);
    CHECK(is_bare(malformed));
    CHECK(client.closed());
    CHECK_FALSE(place.called());
}

TEST_CASE("what the admin listener allows is not what a server does") {
    Place place;
    for (const char* method : {"PUT", "DELETE", "POST"}) {
        const Peer client = place.client(loopback, admin_port);
        client.say(ask(method, "/livez", admin_port));
        place.pass();
        const std::string refused = client.hear();
        CHECK(status_of(refused) == 405);
        CHECK(holds(refused, "Allow: GET, HEAD\r\n"));
    }
}

TEST_CASE("who says that nothing follows its request gets its answer all the same, and then the end") {
    const std::string call = R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"a","arguments":{}}})";
    Place place;
    const Peer client = place.client();
    client.say(post(call, SIZE_MAX, GENERATE(as<std::string>{}, "", "Connection: close\r\n")));
    client.leave();
    place.pass(1 * s_ns);
    const Peer server = place.server();
    CHECK_FALSE(client.closed());
    SECTION("a document, small or large") {
        const std::string text(GENERATE(10, 400'000, 1'000'000), 'x');
        server.say(
            json_answer(R"({"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":")" + text + "\"}]}}"));
        std::string said;
        for (int i = 0; i < 100 && !client.closed(); ++i) {
            place.pass();
            said += client.hear();
        }
        said += client.hear();
        CHECK(status_of(said) == 200);
        CHECK(said.ends_with(text + "\"}]}}"));
    }
    SECTION("an event stream") {
        server.say(stream_head + chunk("data: {\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"content\":[]}}\n\n") +
                   "0\r\n\r\n");
        place.pass(1 * s_ns);
        const std::string said = client.hear();
        CHECK(holds(said, R"("content":[])"));
        CHECK(said.ends_with("0\r\n\r\n"));
    }
    CHECK(client.closed());
    CHECK(place.counters.ambiguous.read() == 0);
    CHECK(place.counters.connections_open.read() == 0);
}

TEST_CASE("the end of a session is no less one for its client's saying nothing more") {
    const std::string initialize =
        R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},)"
        R"("clientInfo":{"name":"test","version":"1"}}})";
    Place place;
    const Peer client = place.client();
    client.say(post(initialize));
    place.pass();
    const Peer server = place.server();
    server.hear();
    const std::string agreed =
        R"({"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"s","version":"1"}}})";
    server.say("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nMcp-Session-Id: theirs\r\nContent-Length: " +
               std::to_string(agreed.size()) + "\r\n\r\n" + agreed);
    place.pass();
    const std::string begun = client.hear(), name = "Mcp-Session-Id: ";
    REQUIRE(holds(begun, name));
    const std::string id = begun.substr(begun.find(name), begun.find("\r\n", begun.find(name)) - begun.find(name) + 2);
    const std::string end = "DELETE /mcp/own HTTP/1.1\r\nHost: 127.0.0.1:7070\r\n" + id + "\r\n";
    client.say(end);
    client.leave();
    place.pass();
    CHECK(server.hear().starts_with("DELETE /mcp HTTP/1.1\r\n"));
    server.say("HTTP/1.1 204 No Content\r\n\r\n");
    place.pass();
    CHECK(status_of(client.hear()) == 200);
    CHECK(client.closed());
    const Peer other = place.client();
    other.say(end);
    place.pass();
    CHECK(status_of(other.hear()) == 404); // It has ended.
}

TEST_CASE("in 2026-07-28 the end of a client's stream is how it cancels, half of it too") {
    Place place;
    const Peer client = place.client();
    client.say(modern("tools/list", "", 3));
    SECTION("with the request: nothing of it goes on") {
        client.leave();
        place.pass(1 * s_ns);
        CHECK(place.counters.forwarded.read() == 0);
    }
    SECTION("later: its server sees it at once, and what it does is not known") {
        place.pass();
        const Peer server = place.server();
        client.leave();
        place.pass();
        CHECK(server.closed());
        CHECK(place.counters.ambiguous.read() == 1);
    }
    CHECK(client.closed());
    CHECK(client.hear().empty());
}

TEST_CASE("an initialize is never cancelled; what else is in flight is") {
    const std::string initialize =
        R"({"jsonrpc":"2.0","id":"a","method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},)"
        R"("clientInfo":{"name":"test","version":"1"}}})";
    const auto cancelled = [](const std::string& id) {
        return post(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":)" + id + "}}");
    };
    Place place;
    const Peer client = place.client(), same = place.client(), other = place.client();
    client.say(post(initialize));
    same.say(post(initialize)); // Two with one id: neither is refused.
    place.pass();
    const Peer server = place.server(), second = place.server();
    CHECK(holds(server.hear(), "initialize"));
    other.say(cancelled("\"a\""));
    place.pass();
    const std::string refused = other.hear();
    CHECK(status_of(refused) == 400);
    CHECK(holds(refused, "an initialize cannot be cancelled"));
    CHECK_FALSE(place.called());
    const std::string id = GENERATE(as<std::string>{}, "\"b\"", "1"); // another request's
    other.say(cancelled(id));
    place.pass();
    const Peer third = place.server();
    CHECK(holds(third.hear(), "\"requestId\":" + id));
    third.say("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
    for (const Peer* each : {&server, &second})
        each->say(json_answer(
            R"({"jsonrpc":"2.0","id":"a","result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"s","version":"1"}}})"));
    place.pass();
    CHECK(status_of(client.hear()) == 200);
    CHECK(status_of(same.hear()) == 200);
    CHECK(status_of(other.hear()) == 202);
    other.say(cancelled("\"a\"")); // It is over: that is the server's to ignore.
    place.pass();
    CHECK(other.hear().empty());
    std::string reached;
    for (const Peer* each : {&server, &second, &third}) reached += each->hear();
    CHECK(holds(reached, "notifications/cancelled"));
}

TEST_CASE(
    "a client that ends its connection with the request and does not read the answer is cut after write_stall_max") {
    Place place("[limits]\nwrite_stall_max = \"3s\"");
    const Peer client = place.client();
    const std::string close = "Connection: close\r\n";
    client.say(post(R"({"jsonrpc":"2.0","id":7,"method":"ping"})", SIZE_MAX, close));
    place.pass();
    place.server().say(
        json_answer(R"({"jsonrpc":"2.0","id":7,"result":{"a":")" + std::string(2'000'000, 'x') + "\"}}"));
    place.pass(2'900 * ms_ns);
    CHECK(place.counters.connections_open.read() == 1);
    place.pass(200 * ms_ns);
    CHECK(place.counters.connections_open.read() == 0);
}

} // namespace weir::gateway::test
