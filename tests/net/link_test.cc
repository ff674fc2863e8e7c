// tests/net/link_test.cc - a link gives its bytes whole and in order, pushes back, and nothing outlives its end.
#include "bench.h"

using namespace weir;
using namespace weir::net;
using namespace weir::net::test;

namespace {

/// Text in which every position differs from its neighbours, so that a lost or doubled piece shows.
std::string pattern(size_t size) {
    std::string text;
    for (unsigned i = 0; text.size() < size; ++i) text += std::to_string(i) + ",";
    text.resize(size);
    return text;
}

} // namespace

TEST_CASE("what arrives in pieces is one contiguous input, and what is consumed is gone") {
    Bench bench;
    const Connection connection(bench);
    auto& link = const_cast<Link&>(connection.link);
    connection.say("one ");
    bench.turn_until([&] { return connection.input().size() == 4; });
    connection.say("two ");
    bench.turn_until([&] { return connection.input().size() == 8; });
    CHECK(connection.input() == "one two ");
    link.consume(4);
    CHECK(connection.input() == "two ");
    link.leave_slab();
    CHECK(connection.input() == "two ");
    connection.say("three");
    bench.turn_until([&] { return connection.input().size() == 9; });
    CHECK(connection.input() == "two three");
    link.consume(9);
    CHECK(connection.input().empty());
    CHECK(link.bytes_in() == 13);
    CHECK_FALSE(link.ended());
}

TEST_CASE("input that is left at the end of a turn leaves its slab") {
    Bench bench;
    Connection connection(bench);
    connection.say("waits");
    bench.turn_until([&] { return connection.input() == "waits"; });
    CHECK(bench.ring->slabs_free() == bench.ring->slabs_total() - 1);
    connection.link.leave_slab();
    CHECK(bench.ring->slabs_free() == bench.ring->slabs_total());
    CHECK(connection.input() == "waits");
    const Link::Taken taken = connection.link.take_input();
    CHECK(taken.text() == "waits");
    CHECK(connection.input().empty());
}

TEST_CASE("a link that is not read stops receiving soon after its window, and loses nothing") {
    const ring::KernelRingOptions options{.slabs = 8};
    Bench bench(options);
    Connection connection(bench);
    // Until the pause has reached the kernel, it may fill the slabs there are, and once more those given back.
    const size_t window = 64 << 10, beyond = size_t{2} * options.slabs * options.slab_bytes;
    const std::string sent = pattern(16 << 20); // more than the two sockets hold
    size_t said = 0;
    const auto say_more = [&] {
        const ssize_t done =
            ::send(connection.peer, sent.data() + said, sent.size() - said, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (done > 0) said += static_cast<size_t>(done);
    };
    bench.turn_until([&] {
        say_more();
        connection.link.leave_slab();
        return connection.input().size() >= window;
    });
    for (int i = 0; i < 20; ++i) { // the peer goes on; the link does not
        say_more();
        bench.turn();
        connection.link.leave_slab();
    }
    CHECK(connection.input().size() < window + beyond);
    CHECK(said < sent.size());

    std::string got;
    bench.turn_until([&] {
        got += connection.input();
        connection.link.consume(connection.input().size());
        say_more();
        return got.size() == sent.size();
    });
    CHECK(got == sent);
}

TEST_CASE("a wider window lets a whole body in") {
    Bench bench;
    Connection connection(bench);
    const std::string sent = pattern(400 << 10);
    connection.link.set_window(sent.size());
    size_t said = 0;
    bench.turn_until([&] {
        const ssize_t done =
            ::send(connection.peer, sent.data() + said, sent.size() - said, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (done > 0) said += static_cast<size_t>(done);
        connection.link.leave_slab();
        return connection.input().size() == sent.size();
    });
    CHECK(connection.input() == sent);
}

TEST_CASE("without a free slab a link receives in bulk, and arms again") {
    Bench bench({.slabs = 2, .slab_bytes = 4096});
    Connection connection(bench);
    const std::string sent = pattern(40'000);
    connection.say(sent);
    bench.turn_until([&] { return connection.input().size() == sent.size(); });
    CHECK(connection.input() == sent);
    connection.link.consume(sent.size());
    connection.say("after");
    bench.turn_until([&] { return connection.input() == "after"; });
    CHECK(bench.ring->slabs_free() >= 1);
}

TEST_CASE("reading pauses and resumes, even before the pause has reached the kernel") {
    Bench bench;
    Connection connection(bench);
    bench.turn();
    connection.link.pause_reading();
    connection.link.resume_reading();
    connection.say("a");
    bench.turn_until([&] { return connection.input() == "a"; });
    connection.link.pause_reading();
    bench.turn();
    connection.say("b");
    for (int i = 0; i < 3; ++i) bench.turn();
    CHECK(connection.input() == "a");
    connection.link.resume_reading();
    bench.turn_until([&] { return connection.input() == "ab"; });
}

TEST_CASE("a link that is held receives nothing, whatever its window, until it is let read on") {
    Bench bench;
    Connection connection(bench);
    connection.say("a");
    bench.turn_until([&] { return connection.input() == "a"; });
    connection.link.hold_reading();
    for (int i = 0; i < 3; ++i) bench.turn();
    connection.say("b");
    connection.link.set_window(1 << 20);
    connection.link.pause_reading();
    connection.link.resume_reading();
    connection.link.consume(1);
    for (int i = 0; i < 3; ++i) bench.turn();
    connection.link.receive_bulk();
    CHECK(connection.input().empty());
    connection.link.let_read_on();
    bench.turn_until([&] { return connection.input() == "b"; });
    connection.link.hold_reading(); // And even before that has reached the kernel.
    connection.link.let_read_on();
    connection.say("c");
    bench.turn_until([&] { return connection.input() == "bc"; });
}

TEST_CASE("the peer's end is told after its last byte") {
    Bench bench;
    Connection connection(bench);
    connection.say("last");
    connection.hang_up();
    bench.turn_until([&] { return connection.link.ended(); });
    CHECK(connection.input() == "last");
    CHECK(connection.link.error() == 0);
    CHECK(connection.link.state() == Link::State::open);
}

TEST_CASE("a reset that came before the octets in front of it were taken is told once the link looks") {
    Bench bench;
    Connection connection(bench);
    connection.say("last");
    const linger at_once{1, 0};
    REQUIRE(::setsockopt(connection.peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
    connection.hang_up();
    bench.turn_until([&] { return connection.link.input().size == 4 || connection.link.ended(); });
    connection.link.look_for_reset();
    CHECK(connection.link.ended());
    CHECK(connection.link.error() == -ECONNRESET);
}

TEST_CASE("a link that looks for a reset takes nothing, and leaves an end to the receive") {
    Bench bench;
    Connection connection(bench);
    connection.say("one");
    bench.turn_until([&] { return connection.link.input().size == 3; });
    connection.link.look_for_reset();
    CHECK_FALSE(connection.link.ended());
    connection.say("two");
    connection.hang_up();
    bench.turn_until([&] { return connection.link.ended(); });
    CHECK(connection.link.input().text() == "onetwo");
    CHECK(connection.link.error() == 0);
}

TEST_CASE("what is flushed arrives in order, also what was appended while a send was under way") {
    Bench bench;
    Connection connection(bench);
    const std::string sent = pattern(2 << 20);
    std::string heard;
    size_t appended = 0;
    bench.turn_until([&] {
        if (appended < sent.size()) {
            const size_t piece = std::min<size_t>(100'000, sent.size() - appended);
            connection.link.out().append(std::string_view(sent).substr(appended, piece));
            appended += piece;
        }
        connection.link.flush();
        heard += connection.hear();
        return heard.size() == sent.size() && connection.link.flushed();
    });
    CHECK(heard == sent);
    CHECK(connection.link.unsent() == 0);
    CHECK(connection.link.bytes_out() == sent.size());
}

TEST_CASE("a body that one link received leaves by another from where it is, behind its head") {
    Bench bench;
    Connection from(bench), to(bench);
    const std::string body = pattern(3 << 20);
    from.link.set_window(body.size() + 5);
    size_t said = 0;
    const std::string sent = "head " + body;
    bench.turn_until([&] {
        const ssize_t done = ::send(from.peer, sent.data() + said, sent.size() - said, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (done > 0) said += static_cast<size_t>(done);
        return from.input().size() == sent.size();
    });
    from.link.consume(5);
    auto taken = from.link.take_input();
    CHECK(taken.size() == body.size());
    CHECK(from.link.input().size == 0);

    to.link.out().append("my head ");
    to.link.send_body(std::move(taken));
    CHECK(to.link.body_waits());
    CHECK(to.link.unsent() == body.size() + 8);
    to.link.flush();
    CHECK_FALSE(to.link.body_waits());
    to.link.out().append(" and the next");
    std::string got;
    bench.turn_until([&] {
        to.link.flush();
        got += to.hear();
        return got.size() == body.size() + 8 + 13;
    });
    CHECK(got == "my head " + body + " and the next");
    bench.turn_until([&] { return to.link.flushed(); });
    CHECK(to.link.unsent() == 0);
    CHECK(to.link.bytes_out() == got.size());
}

TEST_CASE("a peer that does not read keeps the bytes with the link, and they are counted") {
    Bench bench;
    Connection connection(bench);
    const std::string sent = pattern(4 << 20);
    connection.link.out().append(sent);
    connection.link.flush();
    for (int i = 0; i < 5; ++i) bench.turn();
    CHECK_FALSE(connection.link.flushed());
    CHECK(connection.link.unsent() > 0);
    std::string heard;
    bench.turn_until([&] {
        heard += connection.hear();
        return connection.link.flushed();
    });
    heard += connection.hear();
    CHECK(heard == sent);
}

TEST_CASE("sending to a peer that is gone breaks the link, which still closes in order") {
    Bench bench;
    {
        Connection connection(bench);
        connection.hang_up();
        bench.turn_until([&] { return connection.link.ended(); });
        bench.turn_until([&] { // The first send finds out; what is sent after it fails.
            connection.link.out().append("nobody hears this");
            connection.link.flush();
            return connection.link.broken();
        });
        connection.link.flush();
        bench.turn();
        CHECK(connection.link.unsent() == 0);
    }
    CHECK(bench.host.closes == 1);
}

TEST_CASE("closing waits for the kernel's last completion of each direction, then tells the host once") {
    Bench bench;
    {
        Connection connection(bench);
        connection.link.out().append(pattern(4 << 20)); // more than the socket takes: the send stays under way
        connection.link.flush();
        bench.turn();
        connection.link.close();
        CHECK(connection.link.state() == Link::State::closing);
        CHECK(bench.host.closes == 0);
        bench.turn_until([&] { return connection.link.state() == Link::State::closed; });
        CHECK(bench.host.closes == 1);
        CHECK(connection.link.fd() == -1);
        connection.link.close(); // again is nothing
    }
    CHECK(bench.host.closes == 1);
    CHECK(bench.ring->slabs_free() == bench.ring->slabs_total());
    CHECK(bench.buffers.lent_count() == 0);
}

TEST_CASE("a lingering link says its last word, hears the peer out, and then closes") {
    Bench bench;
    Connection connection(bench);
    connection.say("never read");
    bench.turn_until([&] { return !connection.input().empty(); });
    connection.link.out().append("goodbye");
    connection.link.linger();
    bench.turn_until([&] { return connection.heard_end() || connection.hear() == "goodbye"; });
    connection.say("still talking");
    bench.turn_until([&] { return connection.heard_end(); });
    CHECK(connection.link.state() == Link::State::lingering);
    CHECK(connection.link.deadline_ns() != UINT64_MAX);
    connection.hang_up();
    bench.turn_until([&] { return connection.link.state() == Link::State::closed; });
    CHECK(bench.host.closes == 1);
    CHECK(bench.host.expiries == 0);
}

TEST_CASE("a lingering link hears only so much") {
    Bench bench;
    bench.limits.linger_bytes_max = 8192;
    Connection connection(bench);
    connection.link.linger();
    const std::string flood(4096, 'x');
    bench.turn_until([&] {
        static_cast<void>(::send(connection.peer, flood.data(), flood.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
        return connection.link.state() == Link::State::closed;
    });
    CHECK(bench.host.closes == 1);
}

TEST_CASE("a deadline that passes is told, and one that was moved or cleared is not") {
    Bench bench;
    Connection late(bench), early(bench), never(bench);
    const uint64_t now = bench.ring->now_ns();
    early.link.set_deadline(now + 20'000'000);
    late.link.set_deadline(now + 10'000'000);
    late.link.set_deadline(now + 3'600'000'000'000);
    never.link.set_deadline(now + 10'000'000);
    never.link.clear_deadline();
    bench.turn_until([&] { return early.link.state() == Link::State::closed; });
    CHECK(bench.host.expiries == 1);
    CHECK(late.link.state() == Link::State::open);
    CHECK(never.link.state() == Link::State::open);
}

TEST_CASE("a connect that is refused is an end with its reason") {
    Bench bench;
    ring::Address nowhere;
    nowhere.storage.ss_family = AF_UNIX; // the empty abstract name: nobody can listen there
    nowhere.size = sizeof(sa_family_t) + 1;
    Link link(bench.host, *bench.ring, *bench.timers, bench.buffers, bench.limits);
    REQUIRE(link.connect(nowhere));
    CHECK(link.state() == Link::State::connecting);
    bench.turn_until([&] { return link.ended(); });
    CHECK(link.error() < 0);
    CHECK_FALSE(link.usable());
    link.close();
    bench.turn_until([&] { return link.state() == Link::State::closed; });
    CHECK(bench.host.closes == 1);
}
