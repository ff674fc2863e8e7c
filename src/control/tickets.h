// control/tickets.h - the tickets' table in SQLite: rows in and out, each change by compare-and-set, and the outbox.
//
// WAL, synchronous=FULL: what commit() returned good for survives a power cut. Blocking; one thread, the store's. A
// failure is a text for the log; the transaction is then rolled back, and nothing of it has happened. No question looks at
// more rows than it names: what stands is read by an index of what stands, what is over by one of its own, ids by their order.
#pragma once

#include "approve/decider.h"
#include "approve/ticket.h"
#include "base/bytes.h"
#include "json/scan.h"

#include <array>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

struct sqlite3;
struct sqlite3_stmt;

namespace weir::control {

/// Who a token says somebody is. Without an issuer no token says so.
struct Person {
    std::string issuer, subject, display;
    bool operator==(const Person&) const = default;
};

struct Ticket {
    std::string id;
    uint64_t version = 1;
    approve::State state = approve::State::pending;
    std::array<uint8_t, 32> digest{}, definition{};
    std::string principal, person, client, server, method, name, body, reason, session_key;
    approve::Asker asker;
    std::vector<std::vector<std::string>> by;
    std::vector<std::string> policies;
    uint64_t generation = 0;
    uint64_t created_ns = 0; // Unix time, as all of them
    uint64_t expires_ns = 0; // pending: nobody decides afterwards; approved: nobody runs it afterwards
    std::string decided_by, decided_note;
    Person decider; // when a token said who
    uint64_t decided_ns = 0;
    uint64_t stands_ns = 0; // over: the same call asked again is told so until then, and is a new ticket afterwards
    bool told = false;      // over: a waiter has been told
    uint64_t turns = 1;     // taken, its making among them; a wish that was refused is a version and no turn
};

/// What the record is to say of one turn of a ticket.
struct OutboxLine {
    int64_t number = 0; // rises
    std::string ticket;
    uint64_t version = 0;
    uint16_t kind = 0; // record/kinds.h
    std::string by, text;
    Person person{};
};

/// What is asked of a ticket at each turn. All else is in its row.
struct Standing {
    std::string id;
    uint64_t version = 1;
    approve::State state = approve::State::pending;
    std::array<uint8_t, 32> digest{}, definition{};
    std::string principal;
    uint64_t expires_ns = 0, stands_ns = 0;
    bool told = false;
};

/// A text of a ticket that may be long, or that is rarely asked for.
enum class TicketText : uint8_t { body, answer, decided_note };

/// The orders in which tickets are looked through.
enum class Order : uint8_t { waiting_oldest, waiting_newest, over_newest, by_id };

/// Behind what one looks on: a ticket, or what stands between two.
struct Place {
    Order order = Order::waiting_oldest;
    uint64_t created_ns = 0; // not of by_id
    std::string id = "ap_";  // or the beginning of one, which stands before all that begin so
    /// Before the first of that order.
    static Place first(Order order);
};

/// What was answered to a decision that had a key.
struct Said {
    std::array<uint8_t, 32> digest{}; // of the request
    std::string answer;
    uint64_t made_ns = 0;
};

template <class T> using OrText = std::expected<T, std::string>;

class Tickets {
  public:
    /// Opens or makes the database at `path`. What a former run wrote last is brought to the disk first: a kill may have left
    /// it with the kernel alone. On failure a text for the operator.
    static OrText<std::unique_ptr<Tickets>> open(const std::string& path);
    ~Tickets();
    Tickets(const Tickets&) = delete;
    Tickets& operator=(const Tickets&) = delete;

    OrText<void> begin();
    OrText<void> commit();
    void rollback();

    OrText<void> insert(const Ticket& ticket);
    /// Writes what changes of `ticket` but its answer, if its row still has `version`. False: it has another one by now.
    OrText<bool> update(const Ticket& ticket, uint64_t version);
    /// What it has run to, for clients that have not got it.
    OrText<void> keep_answer(std::string_view id, std::string_view answer);
    OrText<void> drop_answer(std::string_view id);
    /// Those of tickets that do not stand any more at `now_ns`.
    OrText<void> drop_answers(uint64_t now_ns);
    OrText<void> remember(const OutboxLine& line);
    OrText<void> forget(int64_t up_to_number);
    /// The lines behind `number`, in order.
    OrText<std::vector<OutboxLine>> outbox(int64_t number = 0);

    /// All that are not over, and those that are over and still stand at `now_ns`; the oldest first.
    OrText<std::vector<Standing>> standing(uint64_t now_ns);
    OrText<std::optional<Ticket>> find(std::string_view id, bool with_body);
    /// Empty: there is none.
    OrText<std::string> text(std::string_view id, TicketText which);
    /// Calls `visit` with each ticket, without its body, from behind `place` on, until it returns false or `rows_max` were
    /// looked at. With a `prefix` only those whose ids begin with it (of by_id). How many were looked at.
    OrText<size_t> each(const Place& place, std::string_view prefix, size_t rows_max,
                        const std::function<bool(Ticket&&)>& visit);

    /// What was answered to the decision of `by` that had `key`.
    OrText<std::optional<Said>> said(std::string_view by, std::string_view key);
    /// Keeps it, in place of what was kept before. Of more than `count_max` the oldest are forgotten.
    OrText<void> say(std::string_view by, std::string_view key, const Said& said, uint64_t count_max);
    OrText<void> forget_said(uint64_t before_ns);

    /// Removes rows that were over before `before_ns`: the record keeps what happened.
    OrText<void> prune(uint64_t before_ns);

  private:
    class Statement;
    explicit Tickets(sqlite3* database) : database_(database) {}
    OrText<void> run(const char* sql);
    OrText<sqlite3_stmt*> prepare(const char* sql);
    std::unexpected<std::string> failed() const;
    OrText<void> upgrade(uint64_t version);
    template <class T> OrText<void> read_begin(Statement& statement, T& ticket);
    OrText<Ticket> read(Statement& statement);
    std::vector<std::vector<std::string>> read_lists(std::string_view stored);

    sqlite3* database_;
    std::unordered_map<const char*, sqlite3_stmt*> prepared_; // by the address of their text, a constant
    BufferPool pool_;
    json::Scanner scanner_{json::ScanLimits{}};
};

} // namespace weir::control
