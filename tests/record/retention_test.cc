// tests/record/retention_test.cc - the past is as long as it may be: by octets over all streams, by days, never the
// segment in use. Tried with one, two and former streams over real files; the clock is the test's.
#include "record/place.h"

#include "record/fields.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fstream>

namespace weir::record::test {
namespace {

constexpr uint64_t segment_bytes = 64 << 10;
constexpr uint64_t day_ns = 86'400 * s_ns;

WriterOptions options_of(const Directory& directory, uint32_t worker, Retention* retention) {
    auto options = options_in(directory, Durability::batch, segment_bytes);
    options.worker = worker;
    options.retention = retention;
    return options;
}

/// Appends until `count` more segments have been begun.
void fill(Bench& bench, uint64_t count) {
    const uint64_t wanted = bench.writer->figures().segments + count;
    while (bench.writer->figures().segments < wanted) {
        REQUIRE(bench.until(bench.ask(1000)));
        bench.turns(2);
    }
}

/// Lets the benches turn for some seconds of their clocks.
void pass(std::initializer_list<Bench*> benches, uint64_t ns = 3 * s_ns) {
    for (int i = 0; i < 60; ++i)
        for (Bench* bench : benches) {
            bench->ring.wait(ns / 60);
            bench->turns(5);
        }
}

std::vector<uint64_t> segments_of(const Directory& directory, uint32_t worker) {
    const auto numbers = list_segments(directory.path() + "/" + stream_name(worker));
    return numbers ? *numbers : std::vector<uint64_t>();
}

/// The entries that tell of removed segments: number and stream.
std::vector<std::pair<uint64_t, std::string>> pruned_in(const Directory& directory) {
    std::vector<std::pair<uint64_t, std::string>> told;
    for (const Kept& entry : read_all(directory.path())) {
        if (entry.kind != Kind::pruned) continue;
        const auto fields = read_fields(entry.payload);
        REQUIRE(fields);
        CHECK(fields->number(Field::last_seq) >= fields->number(Field::first_seq));
        CHECK(fields->number(Field::bytes) != 0);
        told.emplace_back(fields->number(Field::segment), fields->text(Field::stream));
    }
    return told;
}

void check_sound(const Directory& directory) {
    const auto verified = verify_log(directory.path());
    REQUIRE(verified);
    for (const std::string& damage : verified->damages) FAIL_CHECK(damage);
}

using Due = Retention::Due;

} // namespace

TEST_CASE("whose segment is oldest goes first, when all shares together are too much") {
    Retention retention(100, 0, 3);
    retention.tell(0, 40, 7);
    retention.tell(1, 40, 5);
    retention.tell(2, 20, Retention::none);
    for (uint32_t share = 0; share < 3; ++share) CHECK(retention.due(share, 1000) == Due::no);
    retention.tell(2, 21, Retention::none);
    CHECK(retention.due(0, 1000) == Due::soon);
    CHECK(retention.due(1, 1000) == Due::now);
    CHECK(retention.due(2, 1000) == Due::no); // It has none that could go.
    retention.tell(1, 39, 7);                 // Equally old: the first of them.
    CHECK(retention.due(0, 1000) == Due::no);
    retention.tell(1, 41, 7);
    CHECK(retention.due(0, 1000) == Due::now);
    CHECK(retention.due(1, 1000) == Due::soon);
}

TEST_CASE("by age every share goes by itself, and not before its time") {
    Retention retention(0, 100, 2);
    retention.tell(0, 1 << 30, 1000);
    retention.tell(1, 1 << 30, 900);
    CHECK(retention.due(1, 1000) != Due::now);
    CHECK(retention.due(1, 1001) == Due::now);
    CHECK(retention.due(0, 1100) != Due::now);
    CHECK(retention.due(0, 1101) == Due::now);
    CHECK(retention.due(0, 500) != Due::now); // The clock was set back.
}

TEST_CASE("segments older than the days to keep go, oldest first, each told in an entry, never the one in use") {
    Directory directory;
    Retention retention(0, 30 * day_ns, 1);
    Bench bench(options_of(directory, 0, &retention));
    fill(bench, 3);
    bench.ring.wait(20 * day_ns);
    fill(bench, 2);
    const auto before = segments_of(directory, 0);
    pass({&bench});
    CHECK(bench.writer->figures().pruned == 0); // Nothing is older than twenty days.
    bench.ring.wait(11 * day_ns);
    pass({&bench});
    const uint64_t pruned = bench.writer->figures().pruned;
    CHECK(pruned == 2); // The third was begun on the first day and ended on the twentieth.
    const auto after = segments_of(directory, 0);
    CHECK(after.front() == before.front() + 2);
    bench.close();
    const auto told = pruned_in(directory);
    REQUIRE(told.size() == 2);
    for (size_t i = 0; i < told.size(); ++i) CHECK(told[i] == std::pair<uint64_t, std::string>(i + 1, ""));
    check_sound(directory);
}

TEST_CASE("a segment that never fills up ends when its first entry is as old as entries may be") {
    Directory directory;
    Retention retention(0, 10 * day_ns, 1);
    Bench bench(options_of(directory, 0, &retention));
    REQUIRE(bench.until_durable(bench.ask(100)));
    bench.ring.wait(9 * day_ns);
    const uint64_t late = bench.ask(100);
    REQUIRE(bench.until_durable(late));
    pass({&bench});
    CHECK(bench.writer->figures().segments == 1);
    bench.ring.wait(2 * day_ns);
    pass({&bench});
    CHECK(bench.writer->figures().segments == 2); // Ended, and kept: the late entry is young.
    CHECK(bench.writer->figures().pruned == 0);
    bench.ring.wait(9 * day_ns);
    pass({&bench});
    CHECK(bench.writer->figures().pruned == 1);
    const uint64_t last = bench.ask(100);
    REQUIRE(bench.until_durable(last));
    bench.close();
    const auto kept = appended_of(read_all(directory.path()));
    REQUIRE(kept.size() == 1);
    CHECK(kept.front().seq == last);
    check_sound(directory);
}

TEST_CASE("the age of what a former run left is that of its entries") {
    Directory directory;
    Retention retention(0, 30 * day_ns, 1);
    uint64_t left = 0;
    {
        Bench bench(options_of(directory, 0, &retention));
        fill(bench, 3);
        left = bench.writer->figures().segments;
        bench.close();
    }
    Bench late(options_of(directory, 0, &retention));
    late.ring.wait(29 * day_ns);
    REQUIRE(late.until_durable(late.ask(100)));
    pass({&late});
    CHECK(late.writer->figures().pruned == 0);
    late.ring.wait(2 * day_ns);
    pass({&late});
    CHECK(late.writer->figures().pruned == left);
    late.close();
    check_sound(directory);
}

TEST_CASE("retain_bytes holds over all streams: the oldest goes, whoever wrote it") {
    Directory directory;
    Retention retention(10 * segment_bytes, 0, 2);
    Bench first(options_of(directory, 0, &retention)), second(options_of(directory, 1, &retention));
    fill(first, 4); // the older ones
    second.ring.wait(60 * s_ns);
    fill(second, 4);
    first.ring.wait(60 * s_ns);
    pass({&first, &second});
    const auto total = [&] { return first.writer->disk_bytes() + second.writer->disk_bytes(); };
    CHECK(total() <= 10 * segment_bytes);
    const uint64_t old_gone = first.writer->figures().pruned;
    fill(second, 3);
    pass({&first, &second});
    CHECK(total() <= 10 * segment_bytes);
    CHECK(first.writer->figures().pruned >
          old_gone); // Room for the second's new ones was made by the first's old ones.
    fill(second, 12);
    pass({&first, &second});
    CHECK(total() <= 10 * segment_bytes);
    CHECK(second.writer->figures().pruned > 0);
    CHECK_FALSE(segments_of(directory, 0).empty());
    first.close();
    second.close();
    check_sound(directory);
}

TEST_CASE("streams whose segments are as old as each other's take turns without waiting for the next second") {
    Directory directory;
    Retention retention(10 * segment_bytes, 0, 2);
    Bench first(options_of(directory, 0, &retention)), second(options_of(directory, 1, &retention));
    for (int i = 0; i < 8; ++i)
        for (Bench* bench : {&first, &second}) {
            first.ring.wait(ms_ns);
            second.ring.wait(ms_ns);
            fill(*bench, 1);
        }
    pass({&first, &second}, 900 * ms_ns);
    CHECK(first.writer->disk_bytes() + second.writer->disk_bytes() <= 10 * segment_bytes);
    first.close();
    second.close();
    check_sound(directory);
}

TEST_CASE("streams of workers that are no more are kept as long as others, but for their last segment") {
    Directory directory;
    size_t left = 0;
    {
        Bench former(options_of(directory, 3, nullptr));
        fill(former, 4);
        former.close();
        left = segments_of(directory, 3).size();
        REQUIRE(left >= 4);
    }
    Retention retention(0, day_ns, 2);
    {
        Bench second(options_of(directory, 1, &retention)); // Not its business.
        second.ring.wait(2 * day_ns);
        pass({&second});
        second.close();
        CHECK(segments_of(directory, 3).size() == left);
    }
    Bench first(options_of(directory, 0, &retention));
    first.ring.wait(2 * day_ns);
    pass({&first});
    CHECK(segments_of(directory, 3).size() == 1);
    first.close();
    auto told = pruned_in(directory);
    std::erase_if(told, [](const auto& each) { return each.second.empty(); });
    CHECK(told.size() == left - 1);
    for (const auto& each : told) CHECK(each.second == "worker-3");
    check_sound(directory);
    // A later run with more workers goes on behind what is left.
    Bench again(options_of(directory, 3, nullptr));
    REQUIRE(again.until(again.ask(10)));
    again.close();
    check_sound(directory);
}

TEST_CASE("a stream of former workers that is damaged is left alone") {
    Directory directory;
    {
        Bench former(options_of(directory, 1, nullptr));
        fill(former, 4);
        former.close();
    }
    const auto before = segments_of(directory, 1);
    const std::string path = directory.path() + "/worker-1/" + segment_name(before[1]);
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    std::fstream(path, std::ios::in | std::ios::out | std::ios::binary).write("x", 1);
    Retention retention(0, day_ns, 1);
    Bench first(options_of(directory, 0, &retention));
    first.ring.wait(2 * day_ns);
    pass({&first});
    CHECK(first.writer->figures().pruned == 0);
    first.close();
    CHECK(segments_of(directory, 1) == before);
}

} // namespace weir::record::test
