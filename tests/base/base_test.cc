// tests/base/base_test.cc - what the ground floor promises: buffers, arena, slots, timers, globs, checksums.
#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/glob.h"
#include "base/nearest.h"
#include "base/pool.h"
#include "base/random.h"
#include "base/result.h"
#include "base/thread.h"
#include "base/timers.h"
#include "base/workspace.h"

#include <catch2/catch_test_macros.hpp>

#include <fstream>
#include <map>
#include <string>
#include <thread>

using namespace weir;

TEST_CASE("padded bytes grow, keep their bytes and go back to the pool") {
    BufferPool pool;
    {
        PaddedBytes bytes(pool);
        std::string wanted;
        for (unsigned i = 0; i < 10'000; ++i) {
            bytes.append_number(i);
            bytes.append(',');
            wanted += std::to_string(i) + ",";
        }
        CHECK(bytes.text() == wanted);
        bytes.drop_front(5);
        CHECK(bytes.text() == wanted.substr(5));
        PaddedBytes moved = std::move(bytes);
        CHECK(moved.size() == wanted.size() - 5);
        CHECK(pool.lent_count() == 1);
    }
    CHECK(pool.lent_count() == 0);
    const auto before = pool.allocations();
    const auto kept = pool.kept_bytes();
    CHECK(kept >= 65'536);
    PaddedBytes again(pool, 50'000);
    CHECK(pool.allocations() == before);
    CHECK(pool.kept_bytes() == kept - again.capacity());
}

TEST_CASE("a workspace hands out what it is asked for, aligned, and resets to nothing") {
    BufferPool pool;
    Workspace space(pool);
    for (size_t i = 1; i < 3'000; i += 7) {
        auto words = space.array<uint64_t>(i % 40 + 1);
        CHECK(reinterpret_cast<uintptr_t>(words.data()) % alignof(uint64_t) == 0);
        words.back() = i;
    }
    CHECK(space.join({"a", "", "bc"}) == "abc");
    CHECK(space.copy(std::string(100'000, 'x')).size() == 100'000);
    space.reset();
    CHECK(pool.lent_count() == 0);
}

TEST_CASE("a stale reference finds nobody") {
    Pool<std::string> pool(2);
    std::string* first = pool.make("one");
    const Ref ref = pool.ref(*first);
    REQUIRE(pool.make("two") != nullptr);
    CHECK(pool.make("three") == nullptr);
    CHECK(pool.find(ref) == first);
    pool.free(*first);
    CHECK(pool.find(ref) == nullptr);
    std::string* next = pool.make("four");
    CHECK(next == first);
    CHECK(pool.find(ref) == nullptr);
    CHECK(*pool.find(pool.ref(*next)) == "four");
    CHECK(pool.find(Ref{}) == nullptr);
}

TEST_CASE("timers fire in time, never early, and not when disarmed") {
    // Against a sorted map as the model: random sets, moves, disarms and steps of time.
    struct Probe : Timer {
        uint64_t fired_at = 0;
    };
    Random random(7);
    static uint64_t now; // the callback is a plain function
    now = 1'000'000'000;
    Timers timers(now);
    std::vector<Probe> probes(300);
    std::map<Probe*, uint64_t> set;
    for (auto& probe : probes) probe.fired = [](Timer& timer) { static_cast<Probe&>(timer).fired_at = now; };
    for (int round = 0; round < 20'000; ++round) {
        Probe& probe = probes[random.below(probes.size())];
        if (random.chance(2, 3)) {
            const uint64_t span = random.chance(1, 4) ? 400'000'000'000 : 300'000'000;
            timers.set(probe, now + random.below(span));
            set[&probe] = probe.due_ns;
        } else {
            timers.disarm(probe);
            set.erase(&probe);
        }
        now += random.below(random.chance(1, 50) ? 20'000'000'000 : 20'000'000);
        if (!set.empty()) {
            uint64_t first = UINT64_MAX;
            for (const auto& [_, due] : set) first = std::min(first, due);
            REQUIRE(timers.next_due_ns() <= std::max(first + Timers::tick_ns, now + Timers::tick_ns));
        }
        timers.advance(now);
        for (auto it = set.begin(); it != set.end();) {
            Probe* each = it->first;
            if (each->set()) {
                REQUIRE(it->second + Timers::tick_ns > now); // at most one tick late
                ++it;
            } else {
                REQUIRE(each->fired_at == now);
                REQUIRE(it->second <= now);
                it = set.erase(it);
            }
        }
        REQUIRE(timers.count() == set.size());
    }
}

TEST_CASE("globs") {
    struct Row {
        const char* pattern;
        const char* text;
        bool matches;
    };
    for (const auto& row : {Row{"*", "", true},
                            {"", "", true},
                            {"", "a", false},
                            {"a*c", "abbbc", true},
                            {"a*c", "abbbd", false},
                            {"*_delete", "user_delete", true},
                            {"*a*b*", "xxaxxbxx", true},
                            {"?", "", false},
                            {"[a-c]x", "bx", true},
                            {"[!a-c]x", "bx", false},
                            {"[]]", "]", true},
                            {"\\*", "*", true},
                            {"\\*", "a", false},
                            {"a**b", "ab", true},
                            {"[a-]", "-", true}})
        CHECK(glob_match(row.pattern, row.text) == row.matches);
    CHECK_FALSE(glob_valid("[a"));
    CHECK_FALSE(glob_valid("a\\"));
    CHECK(glob_valid("[]a]"));
    CHECK(glob_valid("\\["));
    CHECK_FALSE(glob_match(std::string(200, '*') + "b", std::string(20'000, 'a')));
}

TEST_CASE("CRC-32C has the value of RFC 3720 and is the same by table and by instruction") {
    CHECK(crc32c(0, "123456789") == 0xe3069283U);
    CHECK(crc32c_portable(0, std::string(32, '\0')) == 0x8a9136aaU);
    Random random(3);
    std::string bytes;
    for (int i = 0; i < 300; ++i) {
        bytes.push_back(static_cast<char>(random.next()));
        const size_t cut = random.below(bytes.size());
        const std::string_view all = bytes;
        REQUIRE(crc32c(0, all) == crc32c_portable(0, all));
        REQUIRE(crc32c(crc32c(0, all.substr(0, cut)), all.substr(cut)) == crc32c(0, all));
    }
}

TEST_CASE("own JSON-RPC codes lie outside the reserved range") {
    for (int i = 0; i <= static_cast<int>(Error::limit_reached); ++i) {
        const auto& row = row_of(static_cast<Error>(i));
        const bool reserved = row.code >= -32768 && row.code <= -32000;
        const bool standard = (row.code <= -32600 && row.code >= -32603) || row.code == -32700 ||
                              (row.code <= -32020 && row.code >= -32022);
        CHECK((!reserved || standard));
        CHECK_FALSE(row.text.empty());
    }
}

TEST_CASE("a near word is found, a far one is not") {
    const std::string_view words[] = {"address", "hosts", "origins", "workers"};
    CHECK(nearest("adress", words) == "address");
    CHECK(nearest("hots", words) == "hosts");
    CHECK(nearest("wrokers", words) == "workers");
    CHECK(nearest("zebra", words).empty());
    CHECK(nearest("", words).empty());
    CHECK(nearest(std::string(100, 'a'), words).empty());
}

TEST_CASE("a thread is named for whoever looks at the process, up to the last of 256 workers") {
    std::string name;
    std::thread([&name] {
        name_thread("weir-worker-255");
        std::ifstream("/proc/thread-self/comm") >> name;
    }).join();
    CHECK(name == "weir-worker-255");
}
