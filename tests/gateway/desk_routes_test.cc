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
    approve::Right right = approve::Right::granted;
    std::string decided;  // what was said last
    control::Guard guard; // and on which conditions
    std::string kept;     // what was to be kept of the answer
    std::optional<approve::Decider> by;
    control::Listing asked;
    std::optional<approve::Decider> person; // whose token comes along
    bool away = false;

    DeskParts parts() {
        return {.page =
                    [](std::string_view path, PaddedBytes& out) {
                        out.append(path);
                        return Page{.status = 200, .type = "text/plain"};
                    },
                .list = [this](control::Listing listing) -> Result<control::Listed> {
                    if (away) return fail(Error::limit_reached);
                    if (listing.after == "bad") return fail(Error::invalid);
                    asked = listing;
                    control::Listed found;
                    for (const auto* list : {&waiting, &over})
                        for (const TicketView& each : *list)
                            if ((list == &waiting || listing.all) && (!listing.wanted || listing.wanted(each)))
                                found.tickets.push_back(each);
                    if (found.tickets.size() <= listing.count_max) return found;
                    found.tickets.resize(listing.count_max);
                    found.next = "w.1." + found.tickets.back().id;
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
                    [this](std::string_view id, Verb verb, control::Actor actor, std::string_view note,
                           control::Guard asked_with) {
                        guard = std::move(asked_with);
                        decided = std::string(id) + " " + std::to_string(static_cast<int>(verb)) + " " + actor.by +
                                  " " + std::string(note);
                        by = actor.person;
                        control::Decided answer{outcome, ticket(std::string(id), TicketState::denied), right};
                        answer.ticket.decided_by = "unix:0:root";
                        answer.ticket.decided_note = "no \x1b[2J";
                        if (outcome == Outcome::said) answer.said = kept;
                        else kept = guard.write(answer);
                        return answer;
                    }};
    }
    DeskReply get(std::string_view path, std::string_view query = {}) {
        return answer_desk({.method = http::Method::get, .path = path, .query = query, .body = {}, .visitor = {}},
                           parts(), person ? &*person : nullptr);
    }
    DeskReply post(std::string_view path, std::string_view body, std::optional<std::string> if_match = {},
                   std::optional<std::string> key = {}) {
        control::DeskRequest request;
        request.method = http::Method::post;
        request.path = path;
        request.body = body;
        request.visitor = {7, "ann"};
        request.if_match = std::move(if_match);
        request.idempotency_key = std::move(key);
        return answer_desk(request, parts(), person ? &*person : nullptr);
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
    desk.outcome = Outcome::unknown;
    const DeskReply unknown = desk.post("/api/v1/approvals/ap_1/decision", R"({"decision":"approve"})");
    CHECK(unknown.status == 504);
    CHECK((has(unknown, R"("error":"not_known")") && !has(unknown, "nothing was decided")));
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

namespace {

approve::Decider person(std::string subject, std::vector<std::string> groups) {
    approve::Decider decider;
    decider.issuer = "https://idp.example";
    decider.subject = std::move(subject);
    decider.groups = std::move(groups);
    return decider;
}

} // namespace

TEST_CASE("a person with a token sees what they may decide about or asked for, and no page") {
    Desk desk;
    desk.waiting[0].asker = {"https://idp.example", {"ann"}, {}};
    desk.waiting[1].by = {{"person:cy"}};
    desk.person = person("bo", {"finance"});
    CHECK(desk.get("/status").status == 404);
    const DeskReply who = desk.get("/api/v1/whoami");
    CHECK(who.body == R"({"by":"token:https://idp.example:bo","issuer":"https://idp.example","subject":"bo","name":"",)"
                      R"("groups":["finance"],"groups_known":true})");
    const DeskReply mine = desk.get("/api/v1/approvals");
    CHECK(mine.status == 200);
    CHECK((has(mine, "\"ap_1\"") && !has(mine, "\"ap_2\"")));
    CHECK(has(mine, R"("subject":"ann")"));
    CHECK(desk.get("/api/v1/approvals/ap_1").status == 200);
    const DeskReply other = desk.get("/api/v1/approvals/ap_2");
    CHECK(other.status == 403);
    CHECK((has(other, "not_an_approver") && !has(other, "refund")));
    CHECK(desk.get("/api/v1/approvals/ap_9").status == 404);
    desk.person = person("ann", {});
    CHECK(has(desk.get("/api/v1/approvals"), "\"ap_1\""));
    CHECK(has(desk.get("/api/v1/approvals", "mine=1"), "\"ap_1\""));
    desk.person = person("cy", {"sre"});
    CHECK((has(desk.get("/api/v1/approvals"), "\"ap_1\"") && has(desk.get("/api/v1/approvals"), "\"ap_2\"")));
    CHECK(has(desk.get("/api/v1/approvals", "mine=1"), R"("approvals":[])"));
}

TEST_CASE("a person's decision is theirs by name, and a refusal says why") {
    Desk desk;
    desk.person = person("bo", {"sre"});
    CHECK(desk.post("/api/v1/approvals/ap_1/decision", R"({"decision":"approve","note":"fine"})").status == 200);
    CHECK(desk.decided == "ap_1 0 token:https://idp.example:bo fine");
    REQUIRE(desk.by);
    CHECK(desk.by->groups == std::vector<std::string>{"sre"});
    for (const auto right : {approve::Right::own_call, approve::Right::not_named, approve::Right::groups_unknown}) {
        desk.outcome = Outcome::forbidden;
        desk.right = right;
        const DeskReply refused = desk.post("/api/v1/approvals/ap_1/decision", R"({"decision":"deny"})");
        CHECK(refused.status == 403);
        CHECK(has(refused, approve::name_of(right)));
        CHECK_FALSE(has(refused, "ticket\":"));
    }
    desk.person.reset();
    desk.outcome = Outcome::done;
    CHECK(desk.post("/api/v1/approvals/ap_1/decision", R"({"decision":"deny"})").status == 200);
    CHECK(desk.decided == "ap_1 1 unix:7:ann ");
    CHECK_FALSE(desk.by);
}

TEST_CASE("a list is narrowed and paged by its query, and nothing else is asked") {
    Desk desk;
    desk.waiting[1].server = "other one";
    CHECK_FALSE(has(desk.get("/api/v1/approvals", "server=acme"), "\"ap_2\""));
    CHECK(has(desk.get("/api/v1/approvals", "server=other%20one&name=refund"), "\"ap_2\""));
    CHECK(has(desk.get("/api/v1/approvals", "state=pending&name=else"), R"("approvals":[])"));
    const DeskReply denied = desk.get("/api/v1/approvals", "state=denied"); // also without all=1
    CHECK((has(denied, "\"ap_0\"") && !has(denied, "\"ap_1\"")));
    const DeskReply page = desk.get("/api/v1/approvals", "limit=1");
    CHECK((has(page, R"("more":true)") && has(page, R"("next":"w.1.ap_1")")));
    CHECK(desk.get("/api/v1/approvals", "after=w.1.ap_1&limit=2").status == 200);
    CHECK(desk.asked.after == "w.1.ap_1");
    for (const auto* wrong : {"limit=0", "limit=1001", "limit=x", "limit=", "limit=-1", "state=unavailable",
                              "state=", "color=red", "all", "server=%4", "server=%zz", "mine=1", "after=bad", "&&"})
        CHECK(desk.get("/api/v1/approvals", wrong).status == 400);
}

TEST_CASE("a ticket has its version as its entity tag, and a decision may be about that version alone") {
    Desk desk;
    CHECK(desk.get("/api/v1/approvals/ap_1").etag == "\"3\"");
    CHECK(desk.get("/api/v1/approvals").etag.empty());
    const std::string_view path = "/api/v1/approvals/ap_1/decision", yes = R"({"decision":"approve"})";
    CHECK(desk.post(path, yes).etag == "\"3\"");
    CHECK(desk.guard.versions.empty());
    using Versions = std::vector<uint64_t>;
    struct Row {
        std::string if_match;
        std::optional<Versions> means;
    };
    for (const auto& [if_match, means] : std::vector<Row>{{"\"3\"", Versions{3}},
                                                          {" \"3\" , \"12\"", Versions{3, 12}},
                                                          {"*", Versions{}},
                                                          {"\"x\"", Versions{0}}, // of somebody else: no ticket has it
                                                          {"\"03\"", Versions{0}},
                                                          {"\"\"", Versions{0}},
                                                          {"", std::nullopt},
                                                          {"3", std::nullopt},
                                                          {"W/\"3\"", Versions{0}}, // weak: it never matches
                                                          {"W/\"3\", \"4\"", Versions{0, 4}},
                                                          {"\"3\",", Versions{3}}, // elements may be empty
                                                          {", ,\"3\" ,,\t\"4\",", Versions{3, 4}},
                                                          {"\"a,b\",\"3\"", Versions{0, 3}}, // a comma within a tag
                                                          {"\"3,4\"", Versions{0}},
                                                          {"\"\xe9!\"", Versions{0}},
                                                          {",", std::nullopt},
                                                          {"W/", std::nullopt},
                                                          {"W/3", std::nullopt},
                                                          {"w/\"3\"", std::nullopt},
                                                          {"W/ \"3\"", std::nullopt},
                                                          {"\"3\" \"4\"", std::nullopt},
                                                          {"\"3\"\"4\"", std::nullopt},
                                                          {"\"3 4\"", std::nullopt},
                                                          {"\"3\x7f\"", std::nullopt},
                                                          {"\"", std::nullopt},
                                                          {"\"3", std::nullopt},
                                                          {"*, \"3\"", std::nullopt}}) {
        INFO(if_match);
        desk.decided.clear();
        const DeskReply reply = desk.post(path, yes, if_match);
        CHECK(reply.status == (means ? 200 : 400));
        CHECK(desk.decided.empty() == !means.has_value());
        if (means) CHECK(desk.guard.versions == *means);
    }
    desk.outcome = Outcome::changed;
    const DeskReply changed = desk.post(path, yes, "\"2\"");
    CHECK(changed.status == 412);
    CHECK(changed.etag == "\"3\"");
    CHECK((has(changed, R"("error":"changed")") && has(changed, R"("state":"denied")") && has(changed, "version 3")));
}

TEST_CASE("a decision with a key is known again, and gets its first answer") {
    Desk desk;
    const std::string_view path = "/api/v1/approvals/ap_1/decision", yes = R"({"decision":"approve"})";
    const DeskReply first = desk.post(path, yes, {}, "k-1");
    CHECK(desk.guard.key == "k-1");
    const auto request = desk.guard.request;
    desk.post(path, yes, "\"3\"", "k-1");
    CHECK(desk.guard.request == request); // If-Match is no part of what is asked
    desk.post(path, R"({"decision":"deny"})", {}, "k-1");
    CHECK(desk.guard.request != request);
    desk.post("/api/v1/approvals/ap_2/decision", yes, {}, "k-1");
    CHECK(desk.guard.request != request);
    desk.post(path, yes, {}, "k-1");
    desk.outcome = Outcome::said;
    const DeskReply again = desk.post(path, yes, {}, "k-1");
    CHECK((again.status == first.status && again.body == first.body && again.etag == first.etag));
    desk.outcome = Outcome::other_request;
    CHECK(desk.post(path, yes, {}, "k-1").status == 422);
    desk.outcome = Outcome::conflict;
    CHECK(desk.post(path, yes, {}, "k-2").status == 409);
    desk.outcome = Outcome::said;
    CHECK(desk.post(path, yes, {}, "k-2").status == 409);
    for (const std::string& bad :
         {std::string(), std::string("two words"), std::string(256, 'k'), std::string("\x7f")}) {
        INFO(bad);
        CHECK(desk.post(path, yes, {}, bad).status == 400);
    }
}

TEST_CASE("a list is asked for by the beginning of an id, and from the newest on") {
    Desk desk;
    CHECK(desk.get("/api/v1/approvals", "id=ap_0&newest=1&limit=7").status == 200);
    CHECK((desk.asked.prefix == "ap_0" && desk.asked.newest_first && desk.asked.count_max == 7));
    CHECK(desk.get("/api/v1/approvals", "id=ap_U").status == 400);
    CHECK(desk.get("/api/v1/approvals", "id=").status == 400);
    CHECK(desk.get("/api/v1/approvals", "limit=1001").status == 400);
    CHECK(desk.get("/api/v1/approvals", "limit=0").status == 400);
}
