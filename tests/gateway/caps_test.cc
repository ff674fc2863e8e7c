// tests/gateway/caps_test.cc - what all workers count together is counted once, whoever counts.
#include "gateway/caps.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <catch2/catch_test_macros.hpp>
#include <thread>
#include <vector>

using namespace weir;
using namespace weir::gateway;

namespace {

IpAddress address(const char* text) { return IpAddress::parse(text).value(); }

} // namespace

TEST_CASE("a key has as many as it may, and gets back what it gives back") {
    KeyCounts counts(100);
    std::vector<uint32_t> rows;
    for (int i = 0; i < 5; ++i) {
        const auto row = counts.take(7, 5);
        REQUIRE(row);
        rows.push_back(*row);
    }
    CHECK(counts.take(7, 5).error() == Error::limit_reached);
    CHECK(counts.take(8, 5)); // Another key is another count.
    CHECK(counts.count_of(7) == 5);
    counts.give_back(rows.back());
    CHECK(counts.count_of(7) == 4);
    CHECK(counts.take(7, 5));
    counts.give_back(KeyCounts::uncounted);
    CHECK(counts.count_of(7) == 5);
}

TEST_CASE("as many keys as there is room for are counted, and leave nothing behind") {
    KeyCounts counts(4096);
    std::vector<uint32_t> rows;
    uint32_t uncounted = 0;
    for (uint64_t key = 0; key < 4096; ++key) {
        const auto row = counts.take(key, 1);
        REQUIRE(row);
        if (*row == KeyCounts::uncounted) ++uncounted;
        else CHECK(counts.count_of(key) == 1);
        rows.push_back(*row);
    }
    CHECK(uncounted < 4096 / 20);
    for (const uint32_t row : rows) counts.give_back(row);
    for (uint64_t key = 0; key < 4096; ++key) CHECK(counts.count_of(key) == 0);
}

TEST_CASE("many threads never take more together than one key may have") {
    KeyCounts counts(16);
    Cap cap;
    constexpr uint32_t most = 50;
    std::atomic<uint32_t> highest{0}, highest_of_cap{0};
    const auto anchor = counts.take(1, most); // The key has its row: counts are exact from here on.
    REQUIRE(anchor);
    {
        std::vector<std::jthread> threads;
        for (int thread = 0; thread < 4; ++thread)
            threads.emplace_back([&] {
                std::vector<uint32_t> rows;
                for (int i = 0; i < 20'000; ++i) {
                    if (const auto row = counts.take(1, most)) rows.push_back(*row);
                    const uint32_t now = counts.count_of(1);
                    for (uint32_t seen = highest; seen < now && !highest.compare_exchange_weak(seen, now);) {}
                    if (rows.size() > 30 || (i % 3 == 0 && !rows.empty())) {
                        counts.give_back(rows.back());
                        rows.pop_back();
                    }
                    if (!cap.take(most)) continue;
                    const uint32_t taken = cap.taken();
                    if (taken > most + 4) highest_of_cap = taken; // Those that are about to be refused are in it.
                    cap.give_back();
                }
                for (const uint32_t row : rows) counts.give_back(row);
            });
    }
    CHECK(highest <= most);
    CHECK(highest > most / 2);
    CHECK(highest_of_cap == 0);
    CHECK(cap.taken() == 0);
    CHECK(counts.count_of(1) == 1);
    counts.give_back(*anchor);
    CHECK(counts.count_of(1) == 0);
}

TEST_CASE("an address is counted as what one host is given") {
    CHECK(address_key(address("10.1.2.3")) == address_key(address("::ffff:10.1.2.3")));
    CHECK(address_key(address("10.1.2.3")) != address_key(address("10.1.2.4")));
    CHECK(address_key(address("2001:db8:1:2::1")) == address_key(address("2001:db8:1:2:ffff::9")));
    CHECK(address_key(address("2001:db8:1:2::1")) != address_key(address("2001:db8:1:3::1")));
    CHECK_FALSE(address_key(IpAddress()));
}

TEST_CASE("memory is what the others have lent") {
    Caps caps({}, 3);
    caps.tell_memory(0, 100);
    caps.tell_memory(2, 7);
    CHECK(caps.memory_of_others(0) == 7);
    CHECK(caps.memory_of_others(1) == 107);
    caps.tell_memory(0, 0);
    CHECK(caps.memory_of_others(2) == 0);
}
