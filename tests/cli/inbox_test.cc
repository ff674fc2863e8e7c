// tests/cli/inbox_test.cc - keys move, open and decide; nobody decides on what is not on the screen.
#include "cli/inbox.h"

#include "base/limits.h"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>

using namespace weir;
using namespace weir::cli;
using Kind = Inbox::Wish::Kind;

namespace {

const Surface plain{.terminal = true, .colour = false};

Ticket ticket(std::string id) {
    Ticket made;
    made.id = std::move(id);
    made.state = "pending";
    made.person = "ann";
    made.server = "acme";
    made.name = "refund";
    made.expires_ns = 60 * s_ns;
    return made;
}

struct Person {
    Inbox inbox;
    Inbox::Wish type(std::string_view bytes) {
        Inbox::Wish last;
        for (const auto& stroke : read_strokes(bytes)) last = inbox.stroke(stroke);
        return last;
    }
    std::string screen(size_t rows = 12, size_t columns = 100) { return inbox.frame(rows, columns, 0, plain); }
    bool sees(std::string_view text) { return screen().find(text) != std::string::npos; }
};

} // namespace

TEST_CASE("the selection moves with keys and stays on its ticket when others come and go") {
    Person person;
    CHECK(person.sees("nothing waits"));
    person.inbox.waiting({ticket("ap_1"), ticket("ap_2"), ticket("ap_3")});
    CHECK(person.sees("> ap_1"));
    person.type("k");
    CHECK(person.sees("> ap_1"));
    person.type("j");
    CHECK(person.sees("> ap_2"));
    person.inbox.waiting({ticket("ap_0"), ticket("ap_2"), ticket("ap_3")});
    CHECK(person.sees("> ap_2"));
    person.inbox.waiting({ticket("ap_0"), ticket("ap_3")});
    CHECK(person.sees("> ap_3"));
    person.type("\x1b[A");
    CHECK(person.sees("> ap_0"));
    person.type("jjj\x1b[B");
    CHECK(person.sees("> ap_3"));
}

TEST_CASE("a decision opens the ticket, asks, and is confirmed by its id") {
    Person person;
    person.inbox.waiting({ticket("ap_1"), ticket("ap_2")});
    Inbox::Wish wish = person.type("ja");
    CHECK((wish.kind == Kind::open && wish.id == "ap_2"));
    person.inbox.opened(ticket("ap_2"));
    CHECK(person.sees("approve ap_2? enter: yes, esc: no."));
    person.type("ok \xc3\xa9x\x7f\x7fq");
    CHECK(person.sees("Reason: ok q"));
    wish = person.type("\r");
    CHECK((wish.kind == Kind::decide && wish.id == "ap_2" && wish.decision == "approve" && wish.note == "ok q"));
    CHECK(person.sees("waiting"));
}

TEST_CASE("escape takes the question back, then leaves the ticket") {
    Person person;
    person.inbox.waiting({ticket("ap_1")});
    CHECK(person.type("\r").kind == Kind::open);
    person.inbox.opened(ticket("ap_1"));
    CHECK(person.type("d").kind == Kind::none);
    CHECK(person.sees("deny ap_1?"));
    CHECK(person.type("\x1b").kind == Kind::none);
    CHECK_FALSE(person.sees("deny ap_1?"));
    CHECK(person.type("\r").kind == Kind::none);
    CHECK(person.sees("1 waiting"));
    CHECK(person.type("q").kind == Kind::quit);
    CHECK(person.type("\x03").kind == Kind::quit);
}

TEST_CASE("a ticket that is decided elsewhere takes the question away") {
    Person person;
    person.inbox.waiting({ticket("ap_1"), ticket("ap_2")});
    person.type("a");
    person.inbox.opened(ticket("ap_1"));
    person.inbox.waiting({ticket("ap_2")});
    CHECK(person.sees("no longer waiting"));
    CHECK(person.type("\r").kind == Kind::none);
    person.type("a");
    Ticket over = ticket("ap_2");
    over.state = "denied";
    person.inbox.opened(over);
    CHECK(person.type("\r").kind == Kind::none);
}

TEST_CASE("without tickets no key decides") {
    Person person;
    for (const char* keys : {"a", "d", "\r", "j", "k"}) CHECK(person.type(keys).kind == Kind::none);
}

TEST_CASE("a frame fits its screen, and long arguments are wrapped, not cut") {
    Person person;
    Ticket one = ticket("ap_1");
    one.body =
        R"({"method":"tools/call","params":{"name":"refund","arguments":{"t":")" + std::string(500, 'x') + "END\"}}}";
    std::vector<Ticket> many;
    for (int i = 0; i < 50; ++i) many.push_back(ticket("ap_" + std::to_string(100 + i)));
    person.inbox.waiting(many);
    const auto fits = [&](const std::string& frame, size_t rows, size_t columns) {
        size_t longest = 0, at = 0;
        for (size_t end; at <= frame.size(); at = end + 1) {
            end = std::min(frame.find('\n', at), frame.size());
            longest = std::max(longest, end - at);
        }
        CHECK(static_cast<size_t>(std::ranges::count(frame, '\n')) + 1 == rows);
        CHECK(longest <= columns);
    };
    for (const size_t rows : {4, 10, 60}) fits(person.screen(rows, 40), rows, 40);
    for (int i = 0; i < 49; ++i) person.type("j");
    CHECK(person.screen(10, 40).find("> ap_149") != std::string::npos);
    person.inbox.opened(one);
    fits(person.screen(10, 40), 10, 40);
    CHECK(person.screen(10, 40).find("more lines below") != std::string::npos);
    CHECK(person.screen(60, 40).find("END") != std::string::npos);
    for (int i = 0; i < 100; ++i) person.type("j");
    CHECK(person.screen(10, 40).find("}}}") != std::string::npos);
    fits(person.screen(10, 40), 10, 40);
}

TEST_CASE("keys are read as terminals send them, and other sequences are left out") {
    const auto strokes = read_strokes("a\x1b[A\x1b[1;5C\x1bOB\r\x1b\xe2\x82\xac\x01");
    REQUIRE(strokes.size() == 6);
    CHECK(strokes[0].text == "a");
    CHECK(strokes[1].key == Inbox::Key::up);
    CHECK(strokes[2].key == Inbox::Key::down);
    CHECK(strokes[3].key == Inbox::Key::enter);
    CHECK(strokes[4].key == Inbox::Key::escape);
    CHECK(strokes[5].text == "\xe2\x82\xac");
}
