// tests/record/crash_test.cc - after a power cut at any moment, everything that was called durable is there, everything
// that is there is a prefix of what was appended, and the stream goes on without a false alarm.
//
// Tried over every prefix of the trace of a run with ends of segments and faults, each with several draws of what the
// disk kept of the rest; and over cuts within the recovery that follows a cut.
#include "record/crash_states.h"
#include "record/fields.h"
#include "record/place.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <filesystem>

namespace weir::record::test {
namespace {

// One run: its trace, and how much was durable when each event had happened.
struct Run {
    std::vector<Event> trace;
    std::vector<uint64_t> durable; // by number of events
    std::map<uint64_t, std::string> appended;
};

void note(Run& run, const Bench& bench) {
    run.durable.resize(bench.ring.trace.size(), run.durable.back()); // Within the turn it was not told yet.
    run.durable.push_back(bench.writer->durable_seq());
}

Run make_run(const Directory& directory, Durability durability, uint64_t seed, int asks = 40) {
    Random random(seed);
    Run run;
    auto options = options_in(directory, durability, 16 << 10);
    options.seed = seed;
    Bench bench(options);
    bench.ring.tracing = true;
    if (seed % 3 == 1) bench.ring.faults.push_back({Event::Kind::sync, 4 + random.below(6), -EIO, 1});
    if (seed % 3 == 2) bench.ring.faults.push_back({Event::Kind::write, 4 + random.below(6), 700, 1});
    run.durable = {0};
    for (int i = 0; i < asks; ++i) {
        bench.ask(random.below(1500), 1);
        if (random.chance(2, 3)) {
            bench.turn();
            note(run, bench);
        }
        if (random.chance(1, 4)) bench.ring.wait(30 * ms_ns);
    }
    for (int i = 0; asks == 40 && i < 30; ++i) {
        bench.turn();
        note(run, bench);
    }
    run.trace = bench.ring.trace;
    run.appended = bench.appended;
    return run;
}

// The log in `directory` holds the entries of `run` from the first on, at least up to `durable`, each as it was.
void check_prefix(const Directory& directory, const Run& run, uint64_t durable) {
    const auto kept = appended_of(read_all(directory.path()));
    auto expected = run.appended.begin();
    for (const Kept& entry : kept) {
        if (entry.exchange != 1) continue; // A later run's.
        REQUIRE(expected != run.appended.end());
        REQUIRE(entry.seq == expected->first);
        const auto fields = read_fields(entry.payload);
        REQUIRE(fields);
        REQUIRE(fields->text(Field::body) == expected->second);
        ++expected;
    }
    const bool all_durable = expected == run.appended.end() || expected->first > durable;
    REQUIRE(all_durable);
}

// A writer takes the stream up, goes on, stops; then the log is sound.
void check_goes_on(const Directory& directory, const Run& run, uint64_t durable) {
    Bench bench(options_in(directory, Durability::strict, 16 << 10));
    REQUIRE(bench.writer->last_seq() >= durable);
    const uint64_t seq = bench.ask(300, 2);
    REQUIRE(bench.until_durable(seq));
    bench.close();
    check_prefix(directory, run, durable);
    const auto verified = verify_log(directory.path());
    REQUIRE(verified);
    for (const std::string& damage : verified->damages) FAIL(damage);
    for (const std::string& torn : verified->torn) FAIL(torn);
}

constexpr Luck lucks[] = {Luck::none,   Luck::all,       Luck::random, Luck::mostly,
                          Luck::rarely, Luck::late_only, Luck::random};

} // namespace

TEST_CASE("no power cut loses a durable entry or raises a false alarm") {
    for (const Durability durability : {Durability::batch, Durability::strict}) {
        for (uint64_t seed = 0; seed < 6; ++seed) {
            Directory written;
            const Run run = make_run(written, durability, seed);
            REQUIRE(run.durable.back() > 0);
            Random random(seed + 100);
            for (size_t count = 0; count <= run.trace.size(); ++count) {
                const Luck luck = lucks[random.below(std::size(lucks))];
                Directory directory;
                std::filesystem::create_directory(directory.stream());
                make_crash_state(run.trace, count, luck, random, directory.stream());
                INFO("durability " << static_cast<int>(durability) << ", seed " << seed << ", events " << count
                                   << " of " << run.trace.size() << ", luck " << static_cast<int>(luck));
                check_goes_on(directory, run, run.durable[count]);
            }
        }
    }
}

TEST_CASE("a power cut within the recovery from a power cut loses nothing either") {
    for (uint64_t seed = 0; seed < 4; ++seed) {
        Directory written;
        const Run run = make_run(written, Durability::strict, seed);
        Random random(seed + 200);
        for (int round = 0; round < 12; ++round) {
            const size_t count = random.below(run.trace.size() + 1);
            const Luck luck = lucks[random.below(std::size(lucks))];
            Directory first;
            std::filesystem::create_directory(first.stream());
            make_crash_state(run.trace, count, luck, random, first.stream());

            // The state as a trace of its own, followed by what the recovery does.
            std::vector<Event> trace;
            for (const auto& file : std::filesystem::directory_iterator(first.stream())) {
                const std::string name = file.path().filename();
                std::string bytes(std::filesystem::file_size(file.path()), '\0');
                FILE* stream = std::fopen(file.path().c_str(), "rb");
                REQUIRE(stream != nullptr);
                REQUIRE(std::fread(bytes.data(), 1, bytes.size(), stream) == bytes.size());
                std::fclose(stream);
                trace.push_back({Event::Kind::create, name, 0, {}, 0});
                trace.push_back({Event::Kind::write, name, 0, bytes, 0});
                trace.push_back({Event::Kind::sync, name, 0, {}, 0});
            }
            trace.push_back({Event::Kind::sync_directory, {}, 0, {}, 0});
            const size_t before = trace.size();
            {
                Bench bench(options_in(first, Durability::strict, 16 << 10));
                bench.ring.tracing = true;
                if (round % 2 == 1) // what is carried over is cut short, before there is a head
                    bench.ring.faults.push_back(
                        {Event::Kind::write, random.below(2), static_cast<int32_t>(random.below(250)), 1});
                bench.turns(12);
                trace.insert(trace.end(), bench.ring.trace.begin(), bench.ring.trace.end());
            }
            for (size_t cut = before; cut <= trace.size(); ++cut) {
                Directory second;
                std::filesystem::create_directory(second.stream());
                make_crash_state(trace, cut, lucks[random.below(std::size(lucks))], random, second.stream());
                INFO("seed " << seed << ", events " << count << ", cut " << cut - before << " of "
                             << trace.size() - before);
                check_goes_on(second, run, run.durable[count]);
            }
        }
    }
}

TEST_CASE("a power cut after a kill and a restart loses nothing that either run called durable") {
    for (const Durability durability : {Durability::batch, Durability::strict}) {
        for (uint64_t seed = 0; seed < 10; ++seed) {
            Random random(seed + 300);
            Directory written;
            // What the kernel has of the first run when it is killed is there for the second, and perhaps nowhere else.
            const Run first = make_run(written, durability, seed, 5 + static_cast<int>(random.below(30)));
            std::vector<Event> trace = first.trace;
            std::string why;
            const auto found = recover(written.stream(), log_id, 0, why);
            INFO("durability " << static_cast<int>(durability) << ", seed " << seed << " " << why);
            REQUIRE(found);
            if (found->carried.empty() && found->segment != 0) { // Then it has synced the file that it builds on.
                trace.push_back({Event::Kind::sync, segment_name(found->segment), 0, {}, 0});
            }
            const size_t before = trace.size();
            std::vector<uint64_t> durable;
            std::map<uint64_t, std::string> expected;
            {
                Bench bench(options_in(written, durability, 16 << 10));
                for (const auto& [seq, body] : first.appended) {
                    if (seq <= bench.writer->last_seq()) expected[seq] = body;
                }
                bench.ring.tracing = true;
                for (int i = 0; i < 25; ++i) {
                    if (i % 4 == 1) bench.ask(random.below(900), 2);
                    if (i % 5 == 0) bench.ring.wait(30 * ms_ns);
                    bench.turn();
                    durable.resize(bench.ring.trace.size(), durable.empty() ? 0 : durable.back());
                    durable.push_back(bench.writer->durable_seq());
                }
                trace.insert(trace.end(), bench.ring.trace.begin(), bench.ring.trace.end());
                expected.insert(bench.appended.begin(), bench.appended.end());
            }
            for (size_t cut = before; cut <= trace.size(); ++cut) {
                Directory directory;
                std::filesystem::create_directory(directory.stream());
                make_crash_state(trace, cut, lucks[random.below(std::size(lucks))], random, directory.stream());
                INFO("cut " << cut - before << " of " << trace.size() - before);
                const uint64_t told =
                    std::max(first.durable.back(), durable[std::min(cut - before, durable.size() - 1)]);
                uint64_t last = 0;
                for (const Kept& entry : appended_of(read_all(directory.path()))) {
                    const auto fields = read_fields(entry.payload);
                    REQUIRE(fields);
                    REQUIRE(expected.contains(entry.seq));
                    REQUIRE(fields->text(Field::body) == expected[entry.seq]);
                    const auto next = expected.upper_bound(last);
                    REQUIRE(next->first == entry.seq); // None is left out.
                    last = entry.seq;
                }
                const auto next = expected.upper_bound(last);
                const bool all_durable = next == expected.end() || next->first > told;
                REQUIRE(all_durable);
                Bench again(options_in(directory, durability, 16 << 10)); // No false alarm.
            }
        }
    }
}

} // namespace weir::record::test
