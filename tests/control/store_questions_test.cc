// tests/control/store_questions_test.cc - what must hold: lists come in bounded pages and leave nothing out; a decision can be
// about one version alone, and can be sent twice. Tried over a real database.
#include "control/store_desk.h"

#include <sqlite3.h>
#include <algorithm>
#include <map>

using namespace weir;
using namespace weir::control;
using namespace weir::control::trial;

namespace {

/// Runs `sql` in the database while nobody else has it.
void put_rows(Desk& desk, const char* sql) {
    desk.store.reset();
    sqlite3* database = nullptr;
    REQUIRE(sqlite3_open((desk.directory / "weir.db").c_str(), &database) == SQLITE_OK);
    REQUIRE(sqlite3_exec(database, sql, nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(database);
    desk.open();
}

} // namespace

TEST_CASE("a list comes in pages that neither repeat nor leave out, and holds what is wanted") {
    Desk desk;
    desk.open();
    std::vector<std::string> waiting, over;
    for (uint8_t i = 1; i <= 5; ++i) waiting.push_back(desk.submit(i, i).ticket);
    for (uint8_t i = 11; i <= 14; ++i) {
        over.insert(over.begin(), desk.submit(i, i).ticket);
        REQUIRE(desk.decide(over.front(), Verb::deny).outcome == Outcome::done);
        desk.next();
    }
    for (const size_t size : {size_t{1}, size_t{2}, size_t{4}, size_t{5}, size_t{9}, size_t{100}}) {
        INFO(size);
        std::vector<std::string> seen;
        for (Listing page{.all = true, .count_max = size};;) {
            const auto listed = desk.store->list(page);
            REQUIRE(listed);
            CHECK(listed->tickets.size() <= size);
            for (const auto& ticket : listed->tickets) {
                CHECK(ticket.body.empty());
                seen.push_back(ticket.id);
            }
            if (listed->next.empty()) break;
            page.after = listed->next;
        }
        std::vector<std::string> all = waiting;
        all.insert(all.end(), over.begin(), over.end());
        CHECK(seen == all);
    }
    const auto second = [&](const TicketView& view) { return view.id == waiting[1] || view.id == over[1]; };
    const auto some = desk.store->list({.all = true, .wanted = second});
    REQUIRE(some);
    CHECK(some->tickets.size() == 2);
    CHECK(desk.store->list({.after = "w.1.ap_short"}).error() == Error::invalid);
    CHECK(desk.store->list({.after = "later"}).error() == Error::invalid);
}

TEST_CASE("a list is also the newest first, or what begins with some characters, in pages as well") {
    Desk desk;
    desk.open();
    std::vector<std::string> waiting;
    for (uint8_t i = 1; i <= 6; ++i) waiting.push_back(desk.submit(i, i).ticket);
    REQUIRE(desk.decide(waiting[2], Verb::deny).outcome == Outcome::done);
    const auto pages = [&](Listing page) {
        std::vector<std::string> seen;
        for (;;) {
            const auto listed = desk.store->list(page);
            REQUIRE(listed);
            for (const auto& ticket : listed->tickets) seen.push_back(ticket.id);
            if (listed->next.empty()) return seen;
            page.after = listed->next;
        }
    };
    std::vector<std::string> newest = {waiting[5], waiting[4], waiting[3], waiting[1], waiting[0]};
    CHECK(pages({.newest_first = true, .count_max = 2}) == newest);
    newest.push_back(waiting[2]);
    CHECK(pages({.all = true, .newest_first = true, .count_max = 4}) == newest);
    std::vector<std::string> by_id = waiting;
    std::ranges::sort(by_id);
    CHECK(pages({.all = true, .prefix = "ap_", .count_max = 4}) == by_id);
    std::erase(by_id, waiting[2]);
    CHECK(pages({.prefix = "ap_", .count_max = 1}) == by_id);
    for (const size_t size : {size_t{29}, size_t{20}})
        CHECK(pages({.all = true, .prefix = waiting[2].substr(0, size)}) == std::vector{waiting[2]});
    CHECK(pages({.prefix = waiting[2]}).empty());
    CHECK(desk.store->list({.newest_first = true, .after = "w.1." + waiting[0]}).error() == Error::invalid);
    CHECK(desk.store->list({.after = "o.1." + waiting[0]}).error() == Error::invalid);
}

TEST_CASE("a page looks at so many tickets and no more, whatever is wanted") {
    Desk desk;
    desk.open();
    const char* const many = R"(
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4500)
INSERT INTO ticket(id, version, state, digest, definition, principal, person, client, server, method, name, body, reason,
  session_key, deciders, policies, generation, created, expires, decided_by, decided_note, decided, answer, stands, told)
SELECT printf('ap_%026d', i), 1, CASE WHEN i > 2100 THEN 'denied' ELSE 'pending' END, randomblob(32), zeroblob(32), 'p',
  'ann', '', 'acme', 'tools/call', 'pay', '{}', '', '', '[["ops"]]', '[["pay/ask"]]', 1,
  unixepoch() * 1000000000 + i, 9000000000000000000, '', '', 0, '', 0, 0 FROM n;)";
    put_rows(desk, many);
    size_t looked = 0, pages = 0;
    Listing page{.all = true, .wanted = [&](const TicketView& ticket) {
                     ++looked;
                     return ticket.created_unix_ns % s_ns ==
                            2101; // the oldest of those that are over: the last that is looked at
                 }};
    std::vector<TicketView> found;
    for (;;) {
        const size_t before = looked;
        auto listed = desk.store->list(page);
        REQUIRE(listed);
        CHECK(looked - before <= 2000);
        ++pages;
        for (auto& ticket : listed->tickets) found.push_back(std::move(ticket));
        if (listed->next.empty()) break;
        page.after = listed->next;
    }
    CHECK(pages == 3);
    CHECK(looked == 4500);
    CHECK(found.size() == 1);
    CHECK(desk.store->waiting() == 2100);
}

TEST_CASE("where a page ends is told without naming a ticket that was not wanted") {
    Desk desk;
    desk.open();
    // Many at each moment, in all as many as four pages look at; the second half is over.
    const char* const many = R"(
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 8000)
INSERT INTO ticket(id, version, state, digest, definition, principal, person, client, server, method, name, body, reason,
  session_key, deciders, policies, generation, created, expires, decided_by, decided_note, decided, answer, stands, told)
SELECT printf('ap_%05d%021d', i * 7919 % 10007, i), 1, CASE WHEN i > 4000 THEN 'denied' ELSE 'pending' END, randomblob(32),
  zeroblob(32), 'p', 'ann', '', 'acme', 'tools/call', 'pay', '{}', '', '', '[["ops"]]', '[["pay/ask"]]', 1,
  unixepoch() * 1000000000 + i / 900, 9000000000000000000, '', '', 0, '', 0, 0 FROM n;)";
    put_rows(desk, many);
    for (const auto& [newest, prefix] : {std::pair(false, ""), std::pair(true, ""), std::pair(false, "ap_")}) {
        std::map<std::string, int> looked;
        const auto wanted = [&](const TicketView& ticket) {
            ++looked[ticket.id];
            return ticket.id.ends_with("7000"); // one of them all
        };
        std::vector<std::string> seen, places;
        for (Listing page{.all = true, .newest_first = newest, .prefix = prefix, .wanted = wanted};;) {
            const auto listed = desk.store->list(page);
            REQUIRE(listed);
            for (const auto& ticket : listed->tickets) seen.push_back(ticket.id);
            if (listed->next.empty()) break;
            places.push_back(listed->next);
            page.after = listed->next;
            REQUIRE(places.size() < 10);
        }
        CHECK(places.size() == 3);
        CHECK(seen.size() == 1);
        CHECK(looked.size() == 8000);
        CHECK(std::ranges::all_of(looked, [](const auto& each) { return each.second == 1; }));
        for (const std::string& place : places) {
            INFO(place);
            CHECK(place.size() - place.find("ap_") < 10);
        }
    }
}

TEST_CASE("a decision about another version than the one that was seen is not made") {
    Desk desk;
    desk.open();
    const std::string id = desk.submit(1).ticket;
    const auto decide = [&](Verb verb, std::vector<uint64_t> versions) {
        return desk.store->decide(id, verb, {"unix:0:root"}, {}, {.versions = std::move(versions)});
    };
    const auto changed = decide(Verb::approve, {2, 7});
    CHECK(changed.outcome == Outcome::changed);
    CHECK((changed.ticket.version == 1 && changed.ticket.state == TicketState::pending));
    CHECK(decide(Verb::approve, {7, 1}).outcome == Outcome::done);
    CHECK(desk.next().state == TicketState::approved);
    CHECK(decide(Verb::revoke, {1}).outcome == Outcome::changed);
    CHECK(decide(Verb::revoke, {2}).outcome == Outcome::done);
    CHECK(desk.next().state == TicketState::revoked);
    CHECK(decide(Verb::approve, {2}).outcome == Outcome::changed);
    CHECK(decide(Verb::approve, {3}).outcome == Outcome::conflict);
    // Who may not decide does not learn by a version what stands.
    approve::Decider stranger;
    stranger.issuer = "https://idp.example";
    stranger.subject = "eve";
    CHECK(desk.store->decide(id, Verb::approve, {"token:eve", stranger}, {}, {.versions = {9}}).outcome ==
          Outcome::forbidden);
    CHECK(desk.told(id) == std::vector{held, approved, record::Kind::withdrawn});
}

TEST_CASE("a decision that comes again under its key gets its first answer, also after a restart") {
    Desk desk;
    desk.open();
    const std::string id = desk.submit(1).ticket;
    int written = 0;
    const auto decide = [&](const std::string& by, Verb verb, std::string key, uint8_t request) {
        Guard guard{.key = std::move(key), .write = [&written](const Decided& decided) {
                        ++written;
                        return "answer " + std::to_string(decided.ticket.version);
                    }};
        guard.request[0] = request;
        return desk.store->decide(id, verb, {by}, {}, std::move(guard));
    };
    const auto first = decide("unix:0:root", Verb::approve, "k", 1);
    CHECK((first.outcome == Outcome::done && first.said == "answer 2"));
    CHECK(desk.next().state == TicketState::approved);
    REQUIRE(desk.decide(id, Verb::revoke).outcome == Outcome::done);
    CHECK(desk.next().state == TicketState::revoked);
    desk.open();
    const auto again = decide("unix:0:root", Verb::approve, "k", 1);
    CHECK((again.outcome == Outcome::said && again.said == "answer 2"));
    CHECK(decide("unix:0:root", Verb::deny, "k", 2).outcome == Outcome::other_request);
    CHECK(written == 1);
    // Another's key is another key; what stands against a decision is kept, too.
    CHECK(decide("unix:1:bo", Verb::approve, "k", 1).outcome == Outcome::conflict);
    CHECK(decide("unix:1:bo", Verb::approve, "k", 1).said == "answer 3");
    CHECK(written == 2);
    CHECK(desk.told(id) == std::vector{held, approved, record::Kind::withdrawn});
}
