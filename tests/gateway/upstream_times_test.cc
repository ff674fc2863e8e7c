// tests/gateway/upstream_times_test.cc - how long a server may take for what: to be reached, to begin its answer, to go on
// with it, and how long its connection is kept afterwards; and what becomes of a call for which there is no socket.
#include "gateway/place.h"

#include <catch2/generators/catch_generators.hpp>

namespace weir::gateway::test {
namespace {

const std::string call = R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"a","arguments":{}}})";
const std::string answer = R"({"jsonrpc":"2.0","id":7,"result":{"content":[]}})";
const std::string limits =
    "[limits]\nupstream_connect_max = \"1s\"\nupstream_first_octet_max = \"5s\"\nupstream_silence_max = \"2s\"\n"
    "heartbeat = \"1s\"";

bool holds(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }
bool is_whole(const std::string& text) { return text.ends_with("0\r\n\r\n"); }

std::string progress(int number) {
    return chunk(R"(data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":)" +
                 std::to_string(number) + "}}\n\n");
}

/// A call that has reached its server.
struct Asked {
    explicit Asked(Place& at, const std::string& request = post(call)) : place(at), client(at.client()) {
        client.say(request);
        place.pass();
        server = std::make_unique<Peer>(place.server());
    }
    uint64_t ambiguous() const { return place.counters.ambiguous.read(); }
    Place& place;
    Peer client;
    std::unique_ptr<Peer> server;
};

} // namespace

TEST_CASE("a server that does not accept within upstream_connect_max is 502, and nothing was forwarded") {
    Place place(limits);
    place.net.faults.connect_never_percent = 100;
    place.net.faults_on = true;
    const Peer client = place.client();
    client.say(post(call));
    place.pass(950 * ms_ns);
    CHECK(client.hear().empty());
    place.pass(100 * ms_ns);
    const std::string said = client.hear();
    CHECK(status_of(said) == 502);
    CHECK(holds(said, R"("id":7)"));
    CHECK(place.counters.forwarded.read() == 0);
    CHECK(place.counters.ambiguous.read() == 0);
    CHECK(place.counters.upstream_connect_failures.read() == 1);
    CHECK(place.caps->upstream_links.taken() == 0);
}

TEST_CASE("a call for which there is no socket is 503 at once, and leaves nothing behind") {
    Place place(limits);
    place.net.faults.no_socket_percent = 100;
    place.net.faults_on = true;
    const Peer client = place.client();
    for (int i = 0; i < 3; ++i) {
        client.say(post(call));
        place.pass();
        const std::string said = client.hear();
        CHECK(status_of(said) == 503);
        CHECK(holds(said, R"("code":50301)"));
    }
    CHECK(place.counters.upstream_links_open.read() == 0);
    CHECK(place.caps->upstream_links.taken() == 0);
    place.net.faults_on = false;
    client.say(post(call));
    place.pass();
    place.server().say(json_answer(answer));
    place.pass();
    CHECK(status_of(client.hear()) == 200);
}

TEST_CASE("a server that says nothing for upstream_first_octet_max is 504, and the call is ambiguous") {
    Place place(limits);
    Asked asked(place);
    place.pass(4'900 * ms_ns);
    CHECK(asked.client.hear().empty());
    place.pass(200 * ms_ns);
    const std::string said = asked.client.hear();
    CHECK(status_of(said) == 504);
    CHECK(holds(said, R"("id":7)"));
    CHECK(asked.server->closed());
    CHECK(asked.ambiguous() == 1);
}

TEST_CASE("an answer that stops coming for upstream_silence_max is 504, and ambiguous; one that goes on is not") {
    Place place(limits);
    Asked asked(place);
    const std::string whole = json_answer(answer);
    const bool begins = GENERATE(true, false); // with some of its body, or with its head alone
    const size_t head = whole.find("\r\n\r\n") + 4 + (begins ? 5 : 0);
    asked.server->say(whole.substr(0, head));
    for (size_t i = 0; i < 4; ++i) { // All in all longer than the limit.
        place.pass(1'900 * ms_ns);
        if (begins) asked.server->say(whole.substr(head + i, 1));
    }
    if (begins) {
        CHECK(asked.client.hear().empty());
        place.pass(1'900 * ms_ns);
        CHECK(asked.client.hear().empty());
        place.pass(200 * ms_ns);
    }
    CHECK(status_of(asked.client.hear()) == 504);
    CHECK(asked.server->closed());
    CHECK(asked.ambiguous() == 1);
}

TEST_CASE(
    "a call's event stream that is silent for upstream_silence_max ends with an error under its id, and is ambiguous") {
    Place place(limits);
    Asked asked(place);
    const std::string id = GENERATE(as<std::string>{}, "", "id: 1\n"); // whether its client could take it up again
    asked.server->say(stream_head +
                      chunk(id + "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":"
                                 "{\"level\":\"info\",\"data\":1}}\n\n"));
    place.pass();
    CHECK(holds(asked.client.hear(), "notifications/message"));
    for (int i = 0; i < 4; ++i) { // Whatever comes is no silence, a comment too.
        place.pass(1'900 * ms_ns);
        asked.server->say(i % 2 == 0 ? chunk(":\n\n") : progress(i));
    }
    place.pass(1'900 * ms_ns);
    const std::string so_far = asked.client.hear();
    CHECK(holds(so_far, "\"progress\":3"));
    CHECK_FALSE(is_whole(so_far));
    CHECK_FALSE(asked.server->closed());
    place.pass(200 * ms_ns);
    const std::string last = asked.client.hear();
    CHECK(holds(
        last,
        R"(data: {"jsonrpc":"2.0","id":7,"error":{"code":-32603,"message":"the MCP server did not answer in time")"));
    CHECK(is_whole(last));
    CHECK(asked.server->closed());
    CHECK(asked.ambiguous() == 1);
    CHECK(place.counters.refused[static_cast<size_t>(Error::upstream_timeout)].read() == 1);
    // Its client's connection is as good as ever.
    asked.client.say(post(call));
    place.pass();
    place.server().say(json_answer(answer));
    place.pass();
    CHECK(status_of(asked.client.hear()) == 200);
}

TEST_CASE("a stream that its server ends before the answer is no answer, whether its client takes it up again or not") {
    Place place(limits);
    Asked asked(place);
    const bool taken_up = GENERATE(true, false), broken_off = GENERATE(true, false);
    CAPTURE(taken_up, broken_off);
    asked.server->say(stream_head + chunk(std::string(taken_up ? "id: 1\n" : "") + "data:\n\n") +
                      (broken_off ? "" : "0\r\n\r\n"));
    if (broken_off) asked.server->leave();
    place.pass();
    const std::string said = asked.client.hear();
    CHECK(status_of(said) == 200);
    CHECK(is_whole(said));
    CHECK(holds(said, R"("id":7,"error")") == !taken_up);
    CHECK(asked.ambiguous() == 1);
    CHECK(place.counters.answered.read() == 0);
}

TEST_CASE("a stream that has not said anything at all ends in the same way") {
    Place place(limits);
    Asked asked(place);
    asked.server->say(stream_head);
    place.pass(1'900 * ms_ns);
    CHECK(status_of(asked.client.hear()) == 200);
    place.pass(200 * ms_ns);
    const std::string last = asked.client.hear();
    CHECK(holds(last, R"("id":7,"error")"));
    CHECK(is_whole(last));
    CHECK(asked.ambiguous() == 1);
}

TEST_CASE("while a server waits for its client's answer its silence is not its own") {
    Place place(limits);
    Asked asked(place);
    asked.server->say(
        stream_head +
        chunk("data: {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"elicitation/create\",\"params\":"
              "{\"message\":\"sure?\",\"requestedSchema\":{\"type\":\"object\",\"properties\":{}}}}\n\n"));
    place.pass(30 * s_ns);
    CHECK(holds(asked.client.hear(), "elicitation/create"));
    CHECK_FALSE(asked.server->closed());
    asked.server->say(progress(1)); // It goes on: its time runs again.
    place.pass(10 * s_ns);
    CHECK(holds(asked.client.hear(), R"("id":7,"error")"));
    CHECK(asked.server->closed());
    CHECK(asked.ambiguous() == 1);
}

TEST_CASE("a server may have its own silence_max") {
    Place place(limits, [](Config& config) { config.servers[0].silence_ns_max = 20 * s_ns; });
    Asked asked(place);
    asked.server->say(stream_head);
    place.pass(19 * s_ns);
    CHECK_FALSE(asked.server->closed());
    asked.server->say(chunk("data: " + answer + "\n\n") + "0\r\n\r\n");
    place.pass();
    CHECK(holds(asked.client.hear(), R"("content":[])"));
    CHECK(asked.ambiguous() == 0);
}

TEST_CASE("streams that are open for their own sake may be silent for as long as they like") {
    Place place(limits);
    const bool get = GENERATE(true, false);
    Asked asked(place,
                get ? get_stream() : modern("subscriptions/listen", R"("notifications":{"toolsListChanged":true})", 5));
    asked.server->say(stream_head);
    place.pass(60 * s_ns);
    CHECK_FALSE(asked.server->closed());
    CHECK_FALSE(is_whole(asked.client.hear()));
    CHECK(asked.ambiguous() == 0);
}

TEST_CASE("while a client does not read, its server's silence is weir's own") {
    Place place(limits + "\nwrite_stall_max = \"10s\"\nwrite_queue_bytes_max = \"64KiB\"");
    Asked asked(place);
    const std::string large(1'000'000, 'x');
    asked.server->say(stream_head + chunk("data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":"
                                          "{\"level\":\"info\",\"data\":\"" +
                                          large + "\"}}\n\n"));
    place.pass(6 * s_ns);
    CHECK_FALSE(asked.server->closed());
    std::string said;
    for (int i = 0; i < 100 && said.size() < large.size(); ++i) {
        said += asked.client.hear();
        place.pass();
    }
    CHECK(said.size() > large.size());
    asked.server->say(chunk("data: " + answer + "\n\n") + "0\r\n\r\n");
    place.pass();
    CHECK(holds(asked.client.hear(), R"("content":[])"));
    CHECK(asked.ambiguous() == 0);
}

TEST_CASE("a connection is kept a second less than its server says, and no longer than upstream_idle_max") {
    Place place("[limits]\nupstream_idle_max = \"4s\"");
    struct Row {
        const char* field;
        uint64_t kept_ms; // 0: not at all
    };
    const Row row = GENERATE(Row{"", 4000}, Row{"Keep-Alive: timeout=3\r\n", 2000},
                             Row{"Keep-Alive: timeout=2, max=100\r\n", 1000}, Row{"Keep-Alive: timeout=60\r\n", 4000},
                             Row{"Keep-Alive: timeout=1\r\n", 0}, Row{"Connection: close\r\n", 0});
    INFO(row.field);
    Asked asked(place);
    std::string said = json_answer(answer);
    asked.server->say(said.insert(said.find("\r\n") + 2, row.field));
    place.pass();
    CHECK(status_of(asked.client.hear()) == 200);
    if (row.kept_ms != 0) {
        place.pass((row.kept_ms - 100) * ms_ns);
        CHECK_FALSE(asked.server->closed());
        place.pass(200 * ms_ns);
    }
    CHECK(asked.server->closed());
    CHECK(place.caps->upstream_links.taken() == 0);
}

} // namespace weir::gateway::test
