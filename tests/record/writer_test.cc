// tests/record/writer_test.cc - what was appended is what is read, in every durability, over ends of segments, through
// faults of the disk, and after a crash. Tried over real files through FileRing, which fails on demand.
#include "record/place.h"

#include "record/fields.h"

#include <sys/stat.h>
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cerrno>
#include <filesystem>

namespace weir::record::test {
namespace {

// Everything that `bench` appended stands in the log once, in order, with its body.
void check_all_there(const Bench& bench, const Directory& directory) {
    const auto kept = appended_of(read_all(directory.path()));
    REQUIRE(kept.size() == bench.appended.size());
    auto expected = bench.appended.begin();
    for (const Kept& entry : kept) {
        const auto fields = read_fields(entry.payload);
        REQUIRE(fields);
        CHECK(entry.seq == expected->first);
        CHECK(fields->text(Field::body) == expected->second);
        ++expected;
    }
}

void check_sound(const Directory& directory) {
    const auto verified = verify_log(directory.path());
    REQUIRE(verified);
    for (const std::string& damage : verified->damages) FAIL_CHECK(damage);
    for (const std::string& torn : verified->torn) FAIL_CHECK(torn);
}

size_t count_of(const std::vector<Kept>& all, Kind kind) {
    return static_cast<size_t>(std::count_if(all.begin(), all.end(), [&](const Kept& e) { return e.kind == kind; }));
}

} // namespace

TEST_CASE("entries are read back as they were appended") {
    for (const Durability durability : {Durability::batch, Durability::strict}) {
        Directory directory;
        Bench bench(options_in(directory, durability));
        for (uint32_t i = 0; i < 500; ++i) {
            REQUIRE(bench.ask(i * 3, i + 1) != 0);
            if (i % 7 == 0) bench.turn();
        }
        bench.close();
        check_all_there(bench, directory);
        check_sound(directory);
    }
}

TEST_CASE("with durability off entries get their seqs, may be acted on at once, and leave nothing behind") {
    Directory directory;
    Bench bench(options_in(directory, Durability::off));
    for (uint32_t i = 0; i < 500; ++i) {
        const uint64_t seq = bench.ask(i * 3, i + 1);
        REQUIRE(seq == i + 1);
        REQUIRE(bench.writer->may_act_on(seq));
        bench.turn();
    }
    CHECK(bench.writer->next_due_ns() == UINT64_MAX);
    CHECK(bench.writer->queued_bytes() == 0);
    bench.close();
    CHECK_FALSE(std::filesystem::exists(directory.stream()));
}

TEST_CASE("in batch an entry may be acted on in the turn it was made, once a segment is there") {
    Directory directory;
    Bench bench(options_in(directory, Durability::batch));
    REQUIRE(bench.until(bench.ask(10)));
    bench.turns(5);
    const uint64_t seq = bench.ask(600);
    CHECK_FALSE(bench.writer->may_act_on(seq));
    bench.writer->flush();
    CHECK(bench.writer->may_act_on(seq));
    CHECK(bench.writer->durable_seq() < seq);
    // And it is synced within sync_ns_max, though nothing else happens.
    const uint64_t submitted_ns = bench.ring.now_ns();
    REQUIRE(bench.until_durable(seq));
    CHECK(bench.ring.now_ns() - submitted_ns <= 50 * ms_ns);
}

TEST_CASE("in strict an entry may be acted on only when its sync has returned") {
    Directory directory;
    Bench bench(options_in(directory, Durability::strict));
    REQUIRE(bench.until(bench.ask(10)));
    const uint64_t seq = bench.ask(600);
    bench.ring.held = true;
    bench.turns(20);
    CHECK_FALSE(bench.writer->may_act_on(seq));
    bench.ring.held = false;
    REQUIRE(bench.until(seq));
    CHECK(bench.writer->durable_seq() >= seq);
}

TEST_CASE("in strict what comes during a sync goes with the next one") {
    Directory directory;
    Bench bench(options_in(directory, Durability::strict));
    REQUIRE(bench.until(bench.ask(10)));
    bench.turns(3);
    bench.ring.held = true;
    bench.ask(10);
    bench.turn();
    const uint64_t syncs = bench.ring.syncs;
    uint64_t last = 0;
    for (int i = 0; i < 100; ++i) last = bench.ask(100), bench.turn();
    CHECK(bench.ring.syncs == syncs);
    bench.ring.held = false;
    REQUIRE(bench.until(last));
    CHECK(bench.ring.syncs == syncs + 1);
}

TEST_CASE("progress is told when something moved") {
    Directory directory;
    Bench bench(options_in(directory, Durability::strict));
    unsigned told = 0;
    bench.writer->on_progress([](void* count) { ++*static_cast<unsigned*>(count); }, &told);
    REQUIRE(bench.until(bench.ask(10)));
    const unsigned before = told;
    const uint64_t seq = bench.ask(10);
    bench.writer->flush();
    CHECK(told > before);
    REQUIRE(bench.until(seq));
    CHECK(told > before + 1);
}

TEST_CASE("a full segment is sealed and the next one goes on") {
    for (const Durability durability : {Durability::batch, Durability::strict}) {
        Directory directory;
        Bench bench(options_in(directory, durability, 64 << 10));
        for (uint32_t i = 0; i < 400; ++i) {
            const uint64_t seq = bench.ask(1000 + i, i + 1);
            REQUIRE(seq != 0);
            REQUIRE(bench.until(seq));
        }
        CHECK(bench.writer->figures().segments >= 6);
        bench.close();
        check_all_there(bench, directory);
        check_sound(directory);
        const auto numbers = list_segments(directory.stream());
        REQUIRE(numbers);
        for (const uint64_t number : *numbers) {
            struct stat status{};
            const std::string path = directory.stream() + "/" + segment_name(number);
            REQUIRE(::stat(path.c_str(), &status) == 0);
            CHECK((status.st_mode & 0777) == 0440);
            CHECK(status.st_size <= 64 << 10);
        }
    }
}

TEST_CASE("a body larger than a segment still finds a place") {
    Directory directory;
    Bench bench(options_in(directory, Durability::batch, 64 << 10));
    REQUIRE(bench.ask(100) != 0);
    REQUIRE(bench.ask(900'000) != 0);
    REQUIRE(bench.ask(100) != 0);
    REQUIRE(bench.until(bench.writer->last_seq()));
    bench.close();
    check_all_there(bench, directory);
    check_sound(directory);
}

TEST_CASE("a body over the limit is kept in part, the rest by size and digest") {
    Directory directory;
    auto options = options_in(directory, Durability::batch);
    options.body_bytes_max = 1000;
    Bench bench(options);
    REQUIRE(bench.ask(5000) != 0);
    bench.close();
    const auto kept = appended_of(read_all(directory.path()));
    REQUIRE(kept.size() == 1);
    const auto fields = read_fields(kept[0].payload);
    REQUIRE(fields);
    const std::string& body = bench.appended.begin()->second;
    CHECK(fields->text(Field::body) == std::string_view(body).substr(0, 1000));
    CHECK(fields->number(Field::body_bytes) == 5000);
    crypto::Sha256 hash;
    hash.update(std::string_view(body).substr(1000));
    CHECK(fields->text(Field::rest_sha256) == bytes_of(hash.finish()));
}

TEST_CASE("a restart continues the stream, whether weir was stopped or died") {
    Directory directory;
    std::map<uint64_t, std::string> appended;
    for (int run = 0; run < 6; ++run) {
        Bench bench(options_in(directory, run % 2 == 0 ? Durability::strict : Durability::batch, 64 << 10));
        for (int i = 0; i < 40; ++i) {
            const uint64_t seq = bench.ask(900);
            REQUIRE(bench.until(seq));
        }
        appended.insert(bench.appended.begin(), bench.appended.end());
        if (run % 3 == 0) bench.close();
        else bench.crash();
    }
    Bench bench(options_in(directory, Durability::strict, 64 << 10));
    REQUIRE(bench.until(bench.ask(5)));
    appended.insert(bench.appended.begin(), bench.appended.end());
    bench.close();
    bench.appended = appended;
    check_all_there(bench, directory);
    check_sound(directory);
}

TEST_CASE("a stopped stream that is started and stopped again makes no more than a segment a start") {
    Directory directory;
    for (int run = 0; run < 5; ++run) {
        Bench bench(options_in(directory, Durability::batch));
        bench.ask(100);
        bench.close();
    }
    const auto numbers = list_segments(directory.stream());
    REQUIRE(numbers);
    CHECK(numbers->size() == 5);
    check_sound(directory);
}

TEST_CASE("a failed sync, a short write and a failed one kill the segment, and nothing is lost") {
    const Fault table[] = {
        {Event::Kind::sync, 5, -EIO, 1},  {Event::Kind::write, 5, 100, 1},       {Event::Kind::write, 5, -ENOSPC, 1},
        {Event::Kind::write, 5, 0, 1},    {Event::Kind::sync, 5, -ECANCELED, 1}, {Event::Kind::sync, 3, -EIO, 3},
        {Event::Kind::write, 3, -EIO, 4}, {Event::Kind::write, 0, -EIO, 1},      {Event::Kind::sync, 0, -EIO, 1},
        {Event::Kind::sync, 1, -EIO, 1},  {Event::Kind::sync, 2, -EIO, 1},       {Event::Kind::write, 1, 8, 2},
    };
    for (const Durability durability : {Durability::batch, Durability::strict}) {
        for (const Fault& fault : table) {
            Directory directory;
            Bench bench(options_in(directory, durability, 128 << 10));
            bench.ring.faults.push_back(fault);
            for (uint32_t i = 0; i < 300; ++i) {
                bench.ask(700, i + 1);
                if (i % 3 == 0) bench.turn();
                if (i % 20 == 0) bench.ring.wait(30 * ms_ns);
            }
            bench.turns(200);
            const uint64_t died = bench.writer->figures().segments_died;
            bench.close();
            INFO("durability " << static_cast<int>(durability) << ", fault " << (&fault - table));
            check_all_there(bench, directory);
            check_sound(directory);
            if (fault.kind != Event::Kind::write) continue; // A sync may have been the directory's.
            CHECK(died >= 1);
            CHECK(count_of(read_all(directory.path()), Kind::gap) >= 1);
        }
    }
}

TEST_CASE("a failed sync is never asked again of the same segment") {
    Directory directory;
    Bench bench(options_in(directory, Durability::strict));
    REQUIRE(bench.until(bench.ask(10)));
    bench.turns(5);
    bench.ring.tracing = true;
    bench.ring.faults.push_back({Event::Kind::sync, 0, -EIO, 1});
    REQUIRE(bench.until(bench.ask(10)));
    CHECK(bench.writer->figures().segments_died == 1);
    const std::string dead = segment_name(1);
    for (const Event& event : bench.ring.trace) {
        if (event.kind == Event::Kind::sync) CHECK(event.name != dead);
    }
}

TEST_CASE("without a spare entries are refused, and a gap says so when there is one again") {
    Directory directory;
    Bench bench(options_in(directory, Durability::batch, 64 << 10));
    REQUIRE(bench.until(bench.ask(10)));
    bench.turns(5); // A spare lies ready; no other can be made.
    bench.ring.faults.push_back({Event::Kind::allocate, 0, -ENOSPC, 5});
    uint64_t refused = 0;
    for (uint32_t i = 0; i < 400; ++i) {
        if (bench.ask(1000, i + 1) == 0) ++refused;
        bench.writer->flush();
        bench.ring.turn(0);
    }
    CHECK(refused > 100);
    CHECK(bench.writer->failed());
    bench.turns(50); // Seconds pass; the sixth attempt succeeds.
    CHECK_FALSE(bench.writer->failed());
    REQUIRE(bench.until_durable(bench.ask(10)));
    bench.close();
    check_all_there(bench, directory);
    check_sound(directory);
    bool told = false;
    for (const Kept& entry : read_all(directory.path())) {
        if (entry.kind != Kind::gap) continue;
        const auto fields = read_fields(entry.payload);
        REQUIRE(fields);
        if (fields->text(Field::reason) != "unavailable") continue;
        told = true;
        CHECK(fields->number(Field::count) == refused);
        CHECK(fields->number(Field::os_error) == ENOSPC);
    }
    CHECK(told);
}

TEST_CASE("a stop ends though the disk takes nothing any more, and keeps what was durable") {
    for (const Durability durability : {Durability::batch, Durability::strict}) {
        Directory directory;
        Bench bench(options_in(directory, durability));
        const uint64_t durable = bench.ask(100);
        REQUIRE(bench.until(durable));
        bench.turns(5);
        bench.ring.wait(50 * ms_ns);
        bench.turns(5);
        bench.ring.faults = {{Event::Kind::sync, 0, -EIO, UINT64_MAX}, {Event::Kind::create, 0, -ENOSPC, UINT64_MAX}};
        bench.ask(100);
        bench.close();
        const auto kept = appended_of(read_all(directory.path()));
        REQUIRE_FALSE(kept.empty());
        CHECK(kept.front().seq == durable);
        Bench again(options_in(directory, durability));
        REQUIRE(again.until_durable(again.ask(10)));
        again.close();
        check_sound(directory);
    }
}

TEST_CASE("a segment that dies while weir stops takes nothing with it") {
    for (const uint64_t after : {0, 1, 2}) {
        for (const Event::Kind kind : {Event::Kind::sync, Event::Kind::write}) {
            Directory directory;
            Bench bench(options_in(directory, Durability::strict));
            REQUIRE(bench.until(bench.ask(100)));
            bench.turns(5);
            bench.ring.faults = {{kind, after, -EIO, 1}};
            bench.ask(100);
            bench.close();
            check_all_there(bench, directory);
            check_sound(directory);
        }
    }
}

TEST_CASE("a disk that stalls pushes back at the queue's limit, and not before") {
    Directory directory;
    auto options = options_in(directory, Durability::batch);
    options.queue_bytes_max = 300 << 10;
    Bench bench(options);
    REQUIRE(bench.until(bench.ask(10)));
    bench.turns(5);
    bench.ring.held = true;
    unsigned taken = 0;
    while (bench.ask(1000) != 0) {
        ++taken;
        bench.turn();
        REQUIRE(taken < 1000);
    }
    CHECK(taken > 200);
    CHECK(bench.writer->queued_bytes() <= options.queue_bytes_max + (256 << 10));
    bench.ring.held = false;
    bench.turns(100);
    CHECK(bench.ask(1000) != 0);
    bench.close();
    check_all_there(bench, directory);
    check_sound(directory);
}

TEST_CASE("old segments go when retain_bytes is reached, and an entry tells of each") {
    Directory directory;
    auto options = options_in(directory, Durability::batch, 64 << 10);
    Retention retention(5 * options.segment_bytes, 0, 1);
    options.retention = &retention;
    Bench bench(options);
    for (uint32_t i = 0; i < 900; ++i) {
        REQUIRE(bench.until(bench.ask(1000)));
        bench.turns(2);
    }
    REQUIRE(bench.writer->figures().pruned >= 5);
    const uint64_t pruned = bench.writer->figures().pruned;
    bench.close();
    const auto numbers = list_segments(directory.stream());
    REQUIRE(numbers);
    CHECK(numbers->size() <= 5);
    CHECK(numbers->front() == pruned + 1);
    check_sound(directory);
    const auto all = read_all(directory.path());
    REQUIRE_FALSE(all.empty());
    CHECK(all.front().seq > 1);
    // And a restart finds its way without what is gone.
    Bench again(options);
    REQUIRE(again.until(again.ask(10)));
    again.close();
    check_sound(directory);
}

TEST_CASE("a reader follows while the writer writes") {
    Directory directory;
    Bench bench(options_in(directory, Durability::batch, 64 << 10));
    bench.ring.faults.push_back({Event::Kind::sync, 20, -EIO, 1});
    auto reader = Reader::open(directory.path(), {});
    REQUIRE(reader);
    uint64_t next = 1;
    for (uint32_t i = 0; i < 500; ++i) {
        bench.ask(500);
        bench.turn();
        for (;;) {
            const auto entry = reader->next();
            if (!entry) {
                INFO(reader->damage());
                REQUIRE(entry.error() == Error::not_found);
                break;
            }
            REQUIRE(entry->frame.seq == next);
            ++next;
        }
    }
    bench.turns(50);
    bench.close();
    while (const auto entry = reader->next()) REQUIRE(entry->frame.seq == next++);
    check_all_there(bench, directory);
    CHECK(next > 500);
}

} // namespace weir::record::test
