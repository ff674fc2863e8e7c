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
    client.say(post(call));
    client.leave();
    place.pass(1 * s_ns);
    const Peer server = place.server();
    CHECK_FALSE(client.closed());
    SECTION("a document, small or large") {
        const std::string text(GENERATE(10, 1'000'000), 'x');
        server.say(json_answer(R"({"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":")" + text + "\"}]}}"));
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
        server.say(stream_head + chunk("data: {\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"content\":[]}}\n\n") + "0\r\n\r\n");
        place.pass(1 * s_ns);
        const std::string said = client.hear();
        CHECK(holds(said, R"("content":[])"));
        CHECK(said.ends_with("0\r\n\r\n"));
    }
    CHECK(client.closed());
    CHECK(place.counters.ambiguous.read() == 0);
    CHECK(place.counters.connections_open.read() == 0);
}

TEST_CASE("in 2026-07-28 the end of a client's stream is how it cancels, half of it too") {
    Place place;
    const Peer client = place.client();
    client.say(modern("tools/list", "", 3));
    client.leave();
    place.pass(1 * s_ns);
    const Peer server = place.server();
    CHECK(server.closed());
    CHECK(client.closed());
    CHECK(client.hear().empty());
    CHECK(place.counters.ambiguous.read() == 1);
}

TEST_CASE("a client that ends its connection with the request and does not read the answer is cut after write_stall_max") {
    Place place("[limits]\nwrite_stall_max = \"3s\"");
    const Peer client = place.client();
    const std::string close = "Connection: close\r\n";
    client.say(post(R"({"jsonrpc":"2.0","id":7,"method":"ping"})", SIZE_MAX, close));
    place.pass();
    place.server().say(json_answer(R"({"jsonrpc":"2.0","id":7,"result":{"a":")" + std::string(2'000'000, 'x') + "\"}}"));
    place.pass(2'900 * ms_ns);
    CHECK(place.counters.connections_open.read() == 1);
    place.pass(200 * ms_ns);
    CHECK(place.counters.connections_open.read() == 0);
}

} // namespace weir::gateway::test
