// tests/record/index_test.cc - sessions are put together from what workers wrote: one key on two workers is one session,
// half an hour of silence ends it, and entries find the session of their call.
#include "record/index.h"

#include "record/entry.h"

#include <catch2/catch_test_macros.hpp>

namespace weir::record {
namespace {

constexpr uint64_t minute = 60'000'000'000;

// Feeds an index with entries as a reader would give them.
struct Feed {
    SessionIndex index;
    uint64_t seq = 0;

    template <class E> size_t add(uint32_t worker, uint64_t time_ns, uint32_t exchange, const E& made) {
        std::string payload(payload_bound(made, {}), '\0');
        const char* end = write_payload(payload.data(), made, {});
        payload.resize(static_cast<size_t>(end - payload.data()));
        Entry entry;
        entry.worker = worker;
        entry.frame.seq = ++seq;
        entry.frame.time_ns = time_ns;
        entry.frame.kind = E::kind;
        entry.frame.exchange = exchange;
        entry.frame.payload = payload;
        const auto fields = read_fields(payload);
        REQUIRE(fields);
        return index.add(entry, *fields);
    }
    uint64_t open(uint32_t worker, uint64_t time_ns, std::string_view key) {
        add(worker, time_ns, 0,
            SessionOpened{
                .principal = "ann", .client = "c", .server = "acme", .revision = "2025-11-25", .session_key = key});
        return seq;
    }
};

} // namespace

TEST_CASE("entries of a call find its session, and are counted") {
    Feed feed;
    const uint64_t opened = feed.open(0, 10, "aaaaaaaaaaaaaaaa");
    CHECK(feed.add(0, 20, 1, Asked{.session = opened, .principal = "ann", .session_key = "aaaaaaaaaaaaaaaa"}) == 0);
    CHECK(feed.add(0, 21, 1, Allowed{}) == 0);
    CHECK(feed.add(0, 22, 1, Forwarded{}) == 0);
    CHECK(feed.add(0, 23, 1, StreamEvent{}) == 0);
    CHECK(feed.add(0, 24, 1, Answered{.is_error = true}) == 0);
    CHECK(feed.add(0, 30, 2, Asked{.session = opened, .session_key = "aaaaaaaaaaaaaaaa"}) == 0);
    CHECK(feed.add(0, 31, 2, Blocked{}) == 0);
    CHECK(feed.add(0, 40, 3, Asked{.session = opened, .session_key = "aaaaaaaaaaaaaaaa"}) == 0);
    CHECK(feed.add(0, 41, 3, Ambiguous{}) == 0);
    CHECK(feed.add(0, 50, 0, Gap{}) == SessionIndex::none);
    CHECK(feed.add(0, 51, 99, Answered{}) == SessionIndex::none);
    CHECK(feed.add(1, 52, 1, Answered{}) == SessionIndex::none); // Another worker's exchange 1.
    REQUIRE(feed.index.sessions().size() == 1);
    const SessionLine& line = feed.index.sessions()[0];
    CHECK(line.id == "se_aaaaaaaaaaaa");
    CHECK(line.principal == "ann");
    CHECK(line.server == "acme");
    CHECK(line.asked == 3);
    CHECK(line.allowed == 1);
    CHECK(line.blocked == 1);
    CHECK(line.answered == 1);
    CHECK(line.errors == 1);
    CHECK(line.ambiguous == 1);
    CHECK(line.events == 1);
    CHECK(line.first_ns == 10);
    CHECK(line.last_ns == 41);
    CHECK(line.pieces_open == 1);
    CHECK(feed.add(0, 60, 0, SessionClosed{.session = opened, .reason = "idle"}) == 0);
    CHECK(feed.index.sessions()[0].pieces_open == 0);
    CHECK(feed.index.sessions()[0].last_ns == 41);
}

TEST_CASE("pieces of two workers under one key are one session") {
    Feed feed;
    const uint64_t first = feed.open(0, 10, "aaaaaaaaaaaaaaaa");
    const uint64_t second = feed.open(1, 12, "aaaaaaaaaaaaaaaa");
    CHECK(feed.add(0, 20, 1, Asked{.session = first, .session_key = "aaaaaaaaaaaaaaaa"}) == 0);
    CHECK(feed.add(1, 21, 1, Asked{.session = second, .session_key = "aaaaaaaaaaaaaaaa"}) == 0);
    CHECK(feed.add(1, 22, 1, Answered{}) == 0);
    REQUIRE(feed.index.sessions().size() == 1);
    CHECK(feed.index.sessions()[0].asked == 2);
    CHECK(feed.index.sessions()[0].pieces_open == 2);
}

TEST_CASE("after half an hour of silence the same key is another session") {
    Feed feed;
    feed.add(0, 1 * minute, 1, Asked{.session_key = "aaaaaaaaaaaaaaaa"});
    feed.add(0, 30 * minute, 2, Asked{.session_key = "aaaaaaaaaaaaaaaa"});
    feed.add(0, 61 * minute, 3, Asked{.session_key = "aaaaaaaaaaaaaaaa"});
    feed.add(0, 120 * minute, 4, Asked{.session_key = "aaaaaaaaaaaaaaaa"});
    REQUIRE(feed.index.sessions().size() == 3);
    CHECK(feed.index.sessions()[0].asked == 2);
    CHECK(feed.index.sessions()[1].id == "se_aaaaaaaaaaaa-2");
    CHECK(feed.index.sessions()[2].id == "se_aaaaaaaaaaaa-3");
}

TEST_CASE("a session is found by its id, the beginning of it, and as the last") {
    Feed feed;
    CHECK(feed.index.find("last").empty());
    feed.add(0, 1, 1, Asked{.session_key = "aabbaaaaaaaaaaaa"});
    feed.add(0, 9, 2, Asked{.session_key = "aaccaaaaaaaaaaaa"});
    feed.add(0, 5, 3, Asked{.session_key = "ddddaaaaaaaaaaaa"});
    feed.add(0, 12, 4, Asked{.session_key = "aabbaaaaaaaaaaaa"});
    CHECK(feed.index.find("last") == std::vector<size_t>{2}); // the last of the list, whoever spoke last
    CHECK(feed.index.find("se_aabbaaaaaaaa") == std::vector<size_t>{0});
    CHECK(feed.index.find("se_aab") == std::vector<size_t>{0});
    CHECK(feed.index.find("dd") == std::vector<size_t>{2});
    CHECK(feed.index.find("aa") == std::vector<size_t>{0, 1});
    CHECK(feed.index.find("").empty());
    CHECK(feed.index.find("se_").empty());
    CHECK(feed.index.find("zz").empty());
}

TEST_CASE("an entry without a key is named by who, through what and where") {
    Feed feed;
    CHECK(feed.add(0, 1, 1, Asked{.principal = "ann", .client = "c", .server = "s"}) == 0);
    CHECK(feed.add(0, 2, 2, Asked{.principal = "ann", .client = "c", .server = "s"}) == 0);
    CHECK(feed.add(0, 3, 3, Asked{.principal = "bo", .client = "c", .server = "s"}) == 1);
}

TEST_CASE("what became of a ticket belongs to the session that asked, counts nowhere and makes it no longer") {
    Feed feed;
    const uint64_t opened = feed.open(0, 10, "aaaaaaaaaaaaaaaa");
    feed.add(0, 20, 1, Asked{.session = opened, .session_key = "aaaaaaaaaaaaaaaa"});
    const auto turn = [](std::string_view ticket, std::string_view key) {
        return TicketTurn{.session_key = key, .ticket = ticket};
    };
    CHECK(feed.add(control_stream, 21, 0, TicketEntry<Kind::held>{turn("ap_1", "aaaaaaaaaaaaaaaa")}) == 0);
    CHECK(feed.add(control_stream, 22, 0, TicketEntry<Kind::held>{turn("ap_2", "")}) == SessionIndex::none);
    // Half an hour later the key has a new session; the decision is still the first one's.
    CHECK(feed.add(0, 40 * minute, 2, Asked{.session = opened, .session_key = "aaaaaaaaaaaaaaaa"}) == 1);
    CHECK(feed.add(control_stream, 41 * minute, 0, TicketEntry<Kind::approved>{turn("ap_1", "aaaaaaaaaaaaaaaa")}) == 0);
    CHECK(feed.add(control_stream, 42 * minute, 0, TicketEntry<Kind::answered>{turn("ap_1", "aaaaaaaaaaaaaaaa")}) == 0);
    const SessionLine& first = feed.index.sessions()[0];
    CHECK(first.last_ns == 20);
    CHECK(first.answered == 0);
    CHECK(first.asked == 1);
}

TEST_CASE("a session of which a crash left nothing but what became of its ticket is still one") {
    Feed feed;
    const TicketTurn turn{
        .principal = "ann", .client = "c", .server = "acme", .session_key = "aaaaaaaaaaaaaaaa", .ticket = "ap_1"};
    CHECK(feed.add(control_stream, 20, 0, TicketEntry<Kind::held>{turn}) == 0);
    CHECK(feed.add(control_stream, 30, 0, TicketEntry<Kind::approved>{turn}) == 0);
    REQUIRE(feed.index.sessions().size() == 1);
    const SessionLine& line = feed.index.sessions()[0];
    CHECK(line.principal == "ann");
    CHECK(line.server == "acme");
    CHECK(line.asked == 0);
    // What comes under the key later goes on with it.
    const uint64_t opened = feed.open(0, 40, "aaaaaaaaaaaaaaaa");
    CHECK(feed.add(0, 50, 1, Asked{.session = opened, .session_key = "aaaaaaaaaaaaaaaa"}) == 0);
}

} // namespace weir::record
