// control/tickets.h - the tickets' table in SQLite: rows in and out, each change by compare-and-set, and the outbox.
//
// WAL, synchronous=FULL: what commit() returned good for survives a power cut. Blocking; one thread, the store's. A
// failure is a text for the log; the transaction is then rolled back, and nothing of it has happened.
#pragma once

#include "approve/decider.h"
#include "approve/ticket.h"

#include <array>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
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
    std::string answer;     // answered: for a client that has not got it
    uint64_t stands_ns = 0; // over: the same call asked again is told so until then, and is a new ticket afterwards
    bool told = false;      // over: a waiter has been told
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

/// A place among tickets that are over: behind the one that was made then and has this id.
struct PastPlace {
    uint64_t created_ns = UINT64_MAX >> 1;
    std::string id{};
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
    /// Writes the row of `ticket` if it still has `version`. False: it has another one by now.
    OrText<bool> update(const Ticket& ticket, uint64_t version);
    OrText<void> remember(const OutboxLine& line);
    OrText<void> forget(int64_t up_to_number);
    /// The lines behind `number`, in order.
    OrText<std::vector<OutboxLine>> outbox(int64_t number = 0);

    /// All that are not over, and those that are over and still stand at `now_ns`.
    OrText<std::vector<Ticket>> standing(uint64_t now_ns);
    OrText<std::optional<Ticket>> find(std::string_view id);
    /// The newest that are over and `wanted`, from behind `place` on.
    OrText<std::vector<Ticket>> past(size_t count_max, const PastPlace& place,
                                     const std::function<bool(const Ticket&)>& wanted);
    /// Removes rows that were over before `before_ns`: the record keeps what happened.
    OrText<void> prune(uint64_t before_ns);

  private:
    class Statement;
    explicit Tickets(sqlite3* database) : database_(database) {}
    OrText<void> run(const char* sql);
    OrText<sqlite3_stmt*> prepare(const char* sql);
    std::unexpected<std::string> failed() const;
    OrText<void> upgrade(uint64_t version);
    OrText<std::vector<Ticket>> read_all(Statement& statement, size_t count_max = SIZE_MAX,
                                         const std::function<bool(const Ticket&)>& wanted = {});

    sqlite3* database_;
};

} // namespace weir::control
