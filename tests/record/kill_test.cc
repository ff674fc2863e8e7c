// tests/record/kill_test.cc - a process that is killed at any moment leaves every entry to the next that was durable (strict)
// or kept (batch with a tail) or written (batch without: a turn that the kernel was only handed may be lost).
// Tried with the kernel's own ring, real files and kill -9, run after run on the same log.
#include "record/fields.h"
#include "record/place.h"
#include "ring/kernel_ring.h"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <thread>

namespace weir::record::test {
namespace {

// Appends for ever and tells each seq that is safe. Never returns.
[[noreturn]] void write_until_killed(const WriterOptions& options, int tell) {
    auto waker = ring::make_waker();
    if (!waker) ::_exit(2);
    auto ring = ring::make_kernel_ring({.submissions = 64, .completions = 256, .slabs = 4}, *waker);
    if (!ring) ::_exit(2);
    auto writer = Writer::open(**ring, options);
    if (!writer) ::_exit(3);
    Random random(options.seed);
    for (uint64_t told = (*writer)->last_seq();;) {
        for (uint64_t i = random.below(4); i != 0; --i) {
            const uint64_t name = 1 + random.below(1'000'000);
            const std::string body = body_of(name, random.below(1500));
            if (!(*writer)->append(1, Asked{.principal = "ann", .body = body, .wire_bytes = name})) ::_exit(4);
        }
        (*writer)->flush();
        (*ring)->submit();
        const uint64_t safe = options.durability == Durability::strict ? (*writer)->durable_seq()
                              : options.tail_bytes != 0                ? (*writer)->kept_seq()
                                                                       : (*writer)->written_seq();
        for (; told < safe; ++told) {
            const uint64_t seq = told + 1;
            if (::write(tell, &seq, sizeof seq) != sizeof seq) ::_exit(5);
        }
        (*ring)->turn((*ring)->now_ns() + ms_ns);
    }
}

// Lets a process write until it has told `count` seqs, kills it, and gives the last one it told.
uint64_t run_and_kill(const WriterOptions& options, uint64_t count) {
    int pipe_ends[2];
    REQUIRE(::pipe(pipe_ends) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        ::close(pipe_ends[0]);
        write_until_killed(options, pipe_ends[1]);
    }
    ::close(pipe_ends[1]);
    uint64_t last = 0, seq = 0;
    for (uint64_t i = 0; i < count; ++i) {
        if (::read(pipe_ends[0], &seq, sizeof seq) != sizeof seq) break;
        last = seq;
    }
    ::kill(child, SIGKILL);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    while (::read(pipe_ends[0], &seq, sizeof seq) == sizeof seq) last = seq; // Told before it died.
    ::close(pipe_ends[0]);
    INFO("exit status " << (WIFEXITED(status) ? WEXITSTATUS(status) : 0));
    REQUIRE(WIFSIGNALED(status));
    return last;
}

uint64_t last_seq_in(const std::string& directory) {
    auto reader = Reader::open(directory, {});
    REQUIRE(reader);
    uint64_t last = 0;
    while (const auto entry = reader->next()) last = entry->frame.seq;
    return last;
}

} // namespace

TEST_CASE("kill -9, again and again, loses nothing that was safe") {
    struct Way {
        Durability durability;
        size_t tail_bytes;
    };
    for (const auto& [durability, tail_bytes] :
         {Way{Durability::strict, 0}, Way{Durability::batch, 0}, Way{Durability::batch, 1 << 20}}) {
        Directory directory;
        for (uint64_t run = 0; run < 12; ++run) {
            auto options = options_in(directory, durability, 64 << 10);
            options.tail_bytes = tail_bytes;
            if (run % 2 == 0) options.direct_from = ring::direct_block_bytes;
            options.seed = run;
            const uint64_t told = run_and_kill(options, 1 + run * 37 % 150);
            std::string why;
            const auto found = recover(directory.stream(), log_id, 0, why);
            INFO("durability " << static_cast<int>(durability) << ", tail " << tail_bytes << ", run " << run << " "
                               << why);
            REQUIRE(found);
            if (tail_bytes != 0) Bench(options).close(); // which brings what is in the tail to a segment
            const auto kept = read_all(directory.path());
            REQUIRE_FALSE(kept.empty());
            uint64_t last = 0;
            for (const Kept& entry : kept) {
                REQUIRE(entry.seq > last);
                last = entry.seq;
                if (entry.exchange == 0) continue;
                const auto fields = read_fields(entry.payload);
                REQUIRE(fields);
                const auto body = fields->text(Field::body);
                REQUIRE(body == body_of(fields->number(Field::wire_bytes), body.size()));
            }
            REQUIRE(last_seq_in(directory.path()) >= told); // Marks and seals included.
        }
        Bench bench(options_in(directory, durability, 64 << 10));
        REQUIRE(bench.until(bench.ask(5)));
        bench.close();
        const auto verified = verify_log(directory.path());
        REQUIRE(verified);
        CHECK(verified->damages.empty());
        CHECK(verified->torn.empty());
    }
}

TEST_CASE("the kernel's ring writes a log that is sound, segment after segment") {
    for (const Durability durability : {Durability::batch, Durability::strict}) {
        Directory directory;
        auto waker = ring::make_waker();
        REQUIRE(waker);
        auto ring = ring::make_kernel_ring({.submissions = 64, .completions = 256, .slabs = 4}, *waker);
        REQUIRE(ring);
        auto writer = Writer::open(**ring, options_in(directory, durability, 256 << 10));
        REQUIRE(writer);
        uint64_t count = 0;
        for (int i = 0; i < 1500; ++i) {
            const std::string body = body_of((*writer)->last_seq(), 900);
            if ((*writer)->append(1, Asked{.body = body})) ++count;
            (*writer)->flush();
            (*ring)->turn((*ring)->now_ns());
        }
        (*writer)->close();
        while (!(*writer)->closed()) (*ring)->turn((*ring)->now_ns() + ms_ns);
        CHECK((*writer)->figures().segments >= 4);
        writer->reset();
        CHECK(count == 1500);
        CHECK(appended_of(read_all(directory.path())).size() == count);
        const auto verified = verify_log(directory.path());
        REQUIRE(verified);
        CHECK(verified->damages.empty());
        CHECK(verified->torn.empty());
    }
}

TEST_CASE("a reader beside a writer finds no damage, and every entry once") {
    for (const bool verify : {false, true}) {
        Directory directory;
        std::atomic<bool> done = false;
        uint64_t last = 0, torn = 0;
        std::string damage;
        auto waker = ring::make_waker();
        REQUIRE(waker);
        auto ring = ring::make_kernel_ring({.submissions = 64, .completions = 256, .slabs = 4}, *waker);
        REQUIRE(ring);
        auto writer = Writer::open(**ring, options_in(directory, Durability::batch, 512 << 10));
        REQUIRE(writer);
        std::thread beside([&] {
            auto reader = Reader::open(directory.path(), {.verify = verify});
            while (reader && damage.empty()) {
                const bool over = done.load();
                for (;;) {
                    const auto entry = reader->next();
                    if (entry && entry->frame.seq == last + 1) last = entry->frame.seq;
                    else if (entry)
                        damage = "seq " + std::to_string(entry->frame.seq) + " after " + std::to_string(last);
                    else if (entry.error() == Error::incomplete) ++torn; // Half of a write was there.
                    else if (entry.error() == Error::not_found) break;
                    else damage = reader->damage();
                    if (!damage.empty()) break;
                }
                if (over) return;
            }
        });
        for (int i = 0; i < 4000; ++i) {
            const std::string body = body_of(static_cast<uint64_t>(i), 1000);
            (void)(*writer)->append(1, Asked{.body = body});
            if (i % 3 == 0) (*writer)->flush();
            (*ring)->turn((*ring)->now_ns());
        }
        (*writer)->close();
        while (!(*writer)->closed()) (*ring)->turn((*ring)->now_ns() + ms_ns);
        const uint64_t written = (*writer)->last_seq();
        done = true;
        beside.join();
        CHECK(damage == "");
        CHECK(last == written);
    }
}

} // namespace weir::record::test
