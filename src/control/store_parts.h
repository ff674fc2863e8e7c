// control/store_parts.h - the insides of the store: its mail, what stands, and what a group has changed so far. Internal.
//
// store.cc is the thread: mail in groups, each group one transaction, its evidence, then the telling. store_turns.cc is what
// happens to tickets within a group. Everything but the mailbox, `stopping` and `waiting` is the thread's own.
#pragma once

#include "approve/ticket.h"
#include "control/evidence.h"
#include "control/store.h"
#include "control/tickets.h"
#include "post/mailbox.h"

#include <atomic>
#include <functional>
#include <future>
#include <map>
#include <thread>
#include <unordered_map>
#include <variant>

namespace weir::control {

struct ListQuestion {
    bool all;
    size_t count_max;
    std::shared_ptr<std::promise<std::vector<TicketView>>> answer;
};
struct FindQuestion {
    std::string id;
    std::shared_ptr<std::promise<Result<TicketView>>> answer;
};
struct DecideQuestion {
    std::string id;
    Verb verb;
    std::string by, note;
    std::shared_ptr<std::promise<Decided>> answer;
};
/// Whether `ask` says what became of a call that ran: nothing else will.
inline bool ends_run(const post::ApprovalAsk& ask) {
    using Kind = post::ApprovalAsk::Kind;
    return ask.kind == Kind::finish || ask.kind == Kind::put_back || ask.kind == Kind::delivered;
}

using Mail = std::variant<post::ApprovalAsk, ListQuestion, FindQuestion, DecideQuestion>;

struct Waiter {
    uint32_t worker;
    Ref ref;
};

struct Store::Parts {
    StoreOptions options;
    std::shared_ptr<ring::Waker> waker;
    std::unique_ptr<post::Mailbox<Mail>> mailbox;
    std::unique_ptr<Tickets> table;
    std::unique_ptr<Evidence> evidence; // made, used and ended on the thread
    std::atomic<bool> stopping{false};
    std::atomic<uint64_t> waiting{0};
    std::promise<std::string> started;
    std::thread thread;

    // The thread's own from here on.
    struct Live {
        Ticket ticket;
        std::vector<Waiter> waiters;
    };
    std::unordered_map<std::string, Live> live; // what stands, by id
    std::map<std::array<uint8_t, 32>, std::string> by_digest;
    /// What is done when the group is on disk, or when it is not.
    struct Telling {
        uint32_t worker;
        post::ApprovalNews news;
    };
    std::vector<Telling> tellings;
    std::vector<std::function<void()>> answers;
    struct Undo {
        std::string id;
        bool existed;
        Ticket before;
    };
    std::vector<Undo> undo;                   // the group's changes to `live`, if its transaction fails
    bool outbox_waits = false;                // lines that are committed and not yet in the record
    std::vector<post::ApprovalAsk> unwritten; // how runs ended, when that could not be written: first in the next group
    int64_t recorded = 0;               // the outbox's lines up to this one are there, and go with the next transaction
    std::vector<Telling> held_tellings; // until they are
    std::vector<std::function<void()>> held_answers;
    uint64_t retry_at_ns = 0;
    uint64_t pruned_ns = 0;

    void run();
    std::string start();
    void group(std::vector<Mail>&& mail);
    bool commit();
    bool write_outbox();
    void publish();
    uint64_t next_due_wall_ns() const;
    uint64_t now() const { return evidence->wall_ns(); }

    OrText<void> ask(post::ApprovalAsk&& ask);
    OrText<void> submit(post::ApprovalAsk& ask);
    OrText<void> claim(post::ApprovalAsk& ask);
    OrText<void> finish(post::ApprovalAsk& ask);
    OrText<void> decide(DecideQuestion& question);
    OrText<void> expire_due();
    OrText<bool> turn(Live& entry, approve::Turn how, std::string by, std::string note);
    OrText<void> save(Live& entry, uint64_t version);
    void remember_before(const std::string& id);
    void news_to(const Live& entry, const Waiter& waiter, bool granted = false);
    void tell_all(const Live& entry);
    void unavailable(const post::ApprovalAsk& ask, std::string_view why);
    void drop_waiter(const post::ApprovalAsk& ask);
    void forget(const std::string& id);
    std::vector<TicketView> list(bool all, size_t count_max);
    Result<TicketView> find(const std::string& id);
    void answer_lookups(std::vector<Mail>& mail);
    void nothing_written(std::vector<Mail>& mail);
};

} // namespace weir::control
