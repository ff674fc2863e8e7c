// tests/record/tail_test.cc - entries that no segment has yet outlive the process, whatever moment it is killed at, and a power
// cut that leaves any part of them does no harm.
#include "record/tail.h"
#include "record/crash_states.h"
#include "record/fields.h"
#include "record/place.h"
#include "record/reader.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>

namespace weir::record::test {
namespace {

constexpr size_t tail_bytes = 2 << 20;

WriterOptions with_tail(const Directory& directory, uint64_t segment_bytes = 1 << 20) {
    auto options = options_in(directory, Durability::batch, segment_bytes);
    options.tail_bytes = tail_bytes;
    return options;
}

std::vector<std::string> tails_in(const std::string& directory) {
    std::vector<std::string> paths;
    for (const auto& file : std::filesystem::directory_iterator(directory))
        if (file.path().extension() == ".tail") paths.push_back(file.path());
    return paths;
}

std::string bytes_of_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void overwrite(const std::string& path, const std::string& bytes) {
    std::ofstream file(path, std::ios::binary);
    REQUIRE(file.write(bytes.data(), static_cast<std::streamsize>(bytes.size())));
}

/// The log has the entries `appended`, each once and as it was, from the first to at least the one with `seq`; and it is sound.
void check_has(const Directory& directory, const std::map<uint64_t, std::string>& appended, uint64_t seq) {
    auto expected = appended.begin();
    for (const Kept& entry : appended_of(read_all(directory.path()))) {
        if (entry.exchange != 1) continue; // A later run's.
        REQUIRE(expected != appended.end());
        REQUIRE(entry.seq == expected->first);
        const auto fields = read_fields(entry.payload);
        REQUIRE(fields);
        REQUIRE(fields->text(Field::body) == expected->second);
        ++expected;
    }
    const bool all = expected == appended.end() || expected->first > seq;
    REQUIRE(all);
    const auto verified = verify_log(directory.path());
    REQUIRE(verified);
    for (const std::string& damage : verified->damages) FAIL(damage);
    for (const std::string& torn : verified->torn) FAIL(torn);
}

/// weir starts again on what is there, goes on, and ends.
void start_and_end(const WriterOptions& options) {
    Bench bench(options);
    REQUIRE(bench.until_durable(bench.ask(10, 2)));
    bench.close();
}

/// Frames with the seqs `first` to `last` in a chunk of `tail`.
BufferPool::Lent put_frames(Tail& tail, const Salt& salt, uint64_t first, uint64_t last,
                            const std::string& text = "payload ") {
    const auto chunk = tail.lend(salt);
    REQUIRE(chunk.data != nullptr);
    char* end = chunk.data;
    for (uint64_t seq = first; seq <= last; ++seq) {
        const std::string payload = text + std::to_string(seq);
        std::memcpy(end + frame_head_bytes, payload.data(), payload.size());
        FrameHead head;
        head.seq = seq;
        head.kind = Kind::asked;
        end += finish_frame(end, head, static_cast<uint32_t>(payload.size()), salted(salt));
    }
    return chunk;
}

uint64_t next_seq_in(const Directory& directory, uint64_t seq) {
    const auto found = read_tails(directory.path(), log_id, 0, seq);
    REQUIRE(found);
    return found->next_seq;
}

} // namespace

TEST_CASE(
    "what stands in a tail is read from the asked seq on, over chunks of different salts, up to what is missing") {
    Directory directory;
    auto tail = Tail::make(directory.path(), 7, {log_id, 0, 64 << 10, 4});
    REQUIRE(tail);
    const auto first = put_frames(**tail, Salt{1}, 5, 9);
    const auto second = put_frames(**tail, Salt{2}, 10, 14);
    put_frames(**tail, Salt{3}, 16, 20);
    const auto found = read_tails(directory.path(), log_id, 0, 8);
    REQUIRE(found);
    CHECK(found->next_seq == 15);
    CHECK(found->next_number == 8);
    CHECK(found->paths == tails_in(directory.path()));
    std::string_view rest = found->frames;
    for (uint64_t seq = 8; seq < 15; ++seq) {
        const Frame frame = peek_frame(rest);
        CHECK(frame.seq == seq);
        CHECK(frame.payload == "payload " + std::to_string(seq));
        rest.remove_prefix(frame.bytes);
    }
    CHECK(rest.empty());
    CHECK(next_seq_in(directory, 4) == 4);
    CHECK(next_seq_in(directory, 16) == 21);

    (*tail)->give_back(second);
    CHECK(next_seq_in(directory, 8) == 10);
    put_frames(**tail, Salt{4}, 10,
               11); // The chunk that was given back last, with the rest of its former frames behind.
    CHECK(next_seq_in(directory, 8) == 12);
    put_frames(**tail, Salt{5}, 12, 12);
    CHECK((*tail)->lend(Salt{6}).data == nullptr);
    (*tail)->give_back(first);
    CHECK((*tail)->lend(Salt{6}).data == first.data);

    const auto other_log = read_tails(directory.path(), LogId{9}, 0, 16);
    const auto other_stream = read_tails(directory.path(), log_id, 1, 16);
    REQUIRE((other_log && other_stream));
    CHECK(other_log->next_seq == 16);
    CHECK(other_stream->next_seq == 16);
    CHECK_FALSE(Tail::make(directory.path(), 7, {log_id, 0, 64 << 10, 4})); // It is there.
    (*tail)->remove();
    CHECK(tails_in(directory.path()).empty());
}

TEST_CASE("of two tails the newer one is right, and the older one has what the newer did not come to") {
    Directory directory;
    const auto make = [&](uint64_t number) {
        auto tail = Tail::make(directory.path(), number, {log_id, 0, 64 << 10, 4});
        REQUIRE(tail);
        return std::move(*tail);
    };
    const auto older = make(1), newer = make(2);
    put_frames(*older, Salt{1}, 1, 10);
    put_frames(*older, Salt{2}, 12, 14);
    SECTION("it was killed while it brought over what the older one had") {
        put_frames(*newer, Salt{3}, 1, 6);
        CHECK(next_seq_in(directory, 1) == 11);
    }
    SECTION("it went on where the older one has a hole: what is behind that is another past") {
        put_frames(*newer, Salt{3}, 1, 11);
        CHECK(next_seq_in(directory, 1) == 12);
    }
    SECTION("it says something else") {
        put_frames(*newer, Salt{3}, 1, 9, "other ");
        CHECK(next_seq_in(directory, 1) == 10);
    }
}

TEST_CASE("whatever octet of a tail is another, no other frame is read than what was written") {
    Directory directory;
    std::string path, good, frames;
    {
        auto tail = Tail::make(directory.path(), 1, {log_id, 0, 4 << 10, 2});
        REQUIRE(tail);
        put_frames(**tail, Salt{1}, 1, 20);
        put_frames(**tail, Salt{2}, 21, 40);
        path = tails_in(directory.path()).front();
        good = bytes_of_file(path);
        frames = read_tails(directory.path(), log_id, 0, 1)->frames;
    }
    size_t whole = 0;
    for (size_t at = 0; at < good.size(); at += at < 5000 ? 1 : 7) {
        std::string bad = good;
        bad[at] = static_cast<char>(bad[at] ^ 0x41);
        overwrite(path, bad);
        const auto found = read_tails(directory.path(), log_id, 0, 1);
        REQUIRE(found);
        INFO("octet " << at);
        REQUIRE(frames.starts_with(found->frames));
        whole += found->frames == frames;
    }
    CHECK(whole > 0); // behind the frames there is nothing to be damaged
    for (size_t size = 0; size < good.size(); size += 97) {
        overwrite(path, good.substr(0, size));
        REQUIRE(frames.starts_with(read_tails(directory.path(), log_id, 0, 1)->frames));
    }
}

TEST_CASE("with a tail an entry may be acted on as soon as it was appended, and is there though nothing was written") {
    Directory directory;
    std::map<uint64_t, std::string> appended;
    {
        Bench bench(with_tail(directory));
        const uint64_t seq = bench.ask(600);
        CHECK(bench.writer->may_act_on(seq)); // before there is a segment
        REQUIRE(bench.until_durable(seq));
        const uint64_t last = (bench.ask(300), bench.ask(10));
        CHECK(bench.writer->may_act_on(last));
        appended = bench.appended;
        bench.crash();
    }
    REQUIRE(tails_in(directory.stream()).size() == 1);
    start_and_end(with_tail(directory));
    check_has(directory, appended, appended.rbegin()->first);
    CHECK(tails_in(directory.stream()).empty());
}

TEST_CASE("what a tail has is brought over by a run of any durability that writes") {
    for (const Durability durability : {Durability::strict, Durability::batch}) {
        Directory directory;
        std::map<uint64_t, std::string> appended;
        {
            Bench bench(with_tail(directory));
            bench.ask(600);
            appended = bench.appended;
            bench.crash();
        }
        start_and_end(options_in(directory, durability));
        check_has(directory, appended, appended.rbegin()->first);
        CHECK(tails_in(directory.stream()).empty());
    }
}

TEST_CASE("entries that are kept are written together, within write_ns_max, and synced within sync_ns_max") {
    Directory directory;
    Bench bench(with_tail(directory));
    REQUIRE(bench.until_durable(bench.ask(10)));
    bench.turns(5);
    bench.ring.tracing = true;
    const uint64_t begun_ns = bench.ring.now_ns(), first = bench.ask(100);
    uint64_t last = first;
    for (int i = 0; i < 10; ++i) {
        bench.writer->flush();
        last = bench.ask(100);
    }
    CHECK(bench.ring.trace.empty());
    CHECK(bench.writer->next_due_ns() == begun_ns + 2 * ms_ns);
    while (bench.ring.trace.empty()) bench.turn();
    CHECK(bench.ring.now_ns() >= begun_ns + 2 * ms_ns);
    CHECK(bench.ring.now_ns() < begun_ns + 3 * ms_ns);
    REQUIRE(bench.until_durable(last));
    CHECK(bench.ring.now_ns() <= begun_ns + 50 * ms_ns);
    size_t writes = 0;
    for (const Event& event : bench.ring.trace) writes += event.kind == Event::Kind::write;
    CHECK(writes == 1);
}

TEST_CASE("what finds no room in the tail is written before it is acted on, and what follows waits until it is") {
    Directory directory;
    std::map<uint64_t, std::string> appended;
    uint64_t kept = 0;
    {
        Bench bench(with_tail(directory, 64 << 20));
        bench.ring.takes_whole_blocks = false;
        REQUIRE(bench.until_durable(bench.ask(10)));
        bench.turns(5);
        bench.ring.held = true; // The disk stalls.
        uint64_t seq = bench.ask(100'000);
        for (int i = 0; i < 8; ++i) seq = bench.ask(100'000);
        CHECK(bench.writer->may_act_on(seq));
        while (bench.writer->may_act_on(seq)) {
            kept = seq;
            seq = bench.ask(100'000);
            REQUIRE(seq < 100);
        }
        bench.writer->flush();
        CHECK(bench.writer->may_act_on(seq)); // It is with the kernel.
        bench.ring.held = false;
        REQUIRE(bench.until_durable(bench.ask(10)));
        bench.turns(5);
        const uint64_t again = bench.ask(100); // The tail has room again.
        CHECK(bench.writer->may_act_on(again));

        const uint64_t large = bench.ask(700'000); // larger than a chunk
        const uint64_t behind = bench.ask(100);
        CHECK_FALSE(bench.writer->may_act_on(large));
        CHECK_FALSE(bench.writer->may_act_on(behind));
        REQUIRE(bench.until(behind));
        REQUIRE(bench.until_durable(behind));
        const uint64_t small = bench.ask(100);
        CHECK(bench.writer->may_act_on(small));
        appended = bench.appended;
        bench.crash();
    }
    CHECK(kept != 0);
    start_and_end(with_tail(directory, 64 << 20));
    check_has(directory, appended, appended.rbegin()->first);
}

TEST_CASE("what finds no room in the tail waits for writes past the page cache, which a kill may take along") {
    const bool stalls_on = GENERATE(true, false);
    Directory directory;
    std::map<uint64_t, std::string> appended;
    uint64_t safe = 0;
    {
        Bench bench(with_tail(directory, 64 << 20));
        REQUIRE(bench.until_durable(bench.ask(10)));
        bench.turns(5);
        bench.ring.direct_held = true; // The disk stalls; the page cache takes more.
        uint64_t seq = bench.ask(100'000);
        while (bench.writer->may_act_on(seq)) {
            bench.turn();
            safe = seq;
            seq = bench.ask(100'000);
            REQUIRE(seq < 100);
        }
        bench.turns(5);
        CHECK(bench.ring.direct_bytes != 0);
        CHECK_FALSE(bench.writer->may_act_on(seq));
        bench.ring.direct_held = stalls_on;
        if (!stalls_on) {
            REQUIRE(bench.until(seq));
            safe = seq;
        }
        CHECK(bench.writer->kept_seq() >= safe);
        appended = bench.appended;
        bench.crash();
    }
    start_and_end(with_tail(directory, 64 << 20));
    check_has(directory, appended, safe);
}

TEST_CASE("a file system that says it takes blocks and does not costs one segment, and nothing of the record") {
    Directory directory;
    auto options = with_tail(directory);
    options.direct_from = ring::direct_block_bytes;
    std::map<uint64_t, std::string> appended;
    {
        Bench bench(options);
        REQUIRE(bench.until_durable(bench.ask(10)));
        bench.ring.direct_fault = -EINVAL;
        for (int i = 0; i < 20; ++i) {
            bench.ask(10'000);
            bench.ring.wait(3 * ms_ns);
            bench.turns(3);
        }
        REQUIRE(bench.until_durable(bench.writer->last_seq()));
        CHECK(bench.writer->figures().segments_died == 1);
        bench.close();
        appended = bench.appended;
    }
    check_has(directory, appended, appended.rbegin()->first);
}

TEST_CASE("a batch that is carried over is as it was, wherever it lies in its new file") {
    Directory directory;
    auto options = with_tail(directory);
    options.direct_from = ring::direct_block_bytes;
    options.sync_ns_max = 100 * s_ns;
    std::map<uint64_t, std::string> appended;
    {
        Bench bench(options);
        REQUIRE(bench.until_durable(bench.ask(10)));
        const uint64_t durable = bench.writer->durable_seq();
        for (int i = 0; i < 4; ++i) { // behind what is durable, which ends within a block
            bench.ask(10'000);
            bench.ring.wait(3 * ms_ns);
            bench.turns(2);
        }
        CHECK(bench.writer->durable_seq() == durable);
        CHECK(bench.ring.direct_bytes != 0);
        appended = bench.appended;
        bench.crash();
    }
    start_and_end(options);
    check_has(directory, appended, appended.rbegin()->first);
}

TEST_CASE("large batches go past the page cache as whole blocks, whatever they hold, and small ones through it") {
    const bool takes_blocks = GENERATE(true, false);
    Directory directory;
    auto options = with_tail(directory, 16 << 20);
    options.direct_from = ring::direct_block_bytes;
    std::map<uint64_t, std::string> appended;
    uint64_t direct_bytes = 0, bytes = 0;
    {
        Bench bench(options);
        bench.ring.takes_whole_blocks = takes_blocks;
        bench.turns(10);
        for (uint64_t i = 0; i < 2 * ring::direct_block_bytes / 8;
             ++i) { // so that each size of what fills a block comes
            for (const uint64_t size : {uint64_t{10}, ring::direct_block_bytes + 8 * i}) {
                if (size == 10 && i % 7 != 0) continue;
                bench.ask(size);
                bench.ring.wait(3 * ms_ns);
                bench.turns(2);
            }
        }
        REQUIRE(bench.until_durable(bench.writer->last_seq()));
        direct_bytes = bench.ring.direct_bytes;
        bytes = bench.writer->figures().bytes;
        bench.close();
        appended = bench.appended;
    }
    check_has(directory, appended, appended.rbegin()->first);
    CHECK((direct_bytes > bytes / 4) == takes_blocks);
    CHECK((direct_bytes == 0) == !takes_blocks);
    auto reader = Reader::open(directory.path(), {});
    REQUIRE(reader);
    std::set<size_t> fills;
    for (auto entry = reader->next(); entry; entry = reader->next()) {
        if (entry->frame.kind != Kind::fill) continue;
        const auto fields = read_fields(entry->frame.payload);
        REQUIRE(fields);
        CHECK(fields->text(Field::body).find_first_not_of('\0') == std::string_view::npos);
        fills.insert(entry->frame.payload.size());
    }
    if (takes_blocks) CHECK(fills.size() > 400);
    else CHECK(fills.size() <= 3); // until it was known
}

TEST_CASE("a kill at any moment loses nothing that might have been acted on, whatever the disk did before") {
    unsigned carried = 0;
    for (uint64_t seed = 0; seed < 150; ++seed) {
        INFO("seed " << seed);
        Random random(seed);
        Directory directory;
        std::map<uint64_t, std::string> appended;
        uint64_t safe = 0;
        for (uint64_t deaths = 1 + random.below(3); deaths != 0; --deaths) {
            auto options = with_tail(directory, random.chance(1, 2) ? 16 << 10 : 256 << 10);
            options.seed = random.next();
            if (random.chance(1, 2)) options.direct_from = 2048;
            Bench bench(options);
            bench.ring.takes_whole_blocks = random.chance(3, 4);
            REQUIRE(bench.writer->last_seq() >= safe);
            appended.erase(appended.upper_bound(bench.writer->last_seq()),
                           appended.end()); // Their seqs are free again.
            if (random.chance(1, 3)) bench.ring.faults.push_back({Event::Kind::sync, random.below(8), -EIO, 1});
            if (random.chance(1, 3)) bench.ring.faults.push_back({Event::Kind::write, random.below(8), 700, 1});
            for (uint64_t i = random.below(60); i != 0; --i) {
                // What the tail has no room for is lost with a kill when its write has failed.
                const bool large = bench.ring.faults.empty() && random.chance(1, 20);
                bench.ask(random.below(large ? 400'000 : 1500));
                if (random.chance(1, 2)) bench.turn();
                if (random.chance(1, 10)) bench.ring.wait(30 * ms_ns);
            }
            appended.merge(bench.appended);
            safe = bench.writer->kept_seq();
            bench.crash();
            std::string why;
            const auto found = recover(directory.stream(), log_id, 0, why);
            REQUIRE(found);
            carried += found->in_tails;
        }
        start_and_end(with_tail(directory));
        check_has(directory, appended, safe);
    }
    CHECK(carried > 100);
}

TEST_CASE("a power cut that leaves any sectors of a tail loses nothing durable and raises no false alarm") {
    for (uint64_t seed = 0; seed < 150; ++seed) {
        INFO("seed " << seed);
        Random random(seed + 1000);
        Directory directory, left;
        std::map<uint64_t, std::string> appended;
        uint64_t durable = 0;
        std::filesystem::create_directory(left.stream());
        {
            auto options = with_tail(directory, 16 << 10);
            if (random.chance(1, 2)) options.direct_from = 2048;
            Bench bench(options);
            bench.ring.tracing = true;
            for (uint64_t i = random.below(80); i != 0; --i) {
                bench.ask(random.below(1500));
                if (random.chance(1, 2)) bench.turn();
                if (random.chance(1, 10)) bench.ring.wait(30 * ms_ns);
            }
            appended = bench.appended;
            durable = bench.writer->durable_seq();
            make_crash_state(bench.ring.trace, bench.ring.trace.size(), Luck::random, random, left.stream());
            const std::string path = tails_in(directory.stream()).front();
            std::string bytes = bytes_of_file(path);
            const uint64_t of_ten = random.below(11);
            for (size_t at = 0; at < bytes.size(); at += 512)
                if (random.below(10) < of_ten) std::memset(bytes.data() + at, 0, 512);
            overwrite(left.stream() + "/" + std::filesystem::path(path).filename().string(), bytes);
            bench.crash();
        }
        start_and_end(with_tail(left));
        check_has(left, appended, durable);
    }
}

TEST_CASE("what is kept when the disk has no room at the stop is there at the next start") {
    const bool large = GENERATE(false, true);
    Directory directory;
    std::map<uint64_t, std::string> appended;
    {
        Bench bench(with_tail(directory, 16 << 10));
        REQUIRE(bench.until_durable(bench.ask(10)));
        bench.turns(5);
        bench.ring.faults = {{Event::Kind::write, 0, -ENOSPC, 1000}, {Event::Kind::create, 0, -ENOSPC, 1000}};
        bench.ask(300);
        appended = bench.appended;
        if (large)
            CHECK_FALSE(bench.writer->may_act_on(bench.ask(400'000))); // It is in no tail, and so nobody acted on it.
        bench.close();
    }
    REQUIRE(tails_in(directory.stream()).size() == 1);
    start_and_end(with_tail(directory));
    check_has(directory, appended, appended.rbegin()->first);
}

TEST_CASE("the tail of a worker that is no more comes to its stream") {
    Directory directory;
    auto options = with_tail(directory);
    options.worker = 1;
    std::map<uint64_t, std::string> appended;
    {
        Bench bench(options);
        bench.ask(600);
        appended = bench.appended;
        bench.crash();
    }
    Retention retention(0, 0, 1);
    options.worker = 0;
    options.retention = &retention;
    SECTION("whose entries are in no segment") {}
    SECTION("which has nothing that its segments have not") {
        const std::string stream = directory.path() + "/worker-1", kept = bytes_of_file(tails_in(stream).front());
        auto again = with_tail(directory);
        again.worker = 1;
        Bench(again).close();
        overwrite(stream + "/00000000000000000009.tail", kept);
    }
    start_and_end(options);
    CHECK(tails_in(directory.path() + "/worker-1").empty());
    check_has(directory, appended, appended.rbegin()->first);
}

} // namespace weir::record::test
