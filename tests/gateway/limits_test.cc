// tests/gateway/limits_test.cc - a worker at its limits: what is let in, refused, made to wait and given up, and what each
// of them is told.
#include "gateway/place.h"

#include <netinet/in.h>

namespace weir::gateway::test {
namespace {

constexpr uint32_t elsewhere = 0x0a000001; // 10.0.0.1

const std::string ping = R"({"jsonrpc":"2.0","id":1,"method":"ping"})";

/// Servers that ask who comes, so that loopback is no exception.
void not_anonymous(Config& config) {
    for (auto& server : config.servers) server.anonymous = false;
}

/// At least `size` octets, read as they come.
std::string hear_all(Place& place, const Peer& peer, size_t size) {
    std::string text;
    for (int i = 0; i < 200 && text.size() < size; ++i) {
        text += peer.hear();
        place.pass();
    }
    return text;
}

} // namespace

TEST_CASE("connections beyond connections_max are refused and counted, and a closed one makes room") {
    Place place("[limits]\nconnections_max = 3");
    std::vector<Peer> clients;
    for (int i = 0; i < 3; ++i) clients.push_back(place.client());
    const Peer fourth = place.client();
    CHECK(fourth.closed());
    CHECK(place.counters.connections_refused.read() == 1);
    clients[0].leave();
    place.pass();
    const Peer fifth = place.client();
    CHECK_FALSE(fifth.closed());
    CHECK(place.caps->connections.taken() == 3);
}

TEST_CASE("one address has connections_per_address_max connections, and others have theirs") {
    Place place("[limits]\nconnections_per_address_max = 2", not_anonymous);
    std::vector<Peer> clients;
    for (int i = 0; i < 2; ++i) clients.push_back(place.client(elsewhere));
    for (const Peer& client : clients) CHECK_FALSE(client.closed());
    CHECK(place.client(elsewhere).closed());
    CHECK(place.counters.connections_refused.read() == 1);
    CHECK(place.counters.connections_refused_by_address.read() == 1);
    CHECK_FALSE(place.client(elsewhere + 1).closed());
    clients[1].leave();
    place.pass();
    CHECK_FALSE(place.client(elsewhere).closed());
    CHECK(place.client(elsewhere).closed());
}

TEST_CASE("loopback is exempt while clients are anonymous, and only then, and only loopback") {
    const std::string one = "[limits]\nconnections_per_address_max = 1";
    {
        Place place(one);
        CHECK_FALSE(place.client().closed());
        CHECK_FALSE(place.client().closed());
    }
    {
        Place place(one, not_anonymous);
        CHECK_FALSE(place.client().closed());
        CHECK(place.client().closed());
    }
    { // Somebody from elsewhere can only come where an address is not loopback.
        Place place(one, [](Config& config) { config.addresses.front().loopback = false; });
        CHECK_FALSE(place.client().closed());
        CHECK_FALSE(place.client().closed());
        CHECK_FALSE(place.client(elsewhere).closed());
        CHECK(place.client(elsewhere).closed());
    }
}

TEST_CASE("a principal has streams_per_principal_max open event streams, GET streams and subscriptions together") {
    Place place("[limits]\nstreams_per_principal_max = 2");
    const Peer first = place.client(), second = place.client(), third = place.client();
    first.say(get_stream());
    place.pass();
    const Peer upstream = place.server();
    upstream.say(stream_head);
    second.say(modern("subscriptions/listen", R"("notifications":{"toolsListChanged":true})"));
    place.pass();
    place.server().say(stream_head);
    place.pass();
    CHECK(status_of(first.hear()) == 200);
    CHECK(status_of(second.hear()) == 200);

    third.say(get_stream());
    place.pass();
    const std::string refused = third.hear();
    CHECK(status_of(refused) == 429);
    CHECK(refused.find("Retry-After: ") != std::string::npos);
    CHECK(refused.find(R"("code":42901)") != std::string::npos);
    third.say(modern("subscriptions/listen", R"("notifications":{})", 5));
    place.pass();
    const std::string again = third.hear();
    CHECK(status_of(again) == 429);
    CHECK(again.find(R"("id":5)") != std::string::npos);
    CHECK_FALSE(place.called()); // Neither has reached the server.
    CHECK(place.counters.refused[static_cast<size_t>(Error::streams_exceeded)].read() == 2);
    third.say(post(ping)); // What is no open stream goes on.
    place.pass();
    const Peer pinged = place.server();
    CHECK(pinged.hear().starts_with("POST "));
    pinged.say(json_answer(R"({"jsonrpc":"2.0","id":1,"result":{}})"));
    place.pass();
    CHECK(status_of(third.hear()) == 200);

    first.leave(); // And a stream that ended makes room.
    place.pass();
    third.say(get_stream());
    place.pass();
    CHECK(pinged.hear().starts_with("GET "));
}

TEST_CASE(
    "from 70 % of memory_bytes_max on bodies wait unread, and go on when there is room, as if no time had passed") {
    Place place({}, [](Config& config) { config.limits.memory_bytes_max = 4 << 20; });
    const std::string body =
        R"({"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":")" + std::string(900'000, 'x') + "\"}}";
    // Three bodies that have their memory, 1 MiB each: less than 70 % before the third, more after.
    std::vector<Peer> early;
    for (int i = 0; i < 3; ++i) {
        early.push_back(place.client());
        early.back().say(post(body.substr(0, 1000), body.size()));
        place.pass();
    }
    CHECK(place.counters.bodies_held_back.read() == 0);
    const Peer late = place.client(), chunked = place.client();
    late.say(post(body.substr(0, 1000), body.size()));
    chunked.say(
        "POST /mcp/own HTTP/1.1\r\nHost: 127.0.0.1:7070\r\nContent-Type: application/json\r\nAccept: "
        "application/json, text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n" +
        chunk(body.substr(0, 1000)));
    place.pass();
    CHECK(place.counters.bodies_held_back.read() == 2);
    const size_t before = place.worker->buffers.lent_bytes();
    late.say(body.substr(1000));
    chunked.say(chunk(body.substr(1000)) + "0\r\n\r\n");
    for (size_t i = 0; i < 10; ++i) { // They would be too slow, if it were they; the others are not.
        for (const Peer& peer : early) peer.say(body.substr(1000 + 3000 * i, 3000));
        place.pass(1 * s_ns);
    }
    CHECK(place.worker->buffers.lent_bytes() <= before + (64 << 10));
    CHECK(late.hear().empty());
    CHECK_FALSE(place.called());
    // Those that had their memory are read to their end; the others then.
    for (const Peer& peer : early) peer.leave();
    place.pass();
    const Peer one = place.server(), other = place.server();
    for (const Peer* server : {&one, &other}) {
        CHECK(hear_all(place, *server, body.size()).ends_with(body));
        server->say(json_answer(R"({"jsonrpc":"2.0","id":1,"result":{}})"));
    }
    place.pass();
    CHECK(status_of(late.hear()) == 200);
    CHECK(status_of(chunked.hear()) == 200);
}

TEST_CASE("from 85 % on new requests are refused: 503, Retry-After, the end of the connection") {
    Place place({}, [](Config& config) {
        config.limits.memory_bytes_max = 3 << 20;
        config.limits.body_ns_max = 3600 * s_ns; // of those that hold the memory
        config.limits.body_rate_bytes_min = 0;
    });
    std::vector<Peer> hungry;
    for (int i = 0; i < 3; ++i) { // 1 MiB each: with the third it is all.
        hungry.push_back(place.client());
        hungry.back().say(post("{", 900'000));
        place.pass();
    }
    CHECK(place.counters.bodies_held_back.read() == 0);
    const Peer small = place.client();
    small.say(post(ping));
    place.pass();
    const std::string refused = small.hear();
    CHECK(status_of(refused) == 503);
    CHECK(refused.find("Retry-After: ") != std::string::npos);
    CHECK(refused.find(R"("code":50301)") != std::string::npos);
    CHECK(place.counters.refused[static_cast<size_t>(Error::overloaded)].read() == 1);
    CHECK(small.closed());
    CHECK_FALSE(place.called());
    hungry[0].leave();
    place.pass(1 * s_ns);
    const Peer small_again = place.client(); // 67 %: new ones are let in.
    small_again.say(post(ping));
    place.pass();
    CHECK(place.called());
}

TEST_CASE("a body that has waited for memory for body_max is refused: 503") {
    Place place({}, [](Config& config) { config.limits.memory_bytes_max = 5 << 20; });
    const auto lent = place.worker->buffers.lend(4 << 20);
    const Peer late = place.client();
    late.say(post("{", 900'000));
    place.pass();
    CHECK(place.counters.bodies_held_back.read() == 1);
    place.pass(29 * s_ns);
    CHECK(late.hear().empty());
    place.pass(2 * s_ns);
    CHECK(status_of(late.hear()) == 503);
    place.worker->buffers.give_back(lent);
}

TEST_CASE(
    "who asks before sending a body (Expect: 100-continue) hears 100 when there is room for it, and not what it cannot "
    "do") {
    const std::string expect = "Expect: 100-continue\r\n", yes = "HTTP/1.1 100 Continue\r\n\r\n";
    Place place({}, [](Config& config) { config.limits.memory_bytes_max = 5 << 20; });
    const Peer client = place.client();
    SECTION("a good head: 100 once, and then the answer") {
        const std::string whole = post(ping, SIZE_MAX, expect);
        client.say(whole.substr(0, whole.size() - ping.size()));
        place.pass();
        CHECK(client.hear() == yes);
        client.say(ping.substr(0, 10));
        place.pass();
        CHECK(client.hear().empty());
        client.say(ping.substr(10));
        place.pass();
        place.server().say(json_answer(R"({"jsonrpc":"2.0","id":1,"result":{}})"));
        place.pass();
        CHECK(status_of(client.hear()) == 200);
    }
    SECTION("a body that comes with its head was not held back") {
        client.say(post(ping, SIZE_MAX, expect));
        place.pass();
        place.server().say(json_answer(R"({"jsonrpc":"2.0","id":1,"result":{}})"));
        place.pass();
        CHECK(status_of(client.hear()) == 200);
    }
    SECTION("a body of a length that is too much: 413") {
        client.say(post("", (4 << 20) + 1, expect));
        place.pass();
        CHECK(status_of(client.hear()) == 413);
    }
    SECTION("no memory now: 100 when there is some") {
        const auto lent = place.worker->buffers.lend(4 << 20);
        const std::string whole = post(ping, SIZE_MAX, expect);
        client.say(whole.substr(0, whole.size() - ping.size()));
        place.pass(1 * s_ns);
        CHECK(client.hear().empty());
        place.worker->buffers.give_back(lent);
        place.pass(1 * s_ns);
        CHECK(client.hear() == yes);
    }
}

TEST_CASE("from 95 % on idle connections are closed, of clients and to servers, and no others") {
    Place place({}, [](Config& config) {
        config.limits.memory_bytes_max = 3 << 20;
        config.limits.upstream_idle_ns_max = 3600 * s_ns;
    });
    const Peer idle = place.client(), silent = place.client(), busy = place.client();
    idle.say(post(ping));
    place.pass();
    const Peer pooled = place.server();
    pooled.say(json_answer(R"({"jsonrpc":"2.0","id":1,"result":{}})"));
    place.pass();
    CHECK(status_of(idle.hear()) == 200);
    busy.say(get_stream());
    place.pass();
    pooled.say(stream_head); // The pooled connection carries it.
    idle.say(post(ping));
    place.pass();
    const Peer second = place.server();
    second.say(json_answer(R"({"jsonrpc":"2.0","id":1,"result":{}})"));
    place.pass();
    CHECK(status_of(idle.hear()) == 200);
    std::vector<Peer> hungry;
    for (int i = 0; i < 3; ++i) {
        CHECK_FALSE(idle.closed());
        CHECK_FALSE(second.closed());
        hungry.push_back(place.client());
        hungry.back().say(post("{", 900'000));
        place.pass();
    }
    place.pass(200 * ms_ns);
    CHECK(idle.closed());
    CHECK(silent.closed());
    CHECK(second.closed());
    CHECK_FALSE(busy.closed());
    CHECK_FALSE(pooled.closed());
    for (const Peer& peer : hungry) CHECK_FALSE(peer.closed());
    CHECK(place.counters.idle_closed.read() == 3);
}

TEST_CASE("an answer that grows when there is no memory left is given up: 503, without a word of trying again") {
    Place place({}, [](Config& config) { config.limits.memory_bytes_max = 2 << 20; });
    const Peer client = place.client();
    client.say(post(ping));
    place.pass();
    const Peer server = place.server();
    server.say("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 10000000\r\n\r\n");
    server.say(std::string(3'000'000, ' '));
    place.pass(100 * ms_ns);
    server.say(std::string(1'000'000, ' '));
    place.pass(100 * ms_ns);
    const std::string answer = client.hear();
    CHECK(status_of(answer) == 503);
    CHECK(answer.find("try again") == std::string::npos);
    CHECK(place.counters.ambiguous.read() == 1);
    CHECK(server.closed());
}

TEST_CASE("connections to servers beyond upstream_links_max: 503") {
    Place place("[limits]\nupstream_links_max = 1");
    const Peer first = place.client(), second = place.client();
    first.say(post(ping));
    place.pass();
    const Peer server = place.server();
    second.say(post(ping));
    place.pass();
    const std::string refused = second.hear();
    CHECK(status_of(refused) == 503);
    CHECK(refused.find(R"("code":50301)") != std::string::npos);
    CHECK_FALSE(place.called());
    server.say(json_answer(R"({"jsonrpc":"2.0","id":1,"result":{}})"));
    place.pass();
    CHECK(status_of(first.hear()) == 200);
    second.say(post(ping));
    place.pass();
    server.say(json_answer(R"({"jsonrpc":"2.0","id":1,"result":{}})"));
    place.pass();
    CHECK(status_of(second.hear()) == 200);
}

TEST_CASE("weir_overhead_seconds has one observation for each request, of all turns in which it was worked on") {
    Place place;
    const Histogram& overhead = place.counters.overhead;
    const auto observed = [&overhead] {
        uint64_t count = 0;
        for (const auto& bucket : overhead.counts) count += bucket.read();
        return count;
    };
    const std::string refused = "POST /nowhere HTTP/1.1\r\nHost: 127.0.0.1:7070\r\nContent-Length: 0\r\n\r\n";
    const Peer client = place.client(), stream = place.client(), watching = place.client(loopback, admin_port);
    client.say(refused); // One turn: the toy kernel says that each takes a microsecond.
    place.pass();
    CHECK(observed() == 1);
    CHECK(overhead.sum_ns.read() == 1000);
    client.say(post(ping));
    place.pass();
    CHECK(observed() == 1); // It is not over.
    const Peer server = place.server();
    server.say(json_answer(R"({"jsonrpc":"2.0","id":1,"result":{}})"));
    place.pass();
    CHECK(observed() == 2);
    CHECK(overhead.sum_ns.read() >= 1000 + 3 * 1000); // asked, connected, answered
    for (uint64_t i = 0; i < 5; ++i) {
        client.say(post(ping));
        place.pass();
        server.say(json_answer(R"({"jsonrpc":"2.0","id":1,"result":{}})"));
        place.pass();
        CHECK(observed() == 3 + i);
    }
    client.say(refused + refused + refused); // in one turn
    place.pass();
    CHECK(observed() == 10);
    const uint64_t before_ns = overhead.sum_ns.read();
    watching.say("GET /livez HTTP/1.1\r\nHost: 127.0.0.1:7071\r\n\r\nPUT /livez HTTP/1.1\r\n");
    stream.say(get_stream());
    place.pass();
    stream.leave();
    place.pass(1 * s_ns);
    CHECK(place.counters.exchanges_open.read() == 0);
    CHECK(observed() == 10);
    CHECK(overhead.sum_ns.read() == before_ns);
}

TEST_CASE("after a huge event the scanner's memory is given back") {
    Place place;
    const Peer client = place.client();
    client.say(get_stream());
    place.pass();
    const Peer server = place.server();
    server.say(stream_head);
    std::string data = R"({"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":[0)";
    for (int i = 0; i < 1'000'000; ++i) data += ",0";
    data += "]}}";
    server.say(chunk("data: " + data + "\n\n"));
    CHECK(hear_all(place, client, data.size()).size() > data.size());
    CHECK(place.worker->scanner.largest() < (1 << 20));
}

} // namespace weir::gateway::test
