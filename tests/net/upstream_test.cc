// tests/net/upstream_test.cc - idle links are lent newest first, each to its own server, and never when they are spent.
#include "bench.h"

#include "net/upstream.h"

using namespace weir;
using namespace weir::net;
using namespace weir::net::test;

namespace {
constexpr uint64_t far_ns = UINT64_MAX / 4;
} // namespace

TEST_CASE("the link that was used last is lent first, and only to its server") {
    Bench bench;
    Connection first(bench), second(bench), other(bench);
    other.link.server = 1;
    Upstreams upstreams(2);
    CHECK(upstreams.take(0) == nullptr);
    upstreams.keep(first.link, far_ns);
    upstreams.keep(other.link, far_ns);
    upstreams.keep(second.link, far_ns);
    CHECK(upstreams.idle_count() == 3);
    CHECK(upstreams.take(0) == &second.link);
    CHECK_FALSE(second.link.idle);
    CHECK(upstreams.take(0) == &first.link);
    CHECK(upstreams.take(0) == nullptr);
    CHECK(upstreams.take(1) == &other.link);
    CHECK(upstreams.idle_count() == 0);
}

TEST_CASE("a link that ended, or spoke out of turn, is closed instead of lent") {
    Bench bench;
    Connection good(bench), gone(bench), chatty(bench);
    Upstreams upstreams(1);
    for (Connection* connection : {&good, &gone, &chatty}) upstreams.keep(connection->link, far_ns);
    gone.hang_up();
    chatty.say("HTTP/1.1 408 Request Timeout");
    bench.turn_until([&] { return gone.link.ended() && !chatty.input().empty(); });
    CHECK(upstreams.take(0) == &good.link);
    CHECK(upstreams.idle_count() == 0);
    bench.turn_until([&] { return bench.host.closes == 2; });
    CHECK(good.link.usable());
}

TEST_CASE("a link is taken off the list wherever it stands") {
    Bench bench;
    Connection a(bench), b(bench), c(bench);
    for (size_t forgotten = 0; forgotten < 3; ++forgotten) {
        Upstreams upstreams(1);
        Link* links[] = {&a.link, &b.link, &c.link};
        for (Link* link : links) upstreams.keep(*link, far_ns);
        upstreams.forget(*links[forgotten]);
        CHECK(upstreams.idle_count() == 2);
        std::vector<Link*> left;
        while (Link* link = upstreams.take(0)) left.push_back(link);
        std::vector<Link*> expected;
        for (size_t i = 3; i-- > 0;)
            if (i != forgotten) expected.push_back(links[i]);
        CHECK(left == expected);
    }
}

TEST_CASE("all idle links of a server close together, and the others stay") {
    Bench bench;
    Connection a(bench), b(bench), other(bench);
    other.link.server = 1;
    Upstreams upstreams(2);
    for (Connection* connection : {&a, &b, &other}) upstreams.keep(connection->link, far_ns);
    upstreams.close_all(0);
    CHECK(upstreams.idle_count() == 1);
    bench.turn_until([&] { return bench.host.closes == 2; });
    CHECK(other.link.usable());
    upstreams.close_all();
    bench.turn_until([&] { return bench.host.closes == 3; });
    CHECK(upstreams.idle_count() == 0);
}
