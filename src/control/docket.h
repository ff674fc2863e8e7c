// control/docket.h - the tickets that stand, and what becomes of them: mail in groups, each group one transaction, its evidence,
// then the telling.
//
// A transaction that changes a row also leaves a line in the outbox; the line becomes an entry of the record's stream
// `control`, and only when that is synced is anybody told. While it is not, mail stays in the box: what comes meanwhile is the
// next group. After a crash open() makes good what was between the two.
//
// A ticket's row is its truth; memory keeps of each that stands what every turn asks for (Live), found by id, by digest and by
// when it is due, and counted by state and by principal: what a group costs follows from what is in it, not from how many wait.
// Bodies and texts are read from the row when somebody is to have them.
//
// Not a thread: the store's (store.cc) turns it. Time and the record's files come through the Ring, so that the simulator
// can turn it in a time of its own; SQLite blocks. Everything but the mailbox belongs to whoever turns it. docket.cc is the
// turn; docket_turns.cc what happens to tickets within a group; docket_standing.cc what is kept of them; docket_lists.cc what
// people look at.
#pragma once

#include "approve/ticket.h"
#include "base/pool.h"
#include "control/evidence.h"
#include "control/store.h"
#include "control/tickets.h"
#include "post/mailbox.h"

#include <array>
#include <cstring>
#include <functional>
#include <future>
#include <memory_resource>
#include <set>
#include <string_view>
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
    Guard guard{};
};
using Mail = std::variant<post::ApprovalAsk, ListQuestion, FindQuestion, DecideQuestion>;
using DocketMailbox = post::Mailbox<Mail>;

inline constexpr uint64_t said_kept_ns = uint64_t{86'400} * s_ns; // an answer, for who decides again with the same key

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

    uint64_t mail_taken() const { return mail_taken_; } // since the start
    size_t pending() const { return pending_; }
    size_t executing() const { return executing_; }
    /// Exchanges that are told what becomes of their tickets. Counts them.
    size_t waiters() const;

  private:
    struct Waiter {
        uint32_t worker;
        Ref ref;
    };
    struct Count {
        size_t pending = 0, standing = 0; // tickets of one principal
    };
    using Principals = std::unordered_map<std::string, Count>; // those of whom a ticket stands
    struct Live {
        explicit Live(std::pmr::memory_resource& memory) : waiters(&memory) {}
        std::array<char, approve::id_bytes> id_octets{};
        approve::State state = approve::State::pending;
        bool told = false;
        std::array<uint8_t, 32> digest{}, definition{};
        uint64_t version = 1, expires_ns = 0, stands_ns = 0;
        Principals::value_type* principal = nullptr;
        std::pmr::vector<Waiter> waiters;

        std::string_view id() const { return {id_octets.data(), id_octets.size()}; }
        bool over() const { return approve::is_over(state); }
        uint64_t due_ns() const { return over() ? stands_ns : expires_ns; }
    };
    struct DueFirst {
        bool operator()(const Live* a, const Live* b) const {
            return std::pair(a->due_ns(), a->id()) < std::pair(b->due_ns(), b->id());
        }
    };
    struct DigestHash {
        size_t operator()(const std::array<uint8_t, 32>& digest) const noexcept {
            size_t hash = 0;
            std::memcpy(&hash, digest.data(), sizeof hash);
            return hash;
        }
    };
    struct Telling {
        uint32_t worker;
        post::ApprovalNews news;
    };
    struct Undo {
        Standing before;
        bool existed, by_digest; // it did, and its digest led to it
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
    OrText<void> keep(const DecideQuestion& question, Decided& decided);
    OrText<void> let_go(Live& entry, bool received);
    OrText<void> expire_due();
    OrText<bool> take(Live& entry, approve::Turn how, std::string by, std::string note, Person person = {});
    OrText<void> refuse(Live& entry, const DecideQuestion& question, approve::Right right);
    enum class Says : uint8_t { change, answer, grant };
    OrText<void> news_to(const Live& entry, const Waiter& waiter, Says says);
    OrText<void> tell_all(const Live& entry);
    void unavailable(const post::ApprovalAsk& ask, std::string_view why);

    // docket_standing.cc
    Live* find_live(std::string_view id);
    Live& stand(const Standing& ticket);
    void forget(Live& entry);
    OrText<void> end_standing(Live& entry);
    /// Before and after what it is found or counted by changes.
    void leave_order(Live& entry);
    void enter_order(Live& entry);
    void drop_waiter(const post::ApprovalAsk& ask);
    Standing standing_of(const Live& entry) const;
    void remember_before(const Live& entry);
    void remember_new(std::string_view id);
    void undo();
    OrText<Ticket*> row_of(const Live& entry);
    OrText<void> save(Live& entry, const Ticket& row, uint64_t version);

    // docket_lists.cc
    Result<Listed> list(const Listing& listing);
    Result<TicketView> find(const std::string& id);

    const StoreOptions options_;
    ring::Ring& ring_;
    DocketMailbox& mailbox_;
    std::unique_ptr<Tickets> table_;
    std::unique_ptr<Evidence> evidence_;
    ring::Op wake_op_{};
    bool closing_ = false;

    // What stands. Its memory is apart from that of the groups, so that none of theirs is kept by it.
    std::pmr::unsynchronized_pool_resource memory_;
    Pool<Live> lives_{UINT32_MAX};
    std::pmr::unordered_map<std::string_view, Live*> live_{&memory_}; // by id
    std::pmr::unordered_map<std::array<uint8_t, 32>, Live*, DigestHash> by_digest_{&memory_};
    std::pmr::set<Live*, DueFirst> due_{&memory_};
    Principals principals_;
    size_t pending_ = 0, executing_ = 0;

    // Of the group that is being worked on.
    std::vector<Telling> tellings_;
    std::vector<std::function<void()>> answers_;
    std::vector<Undo> undo_;                       // its changes to live_, if its transaction fails
    std::unordered_map<std::string, Ticket> rows_; // that it has read or written, as they are now

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
    uint64_t mail_taken_ = 0;
    uint64_t retry_at_ns_ = 0;
    uint64_t pruned_ns_ = 0;
};

} // namespace weir::control
