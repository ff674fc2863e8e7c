// tests/post/mailbox_test.cc - a mailbox loses nothing, keeps each sender's order, and says when it is full.
#include "post/mailbox.h"

#include <catch2/catch_test_macros.hpp>

#include <atomic>
#include <semaphore>
#include <thread>

using namespace weir::post;

TEST_CASE("what was posted is taken once, in order, and each post wakes") {
    int woken = 0;
    Mailbox<int> box(8, [&] { ++woken; });
    CHECK(box.take().empty());
    for (int i = 0; i < 3; ++i) CHECK(box.post(i));
    CHECK(woken == 3);
    CHECK(box.take() == std::vector{0, 1, 2});
    CHECK(box.take().empty());
}

TEST_CASE("a full mailbox refuses, wakes nobody, and takes again once it was emptied") {
    int woken = 0;
    Mailbox<int> box(2, [&] { ++woken; });
    CHECK(box.post(1));
    CHECK(box.post(2));
    CHECK_FALSE(box.post(3));
    CHECK(woken == 2);
    CHECK(box.take() == std::vector{1, 2});
    CHECK(box.post(4));
    CHECK(box.take() == std::vector{4});
}

TEST_CASE("what several threads post arrives whole, each sender's in its order") {
    struct Message {
        int sender = 0, number = 0;
    };
    constexpr int senders = 4, each = 2000;
    std::counting_semaphore<> posted(0);
    Mailbox<Message> box(size_t{senders} * each, [&] { posted.release(); });
    std::atomic<int> refused = 0;
    std::vector<std::thread> threads;
    for (int sender = 0; sender < senders; ++sender)
        threads.emplace_back([&, sender] {
            for (int number = 0; number < each; ++number)
                if (!box.post({sender, number})) ++refused;
        });
    std::vector<int> next(senders, 0);
    int out_of_order = 0, count = 0;
    while (count < senders * each) {
        posted.acquire();
        for (const Message& message : box.take()) {
            if (message.number != next[static_cast<size_t>(message.sender)]++) ++out_of_order;
            ++count;
        }
    }
    for (auto& thread : threads) thread.join();
    CHECK(refused == 0);
    CHECK(out_of_order == 0);
    CHECK(next == std::vector<int>(senders, each));
}
