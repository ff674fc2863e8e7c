// tests/gateway/authentication_test.cc - what must hold before a server that asks who comes: no request without a good
// token, each with the challenge that lets a client get one; the token goes nowhere; ids are of who got them; keys that
// are on their way are waited for, not for ever; open streams end with their token.
#include "gateway/through/gate.h"

#include <algorithm>

using namespace weir;
using namespace weir::identity;
using gateway::test::chunk;
using gateway::test::json_answer;
using gateway::test::Peer;
using gateway::test::status_of;

namespace {

const std::string call = R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"delete_page"}})";
const std::string where = R"(resource_metadata="http://127.0.0.1:7070/.well-known/oauth-protected-resource/mcp/own")";

bool holds(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

std::string with(const std::string& token) { return "Authorization: Bearer " + token + "\r\n"; }

std::string claims_for(const std::string& subject) { return Gate::token(Gate::claims().set_text("sub", subject)); }

/// The gate, at the hour of the tests.
struct Door : Gate {
    explicit Door(const std::string& policies = {}) : Gate(policies) {
        place.net.wall_ns = test_now_unix_s * s_ns;
        place.net.now_ns = moment.now_ns;
    }
    std::string answer(const std::string& request) {
        const Peer client = place.client();
        client.say(request);
        place.pass();
        return client.hear();
    }
};

constexpr const char* people =
    R"(policy "test/people" { on = "request", match = { tools = "delete_*" }, decide = approve { by = { "ops" } } })";

/// What the store says to the waiter of one ticket.
struct Store {
    Door& door;
    Ref waiter;
    std::string body;
    void tell(post::TicketState state, bool granted = false) const {
        auto news = std::make_shared<post::ApprovalNews>();
        *news = {.waiter = waiter,
                 .ticket = "ap_1",
                 .state = state,
                 .answer = state != post::TicketState::approved, // to submit and to claim; a decision is news
                 .granted = granted,
                 .expires_unix_ns = (test_now_unix_s + 900) * s_ns,
                 .text = {},
                 .body = body};
        door.place.tell({.kind = gateway::WorkerMessage::Kind::approval, .news = std::move(news)});
        door.place.pass();
    }
};

} // namespace

TEST_CASE("without a token there is a challenge, with a bad one it says so, on every method") {
    Door door;
    for (const std::string& request :
         {gateway::test::post(call), gateway::test::get_stream(),
          std::string("DELETE /mcp/own HTTP/1.1\r\nHost: 127.0.0.1:7070\r\nMcp-Session-Id: x\r\n\r\n")}) {
        const std::string answer = door.answer(request);
        INFO(answer);
        CHECK(status_of(answer) == 401);
        CHECK(holds(answer, "\r\nWWW-Authenticate: Bearer scope=\"mcp:tools\", " + where + "\r\n"));
        CHECK(holds(answer, "\r\nCache-Control: no-store\r\n"));
        CHECK_FALSE(holds(answer, "error="));
    }
    const std::string bad = door.answer(gateway::test::post(call, SIZE_MAX, with("a.b.c")));
    CHECK(status_of(bad) == 401);
    CHECK(holds(bad,
                "WWW-Authenticate: Bearer error=\"invalid_token\", error_description=\"the access token is not valid "
                "here\", scope=\"mcp:tools\", " +
                    where));
    const std::string malformed = door.answer(gateway::test::post(call, SIZE_MAX, "Authorization: Bearer a b\r\n"));
    CHECK(status_of(malformed) == 400);
    CHECK(holds(malformed, "error=\"invalid_request\""));
    const std::string twice = door.answer(gateway::test::post(call, SIZE_MAX, with(Gate::good()) + with(Gate::good())));
    CHECK(status_of(twice) == 400);
    CHECK_FALSE(door.place.called());
}

TEST_CASE("a public URL stands in the challenge in place of the Host") {
    Door door;
    door.place.generation.config.public_url = "https://mcp.example";
    CHECK(holds(door.answer(gateway::test::post(call)),
                R"(resource_metadata="https://mcp.example/.well-known/oauth-protected-resource/mcp/own")"));
}

TEST_CASE("the metadata of a server tell where its tokens come from, to pages of any browser") {
    Door door;
    const auto get = [&](const std::string& path, const std::string& more = {}, const std::string& method = "GET") {
        return door.answer(method + " " + path + " HTTP/1.1\r\nHost: 127.0.0.1:7070\r\n" + more + "\r\n");
    };
    const std::string path = "/.well-known/oauth-protected-resource/mcp/own";
    const std::string answer = get(path, "Origin: https://anybody.example\r\n");
    CHECK(status_of(answer) == 200);
    CHECK(holds(answer, "\r\nAccess-Control-Allow-Origin: *\r\n"));
    CHECK(
        answer.ends_with(R"({"resource":"http://127.0.0.1:7070/mcp/own","authorization_servers":["https://idp.test"],)"
                         R"("bearer_methods_supported":["header"],"resource_name":"own",)"
                         R"("scopes_supported":["mcp:tools"]})"));
    const std::string before = get(path,
                                   "Origin: https://anybody.example\r\nAccess-Control-Request-Method: GET\r\n"
                                   "Access-Control-Request-Headers: mcp-protocol-version\r\n",
                                   "OPTIONS");
    CHECK(status_of(before) == 204);
    CHECK(holds(before, "Access-Control-Allow-Headers: mcp-protocol-version\r\n"));
    CHECK(status_of(get("/.well-known/oauth-protected-resource")) == 404);
    CHECK(status_of(get("/.well-known/oauth-protected-resource/mcp/other")) == 404);
    CHECK(status_of(get("/.well-known/oauth-authorization-server")) == 503); // not fetched yet
    CHECK(status_of(get(path, "", "DELETE")) == 405);
    CHECK(status_of(door.answer("GET " + path + " HTTP/1.1\r\nHost: evil.example\r\n\r\n")) == 403);
    door.place.tell(
        {.kind = gateway::WorkerMessage::Kind::keys,
         .issuer = 0,
         .issuer_news = {.keys = {},
                         .metadata = std::make_shared<const std::string>(R"({"issuer":"https://idp.test"})"),
                         .changed = false}});
    const std::string legacy = get("/.well-known/oauth-authorization-server");
    CHECK(status_of(legacy) == 200);
    CHECK(legacy.ends_with(R"({"issuer":"https://idp.test"})"));
    door.place.generation.config.public_url = "https://mcp.example";
    CHECK(holds(get(path), R"("resource":"https://mcp.example/mcp/own")"));
}

TEST_CASE("a tool may need more than its server, and the challenge names all of it") {
    Door door;
    door.place.generation.config.servers[0].tool_scopes = {{"delete_*", {"mcp:delete", "mcp:tools"}}};
    door.place.generation.config.servers[0].method_scopes = {{"tools/call", {"mcp:call"}}};
    const std::string answer = door.answer(gateway::test::post(call, SIZE_MAX, with(Gate::good())));
    CHECK(status_of(answer) == 403);
    CHECK(holds(answer,
                "WWW-Authenticate: Bearer error=\"insufficient_scope\", error_description=\"the access token "
                "lacks a scope that is needed for this\", scope=\"mcp:tools mcp:call mcp:delete\", " +
                    where));
    CHECK_FALSE(door.place.called());
    const std::string enough = Gate::token(Gate::claims().set_text("scope", "mcp:delete mcp:call mcp:tools"));
    const Peer client = door.place.client();
    client.say(gateway::test::post(call, SIZE_MAX, with(enough)));
    door.place.pass();
    CHECK(door.place.called());
    // The server's own scope is missing from the start.
    const std::string none =
        door.answer(gateway::test::post(call, SIZE_MAX, with(Gate::token(Gate::claims().drop("scope")))));
    CHECK(status_of(none) == 403);
    CHECK(holds(none, "scope=\"mcp:tools\""));
}

TEST_CASE("a known token is verified once, and a request with it reaches the server without it") {
    Door door;
    const std::string token = Gate::good();
    for (int i = 0; i < 3; ++i) CHECK(door.admits(token));
    CHECK(door.place.worker->authenticator.counts().verified == 1);
}

TEST_CASE("a session is of the principal that opened it") {
    Door door;
    const Peer client = door.place.client();
    client.say(
        gateway::test::post(R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25",)"
                            R"("capabilities":{},"clientInfo":{"name":"c","version":"1"}}})",
                            SIZE_MAX, with(claims_for("ann"))));
    door.place.pass();
    const Peer server = door.place.server();
    server.hear();
    const std::string result = R"({"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{},)"
                               R"("serverInfo":{"name":"s","version":"1"}}})";
    server.say("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nMcp-Session-Id: up\r\nContent-Length: " +
               std::to_string(result.size()) + "\r\n\r\n" + result);
    door.place.pass();
    const std::string answer = client.hear();
    REQUIRE(status_of(answer) == 200);
    std::string lowered = answer;
    for (char& octet : lowered) octet = octet >= 'A' && octet <= 'Z' ? static_cast<char>(octet + 32) : octet;
    const size_t at = lowered.find("mcp-session-id: ") + 16;
    const std::string session = answer.substr(at, answer.find("\r\n", at) - at);
    const std::string list = R"({"jsonrpc":"2.0","id":2,"method":"tools/list"})";
    const auto as = [&](const std::string& subject) {
        return door.answer(
            gateway::test::post(list, SIZE_MAX, with(claims_for(subject)) + "Mcp-Session-Id: " + session + "\r\n"));
    };
    CHECK(status_of(as("bob")) == 404);
    CHECK(as("ann").empty()); // It is on its way to the server.
    CHECK(holds(server.hear(), "tools/list"));
}

TEST_CASE("keys that are on their way are waited for; when they come the request goes on") {
    Door door;
    door.authenticator.set_keys(0, nullptr);
    const Peer client = door.place.client();
    client.say(gateway::test::post(call, SIZE_MAX, with(Gate::good())));
    door.place.pass();
    CHECK(client.hear().empty());
    CHECK(door.place.keys_wanted == std::vector<uint32_t>{0});
    const Peer other = door.place.client(); // a second one asks nobody anew
    other.say(gateway::test::post(call, SIZE_MAX, with(Gate::good())));
    door.place.pass();
    CHECK(door.place.keys_wanted.size() == 1);
    door.set_keys({Gate::point().jwk("e").text()});
    door.place.pass();
    CHECK(door.place.called());
    CHECK(holds(door.place.server().hear(), "delete_page"));
}

TEST_CASE("keys that do not come are not waited for in vain: 503 without any, 401 for one that is unknown") {
    Door door;
    door.authenticator.set_keys(0, nullptr);
    const Peer client = door.place.client();
    client.say(gateway::test::post(call, SIZE_MAX, with(Gate::good())));
    door.place.pass(gateway::keys_wait_ns_max + s_ns);
    const std::string late = client.hear();
    CHECK(status_of(late) == 503);
    CHECK(holds(late, "Retry-After: 1\r\n"));
    door.set_keys({Gate::rsa().jwk("r").text()});
    door.place.pass(60 * s_ns);
    const std::string unknown = Gate::token(Gate::claims().set("exp", std::to_string(test_now_unix_s + 3600)));
    const Peer rotated = door.place.client();
    rotated.say(gateway::test::post(call, SIZE_MAX, with(unknown)));
    door.place.pass();
    CHECK(rotated.hear().empty());
    door.place.tell({.kind = gateway::WorkerMessage::Kind::keys, .issuer = 0}); // A fetch that brought nothing new.
    door.place.pass();
    CHECK(status_of(rotated.hear()) == 401);
    // And within the time between two fetches there is no other wait.
    CHECK(status_of(door.answer(gateway::test::post(call, SIZE_MAX, with(unknown)))) == 401);
    CHECK_FALSE(door.place.called());
}

TEST_CASE("a client that leaves while keys are awaited leaves nothing behind") {
    Door door;
    door.authenticator.set_keys(0, nullptr);
    const Peer client = door.place.client();
    client.say(gateway::test::post(call, SIZE_MAX, with(Gate::good())));
    door.place.pass();
    client.end->reset = true;
    client.leave();
    door.place.pass(5 * s_ns);
    CHECK_FALSE(door.place.called());
}

TEST_CASE("a call that people approve after its token ended goes nowhere, and its client learns how to come again") {
    struct Row {
        const char* name;
        uint64_t passed_ns;      // while it waits
        uint64_t wall_step_s;    // the clock is set
        bool key_goes, approved; // meanwhile
        bool runs;
    };
    // Ten seconds are left to the token, of its leeway: less than to the first sign of life.
    const Row rows[] = {
        {"in time", 9 * s_ns, 0, false, true, true},
        {"the token ends before anybody decides", 11 * s_ns, 0, false, false, false},
        {"the clock is set forward, then it is approved", s_ns, 3600, false, true, false},
        {"its key is removed, then it is approved", s_ns, 0, true, true, false},
    };
    for (const Row& row : rows) {
        INFO(row.name);
        Door door(people);
        const std::string token = Gate::token(Gate::claims().set("exp", std::to_string(test_now_unix_s - 20)));
        const Peer client = door.place.client();
        client.say(gateway::test::post(call, SIZE_MAX, with(token)));
        door.place.pass();
        REQUIRE(door.place.asked.size() == 1);
        REQUIRE(door.place.asked[0].kind == post::ApprovalAsk::Kind::submit);
        Store store{door, door.place.asked[0].waiter, door.place.asked[0].call->body};
        store.tell(post::TicketState::pending);
        door.place.pass(row.passed_ns);
        door.place.net.wall_ns += row.wall_step_s * s_ns;
        if (row.key_goes) door.set_keys({Gate::rsa().jwk("r").text()});
        if (row.approved) store.tell(post::TicketState::approved);
        door.place.pass();
        CHECK(door.place.called() == row.runs);
        if (row.runs) {
            REQUIRE(door.place.asked.back().kind == post::ApprovalAsk::Kind::claim);
            store.tell(post::TicketState::executing, true);
            const Peer server = door.place.server();
            CHECK(holds(server.hear(), "delete_page"));
            server.say(json_answer(R"({"jsonrpc":"2.0","id":1,"result":{"content":[]}})"));
            door.place.pass();
            CHECK(status_of(client.hear()) == 200);
            continue;
        }
        const std::string answer = client.hear();
        CHECK(status_of(answer) == 401);
        CHECK(holds(answer, "WWW-Authenticate: Bearer error=\"invalid_token\""));
        CHECK(holds(answer, "the access token ended while this call waited for approval; call again with a new token"));
        // It waits no more, and the ticket is left as it is: nobody claimed it.
        CHECK(door.place.asked.back().kind == post::ApprovalAsk::Kind::leave);
        CHECK(std::none_of(door.place.asked.begin(), door.place.asked.end(),
                           [](const auto& ask) { return ask.kind == post::ApprovalAsk::Kind::claim; }));
    }
}

TEST_CASE("a stream on which a held call shows signs of life says that the token ended") {
    Door door(people);
    const std::string token = Gate::token(Gate::claims().set("exp", std::to_string(test_now_unix_s + 20)));
    const Peer client = door.place.client();
    client.say(gateway::test::post(
        R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"delete_page","_meta":{"progressToken":"p"}}})",
        SIZE_MAX, with(token)));
    door.place.pass();
    REQUIRE(door.place.asked.size() == 1);
    Store store{door, door.place.asked[0].waiter, door.place.asked[0].call->body};
    store.tell(post::TicketState::pending);
    door.place.pass(s_ns);
    CHECK(holds(client.hear(), "notifications/progress"));
    door.place.pass(50 * s_ns);
    const std::string last = client.hear();
    CHECK(holds(last, "40101"));
    CHECK(holds(last, "the access token ended while this call waited"));
    CHECK(last.ends_with("0\r\n\r\n"));
    store.tell(post::TicketState::approved); // too late for this one
    CHECK_FALSE(door.place.called());
}

TEST_CASE("nothing follows a stream of signs of life that ended with its client's half of the connection") {
    Door door(people);
    const Peer client = door.place.client();
    const auto held = [](int id) {
        return gateway::test::post(
            R"({"jsonrpc":"2.0","id":)" + std::to_string(id) +
                R"(,"method":"tools/call","params":{"name":"delete_page","_meta":{"progressToken":"p"}}})",
            SIZE_MAX, with(Gate::good()));
    };
    client.say(held(1) + held(2));
    door.place.pass();
    REQUIRE(door.place.asked.size() == 1);
    Store store{door, door.place.asked[0].waiter, door.place.asked[0].call->body};
    store.tell(post::TicketState::pending);
    door.place.pass(s_ns);
    client.leave();
    door.place.pass(s_ns);
    const std::string all = client.hear();
    CHECK(all.find("HTTP/1.1") == all.rfind("HTTP/1.1"));
    CHECK_FALSE(holds(all, "\r\n0\r\n\r\n"));
    CHECK(client.closed());
}

TEST_CASE("an open stream ends when the clock is set over the end of its token, or back and its time passes") {
    Door door;
    const std::string token = Gate::token(Gate::claims().set("exp", std::to_string(test_now_unix_s + 20)));
    const std::string open =
        "GET /mcp/own HTTP/1.1\r\nHost: 127.0.0.1:7070\r\nAccept: text/event-stream\r\n" + with(token) + "\r\n";
    const Peer ahead = door.place.client();
    ahead.say(open);
    door.place.pass();
    door.place.server().say(gateway::test::stream_head);
    door.place.pass();
    door.place.net.wall_ns += 3600 * s_ns;
    door.place.pass(16 * s_ns); // the next heartbeat at the latest
    CHECK(holds(ahead.hear(), "the access token has expired"));
    CHECK(status_of(door.answer(open)) == 401);
    // Set back, it is good again by the clock; what it opens ends when its time has passed all the same.
    door.place.net.wall_ns = test_now_unix_s * s_ns;
    const Peer behind = door.place.client();
    behind.say(open);
    door.place.pass();
    door.place.server().say(gateway::test::stream_head);
    door.place.pass(s_ns);
    door.place.net.wall_ns -= 25 * s_ns;
    door.place.pass(48 * s_ns);
    CHECK_FALSE(holds(behind.hear(), "expired"));
    door.place.pass(2 * s_ns);
    CHECK(holds(behind.hear(), "the access token has expired"));
}

TEST_CASE("an open stream ends with its token, a call that it began is answered") {
    Door door;
    const std::string token = Gate::token(Gate::claims().set("exp", std::to_string(test_now_unix_s + 20)));
    const Peer stream = door.place.client(), client = door.place.client();
    stream.say("GET /mcp/own HTTP/1.1\r\nHost: 127.0.0.1:7070\r\nAccept: text/event-stream\r\n" + with(token) + "\r\n");
    door.place.pass();
    const Peer of_stream = door.place.server();
    of_stream.say(gateway::test::stream_head);
    client.say(gateway::test::post(call, SIZE_MAX, with(token)));
    door.place.pass();
    const Peer of_call = door.place.server();
    door.place.pass(49 * s_ns); // with the leeway
    CHECK_FALSE(holds(stream.hear(), "expired"));
    door.place.pass(2 * s_ns);
    const std::string last = stream.hear();
    CHECK(holds(last, "the access token has expired"));
    CHECK(last.ends_with("0\r\n\r\n"));
    of_call.say(json_answer(R"({"jsonrpc":"2.0","id":1,"result":{"content":[]}})"));
    door.place.pass();
    CHECK(status_of(client.hear()) == 200);
    const std::string again = door.answer(
        "GET /mcp/own HTTP/1.1\r\nHost: 127.0.0.1:7070\r\nAccept: text/event-stream\r\n" + with(token) + "\r\n");
    CHECK(status_of(again) == 401);
}
