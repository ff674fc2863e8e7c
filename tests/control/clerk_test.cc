// tests/control/clerk_test.cc - the clerk answers each question once, in order, to who asked; too many are refused; it ends at
// once. Nothing sleeps: what is told is waited for.
#include "control/clerk.h"

#include <catch2/catch_test_macros.hpp>
#include <future>
#include <vector>

using namespace weir;
using namespace weir::control;

TEST_CASE("questions are answered in order, each to its worker and waiter") {
    std::vector<std::string> told;
    std::promise<void> all;
    Clerk clerk(
        [](const post::DeskAsk& ask) { return post::DeskNews{.status = 200, .body = ask.path + ask.who.subject}; },
        [&](uint32_t worker, post::DeskNews&& news) {
            told.push_back(std::to_string(worker) + " " + std::to_string(news.waiter.index) + " " + news.body);
            if (told.size() == 3) all.set_value();
        });
    for (uint32_t i = 0; i < 3; ++i) {
        post::DeskAsk ask{.worker = i, .waiter = {i + 7, 1}, .path = "/p" + std::to_string(i)};
        ask.who.subject = "bo";
        REQUIRE(clerk.ask(std::move(ask)));
    }
    REQUIRE(all.get_future().wait_for(std::chrono::seconds(120)) == std::future_status::ready);
    CHECK(told == std::vector<std::string>{"0 7 /p0bo", "1 8 /p1bo", "2 9 /p2bo"});
}

TEST_CASE("a desk that is behind refuses, and what waits is dropped when it ends") {
    std::promise<void> began, go;
    size_t answered = 0;
    {
        Clerk clerk(
            [&](const post::DeskAsk&) {
                if (++answered == 1) {
                    began.set_value();
                    go.get_future().wait();
                }
                return post::DeskNews{};
            },
            [](uint32_t, post::DeskNews&&) {});
        REQUIRE(clerk.ask({}));
        began.get_future().wait();
        for (size_t i = 0; i < Clerk::questions_max; ++i) REQUIRE(clerk.ask({}));
        CHECK_FALSE(clerk.ask({}));
        go.set_value();
    }
    CHECK(answered <= Clerk::questions_max + 1);
}
