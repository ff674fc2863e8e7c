// tests/gateway/drain_test.cc - a worker that drains: nothing new is taken, what runs may end, whoever still waits is told
// in time, and each in the form that its client reads.
#include "gateway/place.h"

namespace weir::gateway::test {
namespace {

const std::string call = R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"a","arguments":{}}})";
const std::string limits = "[limits]\ndrain_max = \"10s\"";

std::string progress(int number) {
    return chunk(R"(data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":)" +
                 std::to_string(number) + "}}\n\n");
}

bool holds(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }
/// The end of a chunked answer: what is not cut off.
bool is_whole(const std::string& text) { return text.ends_with("0\r\n\r\n"); }

} // namespace

TEST_CASE("draining closes the listener and idle connections at once, and refuses what is asked now: 503") {
    Place place(limits);
    const Peer idle = place.client(), early = place.client();
    early.say("POST /mcp/own HTTP/1.1\r\n");
    place.pass();
    place.worker->drain();
    place.pass();
    CHECK_FALSE(place.listens());
    CHECK(idle.closed());
    CHECK_FALSE(early.closed());
    early.say(post(call).substr(24));
    place.pass();
    const std::string refused = early.hear();
    CHECK(status_of(refused) == 503);
    CHECK(holds(refused, R"("code":50303)"));
    CHECK(early.closed());
    early.leave();
    place.pass();
    CHECK_FALSE(place.called());
    CHECK(place.drained); // Nothing was left to wait for.
}

TEST_CASE("a call that ends within the drain is answered as ever") {
    Place place(limits);
    const Peer client = place.client();
    client.say(post(call));
    place.pass();
    const Peer server = place.server();
    place.worker->drain();
    place.pass(8 * s_ns);
    CHECK(client.hear().empty());
    server.say(json_answer(R"({"jsonrpc":"2.0","id":7,"result":{"content":[]}})"));
    place.pass();
    const std::string answer = client.hear();
    CHECK(status_of(answer) == 200);
    CHECK(holds(answer, R"("content":[])"));
    CHECK(client.closed());
    client.leave();
    place.pass();
    CHECK(place.drained);
}

TEST_CASE("a call that does not end within the drain is told so before the cut, and is ambiguous") {
    Place place(limits);
    const Peer client = place.client();
    client.say(post(call));
    place.pass();
    const Peer server = place.server();
    place.worker->drain();
    place.pass(8'900 * ms_ns);
    CHECK(client.hear().empty());
    place.pass(200 * ms_ns);
    const std::string answer = client.hear();
    CHECK(status_of(answer) == 503);
    CHECK(holds(answer, R"("id":7)"));
    CHECK(holds(answer, R"("code":50303)"));
    CHECK(server.closed());
    CHECK(place.counters.ambiguous.read() == 1);
    place.pass(1 * s_ns);
    CHECK(place.drained);
}

TEST_CASE("a GET stream gets a last event that every client reads, with when to come back, and ends at once") {
    Place place(limits);
    const Peer client = place.client();
    client.say(get_stream());
    place.pass();
    const Peer server = place.server();
    server.say(stream_head + progress(1));
    place.pass();
    CHECK(holds(client.hear(), "\"progress\":1"));
    place.worker->drain();
    place.pass();
    const std::string last = client.hear();
    CHECK(holds(last, "retry: "));
    CHECK(holds(
        last, R"(data: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"notice","logger":"weir")"));
    CHECK_FALSE(holds(last, "\nid:"));
    CHECK(is_whole(last));
    CHECK(client.closed());
    CHECK(server.closed());
    CHECK(place.counters.ambiguous.read() == 0);
    client.leave();
    place.pass();
    CHECK(place.drained);
}

TEST_CASE("a GET stream that the server has not answered yet is refused at once") {
    Place place(limits);
    const Peer client = place.client();
    client.say(get_stream());
    place.pass();
    place.worker->drain();
    place.pass();
    CHECK(status_of(client.hear()) == 503);
    CHECK(place.counters.ambiguous.read() == 0);
}

TEST_CASE("a subscription gets its graceful end at once") {
    Place place(limits);
    const Peer client = place.client();
    client.say(modern("subscriptions/listen", R"("notifications":{"toolsListChanged":true})", 5));
    place.pass();
    const Peer server = place.server();
    server.say(stream_head);
    place.pass();
    CHECK(status_of(client.hear()) == 200);
    place.worker->drain();
    place.pass();
    const std::string last = client.hear();
    CHECK(holds(last, R"("id":5)"));
    CHECK(holds(last, R"("resultType":"complete")"));
    CHECK(holds(last, R"("io.modelcontextprotocol/subscriptionId":5)"));
    CHECK(is_whole(last));
    CHECK(client.closed());
    CHECK(server.closed());
    CHECK(place.counters.ambiguous.read() == 0);
}

TEST_CASE("a call's stream goes on while it may, and ends with an error when it may no longer") {
    Place place(limits);
    const Peer client = place.client();
    client.say(post(call));
    place.pass();
    const Peer server = place.server();
    server.say(stream_head + progress(1));
    place.pass();
    place.worker->drain();
    place.pass(5 * s_ns);
    server.say(progress(2));
    place.pass();
    const std::string so_far = client.hear();
    CHECK(holds(so_far, "\"progress\":2"));
    CHECK_FALSE(is_whole(so_far));
    place.pass(4'100 * ms_ns);
    const std::string last = client.hear();
    CHECK(holds(last, R"(data: {"jsonrpc":"2.0","id":7,"error":{"code":50303)"));
    CHECK(is_whole(last));
    CHECK(place.counters.ambiguous.read() == 1);
    place.pass(1 * s_ns);
    CHECK(place.drained);
}

TEST_CASE("a call's stream that can be taken up again ends with when to do that, and without an answer") {
    Place place(limits);
    const Peer client = place.client();
    client.say(post(call));
    place.pass();
    const Peer server = place.server();
    server.say(stream_head + chunk("id: 1\ndata:\n\n"));
    place.pass();
    CHECK(holds(client.hear(), "id: "));
    place.worker->drain();
    place.pass(8'900 * ms_ns);
    CHECK(client.hear().empty());
    place.pass(200 * ms_ns);
    const std::string last = client.hear();
    CHECK(holds(last, "retry: "));
    CHECK_FALSE(holds(last, "\"error\""));
    CHECK(is_whole(last));
    CHECK(place.counters.ambiguous.read() == 1);
}

TEST_CASE("a request that never comes whole, and a client that reads nothing, do not keep it beyond the drain") {
    Place place(
        "[limits]\ndrain_max = \"10s\"\nhead_max = \"1h\"\nbody_max = \"1h\"\nbody_rate_bytes_min = 0\nwrite_stall_max "
        "= \"1h\"");
    const Peer head = place.client(), body = place.client(), stuck = place.client();
    head.say("POST /mcp/own HTTP/1.1\r\n");
    body.say(post("{", 1000));
    stuck.say(post(call));
    place.pass();
    place.server().say(
        json_answer(R"({"jsonrpc":"2.0","id":7,"result":{"a":")" + std::string(2'000'000, 'x') + "\"}}"));
    place.pass(100 * ms_ns);
    place.worker->drain();
    place.pass(9'100 * ms_ns);
    CHECK(status_of(head.hear()) == 503);
    CHECK(status_of(body.hear()) == 503);
    CHECK_FALSE(place.drained);
    place.pass(1 * s_ns);
    CHECK(place.drained);
}

TEST_CASE("the admin listener answers until the drain is over") {
    Place place(limits);
    const Peer client = place.client(), watching = place.client(loopback, admin_port);
    client.say(post(call));
    place.pass();
    const Peer server = place.server();
    place.worker->drain();
    place.pass();
    const std::string question = "GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:7071\r\n\r\n";
    for (int i = 0; i < 2; ++i) { // On a connection that was open before, which stays open, and on a new one.
        watching.say(question);
        const Peer late = place.client(loopback, admin_port);
        late.say(question);
        place.pass();
        CHECK(status_of(watching.hear()) == 200);
        CHECK(status_of(late.hear()) == 200);
    }
    server.say(json_answer(R"({"jsonrpc":"2.0","id":7,"result":{}})"));
    place.pass();
    client.leave();
    place.pass();
    CHECK_FALSE(place.listens(admin_port));
    CHECK(watching.closed());
    CHECK(place.drained);
}

} // namespace weir::gateway::test
