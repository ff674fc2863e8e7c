// tests/cli/tickets_test.cc - what waits is shown truly, steers no terminal, and a word means one ticket or none.
#include "cli/tickets.h"

#include "base/limits.h"
#include "control/desk.h"

#include <fmt/format.h>
#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>

using namespace weir;
using namespace weir::cli;

namespace {

Ticket ticket(std::string id, std::string state, uint64_t created_ns = 0) {
    Ticket made;
    made.id = std::move(id);
    made.state = std::move(state);
    made.created_ns = created_ns;
    made.expires_ns = 700 * s_ns;
    made.person = "ann";
    made.principal = "https://issuer/ann";
    made.server = "acme";
    made.name = "refund";
    return made;
}

/// A control socket that has a page for each place.
class Pages {
  public:
    Pages() {
        REQUIRE(mkdtemp(directory_.data()) != nullptr);
        auto opened = control::Desk::open(
            {.path = socket(), .answer = [this](const control::DeskRequest& request) {
                 ++asked;
                 const size_t at = request.query.find("after=");
                 const size_t from = at == std::string_view::npos ? request.query.size() : at + 6;
                 return control::DeskReply{.body = answers[std::string(request.query.substr(from))]};
             }});
        REQUIRE(opened);
        desk_ = std::move(*opened);
    }
    ~Pages() {
        desk_.reset();
        std::error_code ignored;
        std::filesystem::remove_all(directory_, ignored);
    }
    Pages(const Pages&) = delete;
    Pages& operator=(const Pages&) = delete;
    TicketDesk desk() const { return TicketDesk(socket()); }

    std::map<std::string, std::string> answers; // by `after`; changed between questions only
    int asked = 0;

  private:
    std::string socket() const { return directory_ + "/control.sock"; }
    std::string directory_ = std::filesystem::temp_directory_path().string() + "/weir-pages-XXXXXX";
    std::unique_ptr<control::Desk> desk_;
};

} // namespace

TEST_CASE("a word means the ticket that it begins, those that wait first, or the newest that waits") {
    const Ticket tickets[] = {ticket("ap_aa1", "pending", 5), ticket("ap_aa2", "pending", 9),
                              ticket("ap_ab1", "denied", 20), ticket("ap_aa3", "expired", 30),
                              ticket("ap_ab2", "denied", 40)};
    CHECK(choose_ticket(tickets, "last") == "ap_aa2");
    CHECK(choose_ticket(tickets, "ap_aa1") == "ap_aa1");
    CHECK(choose_ticket(tickets, "aa2") == "ap_aa2");
    CHECK(choose_ticket(tickets, "ap_ab1") == "ap_ab1");
    CHECK(choose_ticket(tickets, "aa3") == "ap_aa3");
    CHECK(choose_ticket(tickets, "aa").error().exit == Exit::usage);
    CHECK(choose_ticket(tickets, "ab").error().exit == Exit::usage);
    CHECK(choose_ticket(tickets, "zz").error().exit == Exit::not_found);
    CHECK(choose_ticket(tickets, "last", Last::any) == "ap_aa2");
    CHECK(choose_ticket(std::span(tickets).subspan(2), "last", Last::any) == "ap_ab2");
    CHECK(choose_ticket(tickets, "last", Last::approved).error().exit == Exit::not_found);
    const Ticket approved[] = {ticket("ap_aa1", "pending", 9), ticket("ap_aa2", "approved", 5)};
    CHECK(choose_ticket(approved, "last", Last::approved) == "ap_aa2");
    CHECK(choose_ticket({}, "last").error().exit == Exit::not_found);
    CHECK(choose_ticket(std::span(tickets).subspan(2), "last").error().exit == Exit::not_found);
}

TEST_CASE("pages are followed to their end, however little is on each, and no further") {
    Pages pages;
    const TicketDesk desk = pages.desk();
    pages.answers = {{"", R"({"approvals":[{"id":"ap_1"}],"more":true,"next":"w.1.ap_2"})"},
                     {"w.1.ap_2", R"({"approvals":[],"more":true,"next":"o.9.ap_3"})"},
                     {"o.9.ap_3", R"({"approvals":[{"id":"ap_4"},{"id":"ap_5"}],"more":false})"}};
    const auto all = desk.all({});
    REQUIRE(all);
    CHECK(all->size() == 3);
    CHECK(pages.asked == 3);
    CHECK(desk.all({}, 1)->size() == 1);
    CHECK(pages.asked == 4);
    pages.answers[""] = R"({"approvals":[],"more":true,"next":"w.1.ap_2"})";
    CHECK(desk.first({})->id == "ap_4");
    pages.answers["o.9.ap_3"] = R"({"approvals":[]})";
    CHECK(desk.first({}).error().exit == Exit::not_found);
    // What leads nowhere, or would say something else in the next question, is not followed.
    for (const char* next : {"w.1.ap_2", "w&all=1", "w 1", "../status", "W", "\\u0000"}) {
        INFO(next);
        pages.answers["w.1.ap_2"] = fmt::format(R"({{"approvals":[],"next":"{}"}})", next);
        pages.asked = 0;
        CHECK(desk.all({}).error().exit == Exit::failed);
        CHECK(pages.asked == 2);
    }
}

TEST_CASE("the time that is left counts down to nothing") {
    CHECK(time_left(100 * s_ns, 41 * s_ns) == "59s");
    CHECK(time_left(100 * s_ns, 40 * s_ns) == "1m 0s");
    CHECK(time_left(7300 * s_ns, 0) == "2h 1m");
    CHECK(time_left(90'000 * s_ns, 0) == "1d 1h");
    CHECK(time_left(5, 6) == "0s");
}

TEST_CASE("arguments are laid out with strings decoded, numbers as they came, and nothing that deceives") {
    CHECK(
        laid_out(R"({"a":[1,{"b":12345678901234567890.10}],"c":{},"d":[],"e":null})") ==
        "{\n  \"a\": [\n    1,\n    {\n      \"b\": 12345678901234567890.10\n    }\n  ],\n  \"c\": {},\n  \"d\": [],\n"
        "  \"e\": null\n}");
    CHECK(laid_out(R"({"sql":"\u0064rop\ntable","\u0061":"\u202etxt"})") ==
          "{\n  \"sql\": \"drop\\ntable\",\n  \"a\": \"\\u{202e}txt\"\n}");
    CHECK(laid_out("\"x\xe2\x80\x8by\"") == "\"x\\u{200b}y\"");
    CHECK(laid_out(R"("\\u{202e}")") == R"("\\u{202e}")"); // a text that looks like an escape keeps its backslash
    CHECK(laid_out("not json \x1b[2J") == "not json \\u{1b}[2J");
    CHECK(laid_out("7") == "7");
}

TEST_CASE("a page tells who, what, why and until when, and the octets that will run") {
    Ticket one = ticket("ap_1", "pending");
    one.client = "agent\x1b[31m";
    one.method = "tools/call";
    one.reason =
        "above \xe2\x80\xae"
        "100";
    one.policies = {"shop/refunds", "shop/owner"};
    one.by = {{"sre", "ops"}, {"finance"}};
    one.body = R"({"method":"tools/call","params":{"name":"refund","arguments":{"n":1}}})";
    const std::string page = ticket_page(one, 100 * s_ns, true);
    for (const char* part :
         {"ap_1  pending, 10m 0s left\n", "who       ann\n", "principal https://issuer/ann\n",
          "client    agent\\u{1b}[31m\n", "reason    above \\u{202e}100\n", "policies  shop/refunds, shop/owner\n",
          "approvers sre or ops; and finance\n", "expires   1970-01-01T00:11:40.000000Z\n",
          "\narguments\n  {\n    \"n\": 1\n  }\n",
          "\nexactly what will run\n  "
          "{\"method\":\"tools/call\",\"params\":{\"name\":\"refund\",\"arguments\":{\"n\":1}}}\n"}) {
        INFO(part << "\n" << page);
        CHECK(page.find(part) != std::string::npos);
    }
    CHECK(page.find('\x1b') == std::string::npos);
    CHECK(page.find("decided") == std::string::npos);
    one.state = "denied";
    one.decided_by = "unix:0:root";
    one.decided_note = "no";
    CHECK(ticket_page(one, 100 * s_ns, true).find("decided   by unix:0:root, : no") != std::string::npos);
}

TEST_CASE("a line for a pipe is one line of whole values") {
    Ticket one = ticket("ap_1", "pending");
    one.reason = "a\tb\nc";
    CHECK(ticket_line(one, 0) == "1970-01-01T00:00:00.000000Z\tap_1\tpending\tann\tacme/refund\ta\\u{9}b\\u{a}c\t\t\n");
}
