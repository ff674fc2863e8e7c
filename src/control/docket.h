// control/docket.h - the tickets that stand, and what becomes of them: mail in groups, each group one transaction, its evidence,
// then the telling.
//
// A transaction that changes a row also leaves a line in the outbox; the line becomes an entry of the record's stream
// `control`, and only when that is synced is anybody told. While it is not, mail stays in the box: what comes meanwhile is the
// next group. After a crash open() makes good what was between the two.
//
// Not a thread: the store's (store.cc) turns it. Time and the record's files come through the Ring, so that the simulator
// can turn it in a time of its own; SQLite blocks. Everything but the mailbox belongs to whoever turns it. docket.cc is the
// turn; docket_turns.cc is what happens to tickets within a group.
#pragma once

#include "approve/ticket.h"
#include "control/evidence.h"
#include "control/store.h"
#include "control/tickets.h"
#include "post/mailbox.h"

#include <functional>
#include <future>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>
#include <variant>

namespace weir::control {

struct ListQuestion {
    Listing listing;
    std::shared_ptr<std::promise<Result<Listed>>> answer;
};
struct FindQuestion {
    std::string id;
    std::shared_ptr<std::promise<Result<TicketView>>> answer;
};
struct DecideQuestion {
    std::string id;
    Verb verb;
    Actor actor;
    std::string note;
    std::shared_ptr<std::promise<Decided>> answer;
};
using Mail = std::variant<post::ApprovalAsk, ListQuestion, FindQuestion, DecideQuestion>;
using DocketMailbox = post::Mailbox<Mail>;

/// Posts what a worker asks. False: the box is full. What waits for no answer is never refused: nobody else knows how a run
/// ended or that a waiter has gone, and there are no more of these than waiters.
bool post_ask(DocketMailbox& mailbox, post::ApprovalAsk&& ask);

class Docket {
  public:
    /// Opens or makes the database and reads what stands; what was being executed becomes ambiguous. What that adds to the
    /// record is there once settled() says so. `ring` and `mailbox` must outlive the Docket; the mailbox must wake the ring.
    /// On failure a text for the operator.
    static OrText<std::unique_ptr<Docket>> open(StoreOptions options, ring::Ring& ring, DocketMailbox& mailbox);
    /// closed() must be true.
    ~Docket();
    Docket(const Docket&) = delete;
    Docket& operator=(const Docket&) = delete;

    /// Waits for mail, for the disk or for what is due next, and does what can be done then.
    void turn();
    /// When turn() wants to be called though nothing happens (monotonic).
    uint64_t next_due_ns() const;
    /// All that was committed is in the record, on disk, and was told.
    bool settled() const {
        return !lagging_ && recorded_ == appended_ && held_tellings_.empty() && held_answers_.empty();
    }
    /// Takes the mail that is there, and no more afterwards. Go on turning until closed(), which is bounded.
    void close() { closing_ = true; }
    bool closed() const { return evidence_ == nullptr || evidence_->closed(); }

    size_t pending() const;
    size_t executing() const;
    /// Exchanges that are told what becomes of their tickets.
    size_t waiters() const;

  private:
    struct Waiter {
        uint32_t worker;
        Ref ref;
    };
    struct Live {
        Ticket ticket;
        std::vector<Waiter> waiters;
    };
    struct Telling {
        uint32_t worker;
        post::ApprovalNews news;
    };
    struct Undo {
        std::string id;
        bool existed;
        Ticket before;
    };
    Docket(StoreOptions options, ring::Ring& ring, DocketMailbox& mailbox);
    OrText<void> read();
    uint64_t next_due_wall_ns() const;
    uint64_t now() const { return ring_.wall_ns(); }

    // docket.cc
    void group(std::vector<Mail>&& mail);
    bool commit();
    void write_outbox();
    void look_at_record();
    bool takes_mail() const;
    void publish();
    void nothing_written(std::vector<Mail>& mail);
    void answer_lookups(std::vector<Mail>& mail);

    // docket_turns.cc
    OrText<void> ask(post::ApprovalAsk&& ask);
    OrText<void> submit(post::ApprovalAsk& ask);
    OrText<void> claim(post::ApprovalAsk& ask);
    OrText<void> finish(post::ApprovalAsk& ask);
    OrText<void> decide(DecideQuestion& question);
    OrText<void> expire_due();
    OrText<bool> take(Live& entry, approve::Turn how, std::string by, std::string note, Person person = {});
    OrText<void> refuse(Live& entry, const DecideQuestion& question, approve::Right right);
    OrText<void> save(Live& entry, uint64_t version);
    void remember_before(const std::string& id);
    enum class Says : uint8_t { change, answer, grant };
    void news_to(const Live& entry, const Waiter& waiter, Says says);
    void tell_all(const Live& entry);
    void unavailable(const post::ApprovalAsk& ask, std::string_view why);
    void drop_waiter(const post::ApprovalAsk& ask);
    void forget(const std::string& id);
    Result<Listed> list(const Listing& listing);
    Result<TicketView> find(const std::string& id);

    const StoreOptions options_;
    ring::Ring& ring_;
    DocketMailbox& mailbox_;
    std::unique_ptr<Tickets> table_;
    std::unique_ptr<Evidence> evidence_;
    ring::Op wake_op_{};
    bool closing_ = false;

    std::unordered_map<std::string, Live> live_; // what stands, by id
    std::map<std::array<uint8_t, 32>, std::string> by_digest_;

    // Of the group that is being worked on.
    std::vector<Telling> tellings_;
    std::vector<std::function<void()>> answers_;
    std::vector<Undo> undo_; // its changes to live_, if its transaction fails

    // Of the outbox, by its lines' numbers: what was given to the record, and what is there and goes with the next transaction.
    int64_t appended_ = 0, recorded_ = 0;
    uint64_t awaited_seq_ = 0;           // the record's of the last line
    uint64_t late_ns_ = 0;               // when the record has had its time for it
    bool late_ = false;                  // it has
    bool lagging_ = false;               // lines are committed that it has not taken
    std::vector<Telling> held_tellings_; // until it is there
    std::vector<std::function<void()>> held_answers_;
    std::set<std::pair<std::string, uint64_t>> written_; // what a crash had written and not noted: ticket, version

    std::vector<post::ApprovalAsk>
        unwritten_; // how runs ended, when that could not be written: first in the next group
    uint64_t retry_at_ns_ = 0;
    uint64_t pruned_ns_ = 0;
};

} // namespace weir::control
