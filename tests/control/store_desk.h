// tests/control/store_desk.h - a store over a real database and a real record, and the mail of its waiters.
#pragma once

#include "control/store.h"
#include "record/fields.h"
#include "record/reader.h"
#include "record/recovery.h"
#include "record/segment.h"

#include <sqlite3.h>
#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <mutex>

namespace weir::control::trial {

using post::ApprovalAsk;
using post::ApprovalNews;
using post::TicketState;
using Kind = ApprovalAsk::Kind;

inline constexpr std::string_view call_body =
    R"({"method":"tools/call","params":{"name":"pay","arguments":{"amount":12}}})";

/// A call that is asked for, told from others by its digest.
inline std::unique_ptr<post::HeldCall> held_call(uint8_t digest, uint8_t definition = 0,
                                                 uint64_t within_ns = 60 * s_ns) {
    auto call = std::make_unique<post::HeldCall>();
    call->digest[0] = digest;
    call->definition[0] = definition;
    call->principal = "p";
    call->person = "ann";
    call->asker = {"https://idp.example", {"ann", "agent"}, {}};
    call->server = "acme";
    call->method = "tools/call";
    call->name = "pay";
    call->body = call_body;
    call->by = {{"ops", "person:bo@acme.example"}};
    call->policies = {"pay/ask"};
    call->reason = "money";
    call->within_ns = within_ns;
    return call;
}

/// A state directory, a store in it, and the mail of its waiters.
struct Desk {
    Desk() {
        std::string text = std::filesystem::temp_directory_path().string() + "/weir-store-XXXXXX";
        REQUIRE(::mkdtemp(text.data()) != nullptr);
        directory = text;
        std::filesystem::create_directory(directory / "segments");
    }
    ~Desk() {
        store.reset();
        std::filesystem::remove_all(directory);
    }

    void open(Limits limits = {}) {
        store.reset();
        std::string why;
        const auto log = record::log_identity((directory / "segments").string(), why);
        REQUIRE(log);
        auto opened = Store::open({.database = (directory / "weir.db").string(),
                                   .segments = (directory / "segments").string(),
                                   .log = *log,
                                   .body_bytes_max = 1 << 20,
                                   .limits = limits,
                                   .tell = [this](uint32_t worker, ApprovalNews&& news) {
                                       const std::lock_guard lock(mutex);
                                       mail.emplace_back(worker, std::move(news));
                                       came.notify_all();
                                   }});
        if (!opened) FAIL(opened.error());
        store = std::move(*opened);
    }

    /// The next that is told, to whomever.
    ApprovalNews next() {
        std::unique_lock lock(mutex);
        REQUIRE(came.wait_for(lock, std::chrono::seconds(120), [&] { return !mail.empty(); }));
        auto news = std::move(mail.front().second);
        mail.pop_front();
        return news;
    }

    ApprovalNews submit(uint32_t waiter, uint8_t digest = 1, uint64_t within_ns = 60 * s_ns) {
        submit_as(waiter, 0, digest, within_ns);
        auto news = next();
        CHECK(news.waiter == Ref{waiter, 1});
        return news;
    }
    void submit_as(uint32_t waiter, uint8_t definition, uint8_t digest = 1, uint64_t within_ns = 60 * s_ns) {
        post({.kind = Kind::submit, .waiter = {waiter, 1}, .call = held_call(digest, definition, within_ns)});
    }
    void post(ApprovalAsk&& ask) { REQUIRE(store->post(std::move(ask))); }
    ApprovalNews claim(uint32_t waiter, const std::string& ticket) {
        post({.kind = Kind::claim, .waiter = {waiter, 1}, .ticket = ticket});
        return next();
    }
    Decided decide(const std::string& id, Verb verb) { return store->decide(id, verb, {"unix:0:root"}, "because"); }
    /// The same by somebody's token.
    Decided decide_as(const std::string& id, Verb verb, const std::string& subject, std::vector<std::string> groups) {
        approve::Decider person;
        person.issuer = "https://idp.example";
        person.subject = subject;
        person.display = "Dr " + subject;
        person.groups = std::move(groups);
        return store->decide(id, verb, {"token:https://idp.example:" + subject, person}, "because");
    }
    std::string state_of(const std::string& id) {
        const auto all = store->list({.all = true});
        const auto found = store->find(id);
        REQUIRE(all);
        for (const auto& ticket : all->tickets) {
            if (ticket.id != id) continue;
            REQUIRE(found);
            CHECK(found->state == ticket.state);
            return std::to_string(static_cast<int>(ticket.state));
        }
        CHECK(found.error() == Error::not_found);
        return "none";
    }

    /// What the record says of `ticket`: the kinds, in order.
    std::vector<record::Kind> told(const std::string& ticket) {
        std::vector<record::Kind> kinds;
        auto stream = record::StreamReader::open((directory / "segments" / "control").string(), {.verify = true});
        REQUIRE(stream);
        while (const auto entry = stream->next()) {
            const auto fields = record::read_fields(entry->frame.payload);
            REQUIRE(fields);
            if (fields->text(record::Field::ticket) == ticket) kinds.push_back(entry->frame.kind);
        }
        return kinds;
    }

    /// Runs statements as a person with sqlite3 would. Gives the first column of the last row.
    std::string sql(const std::string& statements) const {
        sqlite3* database = nullptr;
        REQUIRE(sqlite3_open((directory / "weir.db").c_str(), &database) == SQLITE_OK);
        sqlite3_busy_timeout(database, 2000);
        std::string found;
        const auto take = [](void* to, int, char** values, char**) {
            *static_cast<std::string*>(to) = values[0] == nullptr ? "" : values[0];
            return 0;
        };
        const int done = sqlite3_exec(database, statements.c_str(), take, &found, nullptr);
        sqlite3_close(database);
        REQUIRE(done == SQLITE_OK);
        return found;
    }
    std::string answer_of(const std::string& ticket) const {
        return sql("SELECT answer FROM ticket WHERE id = '" + ticket + "'");
    }

    std::filesystem::path directory;
    std::mutex mutex;
    std::condition_variable came;
    std::deque<std::pair<uint32_t, ApprovalNews>> mail;
    std::unique_ptr<Store> store;
};

using record::Kind::answered, record::Kind::approved, record::Kind::executing, record::Kind::held;

} // namespace weir::control::trial
