// tests/gateway/desk_routes_test.cc - paths of the control socket lead to pages, tickets and decisions, and nothing else.
//
// The store's part is played by a list of tickets and a notebook of what was decided.
#include "gateway/desk_routes.h"

#include <catch2/catch_test_macros.hpp>

using namespace weir;
using namespace weir::gateway;
using control::DeskReply;
using control::Outcome;
using control::TicketView;
using control::Verb;
using post::TicketState;

namespace {

TicketView ticket(std::string id, TicketState state) {
    TicketView view;
    view.id = std::move(id);
    view.state = state;
    view.version = 3;
    view.person = "ann";
    view.server = "acme";
    view.name = "refund";
    view.method = "tools/call";
    view.body = R"({"method":"tools/call","params":{"name":"refund","arguments":{"n":12345678901234567890}}})";
    view.by = {{"sre", "ops"}, {"finance"}};
    view.policies = {"shop/refunds"};
    view.reason = "more than 100";
    view.created_unix_ns = 1'700'000'000'000'000'001;
    return view;
}

struct Desk {
    std::vector<TicketView> waiting = {ticket("ap_1", TicketState::pending), ticket("ap_2", TicketState::pending)};
    std::vector<TicketView> over = {ticket("ap_0", TicketState::denied)};
    Outcome outcome = Outcome::done;
    std::string decided; // what was said last
    bool away = false;

    DeskParts parts() {
        return {.page =
                    [](std::string_view path, PaddedBytes& out) {
                        out.append(path);
                        return Page{.status = 200, .type = "text/plain"};
                    },
                .list = [this](bool all, size_t count_max) -> Result<std::vector<TicketView>> {
                    if (away) return fail(Error::limit_reached);
                    std::vector<TicketView> found = waiting;
                    if (all) found.insert(found.end(), over.begin(), over.end());
                    if (found.size() > count_max) found.resize(count_max);
                    return found;
                },
                .find = [this](std::string_view id) -> Result<TicketView> {
                    if (away) return fail(Error::limit_reached);
                    for (const auto* list : {&waiting, &over})
                        for (const TicketView& each : *list)
                            if (each.id == id) return each;
                    return fail(Error::not_found);
                },
                .decide =
                    [this](std::string_view id, Verb verb, std::string_view by, std::string_view note) {
                        decided = std::string(id) + " " + std::to_string(static_cast<int>(verb)) + " " +
                                  std::string(by) + " " + std::string(note);
                        control::Decided answer{outcome, ticket(std::string(id), TicketState::denied)};
                        answer.ticket.decided_by = "unix:0:root";
                        answer.ticket.decided_note = "no \x1b[2J";
                        return answer;
                    }};
    }
    DeskReply get(std::string_view path, std::string_view query = {}) {
        return answer_desk({.method = http::Method::get, .path = path, .query = query, .body = {}, .visitor = {}},
                           parts());
    }
    DeskReply post(std::string_view path, std::string_view body) {
        return answer_desk(
            {.method = http::Method::post, .path = path, .query = {}, .body = body, .visitor = {7, "ann"}}, parts());
    }
};

bool has(const DeskReply& reply, std::string_view text) { return reply.body.find(text) != std::string::npos; }

} // namespace

TEST_CASE("what is no approval is a page, and is only read") {
    Desk desk;
    CHECK(desk.get("/status").body == "/status");
    CHECK(desk.get("/status").type == "text/plain");
    CHECK(desk.get("/api/v1/approvalsx").body == "/api/v1/approvalsx");
    CHECK(desk.post("/status", "{}").status == 405);
}

TEST_CASE("the list has what waits, with all=1 also what is over, and never a body") {
    Desk desk;
    const DeskReply waiting = desk.get("/api/v1/approvals");
    CHECK(waiting.status == 200);
    CHECK((has(waiting, "\"ap_1\"") && has(waiting, "\"ap_2\"") && !has(waiting, "\"ap_0\"")));
    CHECK_FALSE(has(waiting, "12345678901234567890"));
    CHECK(has(waiting, R"("more":false)"));
    CHECK(has(desk.get("/api/v1/approvals", "all=1"), "\"ap_0\""));
    CHECK(desk.get("/api/v1/approvals", "all=2").status == 400);
    CHECK(desk.post("/api/v1/approvals", "{}").status == 405);
    desk.waiting.resize(1001, ticket("ap_x", TicketState::pending));
    CHECK(has(desk.get("/api/v1/approvals"), R"("more":true)"));
}

TEST_CASE("a ticket is shown with the octets that will run") {
    Desk desk;
    const DeskReply shown = desk.get("/api/v1/approvals/ap_2");
    CHECK(shown.status == 200);
    CHECK(has(
        shown,
        R"("body":"{\"method\":\"tools/call\",\"params\":{\"name\":\"refund\",\"arguments\":{\"n\":12345678901234567890}}}")"));
    CHECK(has(shown, R"("state":"pending")"));
    CHECK(has(shown, R"("by":[["sre","ops"],["finance"]])"));
    CHECK(has(shown, R"("created_unix_ns":1700000000000000001)"));
    CHECK(has(desk.get("/api/v1/approvals/ap_0"), R"("state":"denied")"));
    CHECK(desk.get("/api/v1/approvals/ap_9").status == 404);
    CHECK(desk.get("/api/v1/approvals/ap_1/elsewhere").status == 404);
}

TEST_CASE("a decision is told to the store, under the name of who opened the socket") {
    Desk desk;
    const struct {
        const char* body;
        const char* told;
    } cases[] = {{R"({"decision":"approve"})", "ap_1 0 unix:7:ann "},
                 {R"({"note":"not \"today\"","decision":"deny"})", "ap_1 1 unix:7:ann not \"today\""},
                 {R"({"decision":"withdraw"})", "ap_1 2 unix:7:ann "},
                 {R"({"decision":"revoke"})", "ap_1 3 unix:7:ann "}};
    for (const auto& each : cases) {
        CHECK(desk.post("/api/v1/approvals/ap_1/decision", each.body).status == 200);
        CHECK(desk.decided == each.told);
    }
    desk.outcome = Outcome::unchanged;
    CHECK(desk.post("/api/v1/approvals/ap_1/decision", R"({"decision":"deny"})").status == 200);
}

TEST_CASE("what cannot be decided says why") {
    Desk desk;
    desk.outcome = Outcome::conflict;
    const DeskReply conflict = desk.post("/api/v1/approvals/ap_1/decision", R"({"decision":"approve"})");
    CHECK(conflict.status == 409);
    CHECK(has(conflict, "ap_1 is denied already, decided by unix:0:root"));
    CHECK(has(conflict, R"("ticket":{"id":"ap_1","state":"denied")"));
    desk.outcome = Outcome::not_found;
    CHECK(desk.post("/api/v1/approvals/ap_1/decision", R"({"decision":"approve"})").status == 404);
    desk.outcome = Outcome::unavailable;
    CHECK(desk.post("/api/v1/approvals/ap_1/decision", R"({"decision":"approve"})").status == 503);
    desk.away = true;
    CHECK(desk.get("/api/v1/approvals").status == 503);
    CHECK(desk.get("/api/v1/approvals/ap_1").status == 503);
}

TEST_CASE("what is no decision reaches no store") {
    Desk desk;
    for (const char* body :
         {"", "x", "[]", "{}", R"({"decision":"maybe"})", R"({"decision":1})", R"({"decision":"approve","note":1})",
          R"({"decision":"approve","by":"root"})", R"({"decision":"approve","decision":"deny"})"}) {
        INFO(body);
        CHECK(desk.post("/api/v1/approvals/ap_1/decision", body).status == 400);
    }
    CHECK(
        desk.post("/api/v1/approvals/ap_1/decision", R"({"decision":"deny","note":")" + std::string(5000, 'x') + "\"}")
            .status == 400);
    CHECK(desk.get("/api/v1/approvals/ap_1/decision").status == 405);
    CHECK(desk.post("/api/v1/approvals//decision", R"({"decision":"deny"})").status == 404);
    CHECK(desk.decided.empty());
}

TEST_CASE("without a store, approvals are refused and pages are not") {
    const DeskParts parts = {.page = [](std::string_view, PaddedBytes&) { return Page{.status = 200}; }};
    CHECK(answer_desk(
              {.method = http::Method::get, .path = "/api/v1/approvals", .query = {}, .body = {}, .visitor = {}}, parts)
              .status == 503);
    CHECK(answer_desk({.method = http::Method::get, .path = "/livez", .query = {}, .body = {}, .visitor = {}}, parts)
              .status == 200);
}
