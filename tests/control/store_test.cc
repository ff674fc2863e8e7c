// tests/control/store_test.cc - what must hold: a ticket is durable before anybody is told, decided once, run at most once;
// what was told survives a restart; what fails is refused in clear text. Tried over a real database and a real record.
#include "control/store_desk.h"

#include <sqlite3.h>
#include <catch2/generators/catch_generators.hpp>

using namespace weir;
using namespace weir::control;
using namespace weir::control::trial;

TEST_CASE("a ticket is asked for, approved, run once and answered, and each turn is in the record") {
    Desk desk;
    desk.open();
    const auto pending = desk.submit(1);
    REQUIRE(pending.state == TicketState::pending);
    CHECK(desk.told(pending.ticket) == std::vector{held});
    CHECK(desk.store->waiting() == 1);
    const auto decided = desk.decide(pending.ticket, Verb::approve);
    CHECK(decided.outcome == Outcome::done);
    CHECK(desk.store->find(pending.ticket)->body == call_body);
    const auto granted = desk.next();
    CHECK(granted.state == TicketState::approved);
    CHECK(granted.body == call_body);
    const auto claimed = desk.claim(1, pending.ticket);
    CHECK(claimed.granted);
    CHECK(claimed.body == call_body);
    desk.post({.kind = Kind::finish, .waiter = {1, 1}, .ticket = pending.ticket, .body = R"({"id":1,"result":{}})"});
    CHECK(desk.next().state == TicketState::answered);
    // Nobody has received it yet: the same call asked again gets it, and does not run again.
    const auto kept = desk.submit(2);
    CHECK(kept.ticket == pending.ticket);
    CHECK(kept.state == TicketState::answered);
    CHECK(kept.body == R"({"id":1,"result":{}})");
    desk.post({.kind = Kind::delivered, .waiter = {2, 1}, .ticket = pending.ticket});
    const auto fresh = desk.submit(3);
    CHECK(fresh.state == TicketState::pending);
    CHECK(fresh.ticket != pending.ticket);
    CHECK(desk.told(pending.ticket) == std::vector{held, approved, executing, answered});
}

TEST_CASE("the same call joins its ticket, and of two who claim one runs") {
    Desk desk;
    desk.open();
    const auto first = desk.submit(1), second = desk.submit(2), other = desk.submit(3, 2);
    CHECK(first.ticket == second.ticket);
    CHECK(first.ticket != other.ticket);
    REQUIRE(desk.decide(first.ticket, Verb::approve).outcome == Outcome::done);
    CHECK(desk.next().state == TicketState::approved);
    CHECK(desk.next().state == TicketState::approved);
    desk.post({.kind = Kind::claim, .waiter = {1, 1}, .ticket = first.ticket});
    desk.post({.kind = Kind::claim, .waiter = {2, 1}, .ticket = first.ticket});
    unsigned granted = 0, answers = 0, told = 0;
    for (int i = 0; i < 3; ++i) { // both hear of the claim, the second one's own answer comes besides
        const auto news = desk.next();
        CHECK(news.state == TicketState::executing);
        granted += news.granted;
        answers += news.answer;
        ++told;
    }
    CHECK(granted == 1);
    CHECK(answers == 2); // So that nobody takes the news of somebody else's claim for the answer to the own.
    CHECK(told == 3);
}

TEST_CASE("all who waited when a call ran get its answer, also those who ask for their turn once others have it") {
    Desk desk;
    desk.open();
    constexpr std::string_view answer = R"({"id":1,"result":{}})";
    const auto ticket = desk.submit(1).ticket;
    for (const uint32_t waiter : {2, 3, 4}) CHECK(desk.submit(waiter).ticket == ticket);
    REQUIRE(desk.decide(ticket, Verb::approve).outcome == Outcome::done);
    for (int i = 0; i < 4; ++i) CHECK(desk.next().state == TicketState::approved);
    CHECK(desk.claim(1, ticket).granted);
    for (int i = 0; i < 3; ++i) CHECK(desk.next().state == TicketState::executing);
    desk.post({.kind = Kind::finish, .waiter = {1, 1}, .ticket = ticket, .body = std::string(answer)});
    for (int i = 0; i < 4; ++i) CHECK(desk.next().body == answer);
    desk.post({.kind = Kind::delivered, .waiter = {1, 1}, .ticket = ticket});
    const auto late = desk.claim(2, ticket);
    CHECK_FALSE(late.granted);
    CHECK(late.state == TicketState::answered);
    CHECK(late.body == answer);
    // It was received: who comes now asks for another run, and takes nothing from those who waited before.
    const auto fresh = desk.submit(5);
    CHECK(fresh.state == TicketState::pending);
    CHECK(fresh.ticket != ticket);
    CHECK(desk.submit(6).ticket == fresh.ticket);
    CHECK(desk.claim(3, ticket).body == answer);
    CHECK(desk.answer_of(ticket) == answer);
    desk.post({.kind = Kind::delivered, .waiter = {3, 1}, .ticket = ticket});
    desk.post({.kind = Kind::delivered, .waiter = {2, 1}, .ticket = ticket});
    CHECK(desk.claim(4, ticket).body == answer);
    desk.post({.kind = Kind::leave, .waiter = {4, 1}, .ticket = ticket}); // the last
    CHECK(desk.claim(4, ticket).body.empty());
    CHECK(desk.answer_of(ticket).empty());
    CHECK(desk.store->find(fresh.ticket)->state == TicketState::pending);
    CHECK(desk.told(ticket) == std::vector{held, approved, executing, answered});
}

TEST_CASE("an answer that nobody receives is kept for its time, and nowhere after it") {
    Desk desk;
    const bool ended = GENERATE(false, true); // when its time is over
    CAPTURE(ended);
    Limits limits;
    if (!ended) limits.answer_kept_ns_max = 100 * ms_ns;
    desk.open(limits);
    const auto ticket = desk.submit(1).ticket;
    REQUIRE(desk.decide(ticket, Verb::approve).outcome == Outcome::done);
    CHECK(desk.next().state == TicketState::approved);
    CHECK(desk.claim(1, ticket).granted);
    desk.post({.kind = Kind::finish, .waiter = {1, 1}, .ticket = ticket, .body = "kept"});
    CHECK(desk.next().body == "kept");
    desk.post({.kind = Kind::leave, .waiter = {1, 1}, .ticket = ticket});
    if (ended) {
        desk.store.reset();
        CHECK(desk.answer_of(ticket) == "kept");
        desk.sql("UPDATE ticket SET stands = 1");
        desk.open();
    }
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(120);
    while (!desk.answer_of(ticket).empty()) REQUIRE(std::chrono::steady_clock::now() < end);
    CHECK(desk.store->find(ticket)->state == TicketState::answered);
}

TEST_CASE("a decision is final, a late one is told what stands and who set it") {
    Desk desk;
    desk.open();
    const auto ticket = desk.submit(1).ticket;
    REQUIRE(desk.decide(ticket, Verb::deny).outcome == Outcome::done);
    CHECK(desk.next().state == TicketState::denied);
    const auto late = desk.store->decide(ticket, Verb::approve, {"unix:1:bo"}, "");
    CHECK(late.outcome == Outcome::conflict);
    CHECK(late.ticket.state == TicketState::denied);
    CHECK(late.ticket.decided_by == "unix:0:root");
    CHECK(desk.decide(ticket, Verb::deny).outcome == Outcome::unchanged);
    CHECK(desk.decide("ap_00000000000000000000000000", Verb::deny).outcome == Outcome::not_found);
    CHECK(desk.state_of("ap_00000000000000000000000000") == "none");
    CHECK(desk.store->find(ticket)->decided_by == "unix:0:root");
    // A refusal stands for its time: asking again moves nobody.
    const auto again = desk.submit(2);
    CHECK(again.state == TicketState::denied);
    CHECK(again.text.find("because") != std::string::npos);
    CHECK_FALSE(desk.claim(2, ticket).granted);
}

TEST_CASE("whom a policy names decides, nobody else does, and both are told and recorded by name") {
    Desk desk;
    desk.open();
    const auto ticket = desk.submit(1).ticket;
    const auto outside = desk.decide_as(ticket, Verb::approve, "eve", {"dev"});
    CHECK(outside.outcome == Outcome::forbidden);
    CHECK(outside.right == approve::Right::not_named);
    CHECK(desk.decide_as(ticket, Verb::deny, "eve", {"dev"}).outcome == Outcome::forbidden);
    for (const auto* own : {"ann", "agent"}) { // though they are in the group
        const auto refused = desk.decide_as(ticket, Verb::approve, own, {"ops"});
        CHECK(refused.outcome == Outcome::forbidden);
        CHECK(refused.right == approve::Right::own_call);
    }
    CHECK(desk.decide_as(ticket, Verb::withdraw, "bo", {"ops"}).right == approve::Right::not_the_asker);
    CHECK(desk.store->find(ticket)->state == TicketState::pending);
    const auto decided = desk.decide_as(ticket, Verb::approve, "bo", {"ops"});
    CHECK(decided.outcome == Outcome::done);
    CHECK(desk.next().state == TicketState::approved);
    CHECK(desk.decide_as(ticket, Verb::approve, "bo", {"ops"}).outcome == Outcome::unchanged);
    CHECK(desk.decide_as(ticket, Verb::approve, "cy", {"ops"}).outcome == Outcome::conflict);
    CHECK(desk.decide_as(ticket, Verb::deny, "eve", {}).outcome == Outcome::forbidden);
    desk.open(); // It is kept.
    const auto kept = desk.store->find(ticket);
    REQUIRE(kept);
    CHECK(kept->decided_by == "token:https://idp.example:bo");
    CHECK(kept->decider_issuer == "https://idp.example");
    CHECK(kept->decider_subject == "bo");
    CHECK(kept->decider_name == "Dr bo");
    CHECK(kept->asker.subjects == std::vector<std::string>{"ann", "agent"});
    CHECK(desk.decide_as(ticket, Verb::revoke, "ann", {}).outcome == Outcome::done); // her own: back, not forth

    using record::Field, record::Kind::not_entitled;
    CHECK(desk.told(ticket) == std::vector{held, not_entitled, not_entitled, not_entitled, not_entitled, not_entitled,
                                           approved, not_entitled, record::Kind::withdrawn});
    auto stream = record::StreamReader::open((desk.directory / "segments" / "control").string(), {});
    REQUIRE(stream);
    std::string said;
    while (const auto entry = stream->next()) {
        const auto fields = record::read_fields(entry->frame.payload);
        REQUIRE(fields);
        if (fields->has(Field::by_subject))
            said += std::string(fields->text(Field::by_subject)) + " " + std::string(fields->text(Field::by_person)) +
                    " " + std::string(fields->text(Field::by_issuer)) + "\n";
    }
    CHECK(said.starts_with("eve Dr eve https://idp.example\n"));
    CHECK(said.find("\nbo Dr bo https://idp.example\n") != std::string::npos);
}

TEST_CASE("what fails within a group leaves everything as it was") {
    Desk desk;
    desk.open({.approvals_per_principal_max = 2});
    const std::string one = desk.submit(1, 1).ticket;
    // The row is written by then; what fails is the line of the outbox.
    desk.sql("CREATE TRIGGER refuse BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'refused'); END");
    CHECK(desk.decide(one, Verb::deny).outcome == Outcome::unavailable);
    CHECK(desk.decide(one, Verb::approve).outcome == Outcome::unavailable);
    CHECK(desk.submit(2, 2).state == TicketState::unavailable);
    CHECK(desk.submit(3, 3).state == TicketState::unavailable);
    CHECK(desk.store->list({})->tickets.size() == 1);
    CHECK(desk.store->find(one)->version == 1);
    desk.post({.kind = Kind::leave, .waiter = {1, 1}, .ticket = one});
    desk.sql("DROP TRIGGER refuse");
    CHECK(desk.submit(4, 1).ticket == one); // joined, not new
    CHECK(desk.submit(5, 2).state == TicketState::pending);
    CHECK(desk.submit(6, 3).state == TicketState::unavailable); // two wait, as few as the cap allows
    CHECK(desk.store->waiting() == 2);
    CHECK(desk.decide(one, Verb::approve).outcome == Outcome::done);
    const auto news = desk.next();
    CHECK((news.state == TicketState::approved && news.body == call_body && news.waiter == Ref{4, 1}));
    CHECK(desk.claim(4, one).granted);
    CHECK(desk.told(one) == std::vector{held, approved, executing});
}

TEST_CASE("a database of the first schema is taken over with what it holds") {
    Desk desk;
    desk.sql(R"(
CREATE TABLE ticket(
  id TEXT PRIMARY KEY, version INTEGER NOT NULL, state TEXT NOT NULL, digest BLOB NOT NULL, definition BLOB NOT NULL,
  principal TEXT NOT NULL, person TEXT NOT NULL, client TEXT NOT NULL, server TEXT NOT NULL, method TEXT NOT NULL,
  name TEXT NOT NULL, body TEXT NOT NULL, reason TEXT NOT NULL, session_key TEXT NOT NULL, deciders TEXT NOT NULL,
  policies TEXT NOT NULL, generation INTEGER NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL,
  decided_by TEXT NOT NULL, decided_note TEXT NOT NULL, decided INTEGER NOT NULL, answer TEXT NOT NULL,
  stands INTEGER NOT NULL, told INTEGER NOT NULL) STRICT;
CREATE INDEX ticket_state ON ticket(state, stands);
CREATE TABLE outbox(
  number INTEGER PRIMARY KEY AUTOINCREMENT, ticket TEXT NOT NULL, version INTEGER NOT NULL, kind INTEGER NOT NULL,
  actor TEXT NOT NULL, note TEXT NOT NULL) STRICT;
INSERT INTO ticket VALUES('ap_00000000000000000000000000', 1, 'pending', zeroblob(32), zeroblob(32), 'p', 'ann', '', 'acme',
  'tools/call', 'pay', '{}', '', '', '[["ops"]]', '[["pay/ask"]]', 1, 1, 9000000000000000000, '', '', 0, '', 0, 0);
INSERT INTO outbox(ticket, version, kind, actor, note) VALUES('ap_00000000000000000000000000', 1, 5, '', 'old');
PRAGMA user_version = 1;)");
    desk.open();
    const std::string id = "ap_00000000000000000000000000";
    CHECK(desk.told(id) == std::vector{held});
    CHECK(desk.decide_as(id, Verb::approve, "ann", {"dev"}).outcome == Outcome::forbidden);
    CHECK(desk.decide_as(id, Verb::approve, "bo", {"ops"}).outcome == Outcome::done);
    desk.open();
    CHECK(desk.store->find(id)->decider_subject == "bo");
}

TEST_CASE("a database of the third schema is taken over, and its versions are those that people saw") {
    Desk desk;
    desk.open();
    const std::string id = desk.submit(1).ticket;
    desk.store.reset();
    desk.sql(
        "DROP INDEX ticket_answer; ALTER TABLE ticket DROP COLUMN turns; UPDATE ticket SET version = 5; PRAGMA "
        "user_version = 3");
    desk.open();
    CHECK(desk.store->find(id)->version == 5);
    CHECK(desk.store->decide(id, Verb::approve, {"unix:0:root"}, "", {.versions = {1}}).outcome == Outcome::changed);
    CHECK(desk.store->decide(id, Verb::approve, {"unix:0:root"}, "", {.versions = {5}}).outcome == Outcome::done);
    CHECK(desk.store->find(id)->version == 6);
}

TEST_CASE("a version counts what became of a ticket, and no wish that was refused") {
    Desk desk;
    desk.open();
    const std::string id = desk.submit(1).ticket;
    const auto seen = desk.store->find(id)->version;
    const auto refused = desk.decide_as(id, Verb::approve, "eve", {"dev"});
    CHECK(refused.outcome == Outcome::forbidden);
    CHECK(refused.ticket.version == seen);
    CHECK(desk.store->find(id)->version == seen);
    desk.open(); // It is kept so.
    CHECK(desk.store->find(id)->version == seen);
    const auto done = desk.store->decide(id, Verb::approve, {"unix:0:root"}, "", {.versions = {seen}});
    CHECK(done.outcome == Outcome::done);
    CHECK(done.ticket.version == seen + 1);
    CHECK(desk.told(id) == std::vector{held, record::Kind::not_entitled, approved});
}

TEST_CASE("a tool that was changed is asked about anew, whether people had decided or not") {
    Desk desk;
    desk.open();
    desk.submit_as(1, 7);
    const auto first = desk.next();
    CHECK(first.state == TicketState::pending);
    for (const uint8_t same : {uint8_t{7}, uint8_t{0}}) { // 0: who asks knows of no definition, and joins
        desk.submit_as(2, same);
        CHECK(desk.next().ticket == first.ticket);
    }
    desk.submit_as(3, 8);
    for (const uint32_t waiter : {1U, 2U, 2U}) { // The old one's waiters are told that it is over.
        const auto told = desk.next();
        CHECK(told.waiter == Ref{waiter, 1});
        CHECK(told.state == TicketState::withdrawn);
        CHECK(told.text.find("the tool was changed") != std::string::npos);
    }
    const auto second = desk.next();
    CHECK(second.state == TicketState::pending);
    CHECK(second.ticket != first.ticket);
    CHECK(desk.decide(first.ticket, Verb::approve).outcome == Outcome::conflict);
    CHECK(desk.decide(second.ticket, Verb::approve).outcome == Outcome::done);
    CHECK(desk.next().state == TicketState::approved);
    desk.submit_as(4, 9);
    CHECK(desk.next().state == TicketState::revoked); // to waiter 3
    const auto third = desk.next();
    CHECK(third.state == TicketState::pending);
    CHECK(third.waiter == Ref{4, 1});
    CHECK(desk.claim(3, second.ticket).granted == false);
    CHECK(desk.submit(5).ticket == third.ticket);
}

TEST_CASE("no answer is a no, and an approval that nobody uses expires") {
    Desk desk;
    Limits limits;
    limits.claim_ns_max = 1 * ms_ns;
    desk.open(limits);
    const auto ticket = desk.submit(1, 1, 1 * ms_ns).ticket;
    CHECK(desk.next().state == TicketState::expired);
    CHECK(desk.decide(ticket, Verb::approve).outcome == Outcome::conflict);
    const auto told = desk.submit(2); // the first to ask again learns of it, the next one starts anew
    CHECK(told.state == TicketState::expired);
    const auto fresh = desk.submit(3);
    CHECK(fresh.state == TicketState::pending);
    REQUIRE(desk.decide(fresh.ticket, Verb::approve).outcome == Outcome::done);
    CHECK(desk.next().state == TicketState::approved);
    CHECK(desk.next().state == TicketState::expired);
    CHECK_FALSE(desk.claim(3, fresh.ticket).granted);
    CHECK(desk.told(fresh.ticket) == std::vector{held, approved, record::Kind::expired});
}

TEST_CASE("what had not left goes back, and may be claimed again") {
    Desk desk;
    desk.open();
    const auto ticket = desk.submit(1).ticket;
    REQUIRE(desk.decide(ticket, Verb::approve).outcome == Outcome::done);
    desk.next();
    REQUIRE(desk.claim(1, ticket).granted);
    desk.post({.kind = Kind::put_back, .waiter = {1, 1}, .ticket = ticket});
    const auto again = desk.submit(2);
    CHECK(again.state == TicketState::approved);
    CHECK(desk.claim(2, ticket).granted);
}

TEST_CASE("tickets survive a restart; what was running then is ambiguous") {
    Desk desk;
    desk.open();
    const auto waits = desk.submit(1, 1).ticket, granted = desk.submit(2, 2).ticket, runs = desk.submit(3, 3).ticket;
    for (const auto& ticket : {granted, runs}) {
        REQUIRE(desk.decide(ticket, Verb::approve).outcome == Outcome::done);
        desk.next();
    }
    REQUIRE(desk.claim(3, runs).granted);
    desk.open();
    CHECK(desk.submit(4, 1).ticket == waits);
    CHECK(desk.submit(5, 2).state == TicketState::approved);
    const auto lost = desk.submit(6, 3);
    CHECK(lost.ticket == runs);
    CHECK(lost.state == TicketState::ambiguous);
    CHECK(desk.told(runs) == std::vector{held, approved, executing, record::Kind::ambiguous});
    auto all = desk.store->list({});
    REQUIRE(all);
    CHECK(all->tickets.size() == 2);
    // Whoever asks for it again is told what may have happened, and so is whoever is to approve it.
    const auto fresh = desk.submit(7, 3);
    REQUIRE(fresh.state == TicketState::pending);
    all = desk.store->list({});
    REQUIRE(all);
    CHECK(all->tickets.back().reason.find("may already have run") != std::string::npos);
}

TEST_CASE("caps refuse in clear text") {
    Desk desk;
    Limits limits;
    limits.approvals_per_principal_max = 2;
    desk.open(limits);
    CHECK(desk.submit(1, 1).state == TicketState::pending);
    CHECK(desk.submit(2, 2).state == TicketState::pending);
    const auto refused = desk.submit(3, 3);
    CHECK(refused.state == TicketState::unavailable);
    CHECK_FALSE(refused.text.empty());
    CHECK(desk.submit(4, 1).state == TicketState::pending); // joins
}

TEST_CASE("a database that cannot be written refuses approvals, and takes them again afterwards") {
    Desk desk;
    desk.open();
    const auto ticket = desk.submit(1, 1).ticket;
    sqlite3* other = nullptr;
    REQUIRE(sqlite3_open((desk.directory / "weir.db").c_str(), &other) == SQLITE_OK);
    REQUIRE(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) == SQLITE_OK);
    CHECK(desk.submit(2, 2).state == TicketState::unavailable);
    CHECK(desk.decide(ticket, Verb::approve).outcome == Outcome::unavailable);
    REQUIRE(sqlite3_exec(other, "ROLLBACK", nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(other);
    CHECK(desk.submit(3, 2).state == TicketState::pending);
    CHECK(desk.decide(ticket, Verb::approve).outcome == Outcome::done);
}

TEST_CASE("how a run ended is written once the database can be written again") {
    Desk desk;
    desk.open();
    const auto ran = desk.submit(1, 1).ticket, back = desk.submit(2, 2).ticket;
    for (const auto& [waiter, ticket] : {std::pair(1U, ran), std::pair(2U, back)}) {
        REQUIRE(desk.decide(ticket, Verb::approve).outcome == Outcome::done);
        CHECK(desk.next().state == TicketState::approved);
        CHECK(desk.claim(waiter, ticket).granted);
    }
    sqlite3* other = nullptr;
    REQUIRE(sqlite3_open((desk.directory / "weir.db").c_str(), &other) == SQLITE_OK);
    REQUIRE(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) == SQLITE_OK);
    desk.post({.kind = Kind::finish, .worker = 0, .waiter = {1, 1}, .ticket = ran, .body = "done"});
    desk.post({.kind = Kind::put_back, .worker = 0, .waiter = {2, 1}, .ticket = back});
    CHECK(desk.submit(3, 3).state == TicketState::unavailable); // Behind them: they have failed by now.
    CHECK(desk.store->find(ran)->state == TicketState::executing);
    REQUIRE(sqlite3_exec(other, "ROLLBACK", nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(other);
    CHECK(desk.next().ticket == ran);
    const auto joined = desk.submit(4, 2);
    CHECK(joined.ticket == back);
    CHECK(joined.state == TicketState::approved);
    CHECK(desk.store->find(ran)->state == TicketState::answered);
}
