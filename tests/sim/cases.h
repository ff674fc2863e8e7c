// tests/sim/cases.h - calls that wait for people: who decided what, what left, what happened, all joined with the record.
//
// A case is a mark (ledger.h) and the tickets that the record's stream `control` has for it. Three promises are held against
// it: nothing forwards without its approved entry, a ticket is decided once, an effect happens once. Not a judge of answers:
// the clients are (actors.h).
#pragma once

#include "control/store.h"
#include "record/reader.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace weir::sim {

/// What the record was when something left a worker.
struct RecordState {
    uint64_t submitted_seq = 0, durable_seq = 0; // of the worker's stream
    uint64_t control_seq = 0;                    // durable, of the stream `control`
    uint64_t now_ns = 0;
};

class Cases {
  public:
    /// `bytes`, which hold `mark`, are about to leave worker `worker` for an upstream.
    void leaves(uint32_t mark, uint32_t worker, std::string_view bytes, const RecordState& record);
    /// A call with this mark arrived whole; which time it is, from 1.
    void arrives(uint32_t mark, std::string_view body);
    uint32_t runs(uint32_t mark) const;
    /// The server did nothing yet: it asked for input first.
    void asked_for_input(uint32_t mark) { ++of(mark).questions; }
    /// A client was told that the call has run, and which time.
    void told(uint32_t mark, uint64_t run) const;
    /// An approver was told that the word was taken, when the stream `control` was durable up to `control_seq`.
    void decided(const std::string& ticket, control::Verb verb, const std::string& by, uint64_t control_seq);

    /// A person was told that the word with this note could not be stored.
    void not_decided(std::string note) { not_decided_.push_back(std::move(note)); }
    /// weir dies. What could not be stored may turn out to be: nobody was there any more to take it back.
    void dies() { not_decided_.clear(); }
    /// The power goes: of what this run of weir wrote, the streams of its workers have what is up to `last_seqs`.
    /// (While it starts again, once more: what was lost stays lost.)
    void power_goes(const std::vector<uint64_t>& last_seqs) { last_seqs_.try_emplace(run_, last_seqs); }
    void begins_again() { ++run_; }

    /// Every entry of the record, each stream in its order.
    void read(const record::Entry& entry);
    /// Holds everything against what was read. `keeps`: workers have a record; `strict`: what left was durable.
    void hold(bool keeps, bool strict) const;

  private:
    struct Departure {
        uint32_t worker;
        RecordState record;
        uint32_t run; // of weir
        uint64_t id;  // of JSON-RPC: one for each request of a client
    };
    struct Case {
        std::vector<Departure> departures;
        std::vector<uint64_t> arrived; // hashes of the arguments
        uint32_t questions = 0;
    };
    struct Entry {
        record::Kind kind;
        uint64_t seq;
        std::string by;
    };
    struct Ticket {
        uint32_t mark = 0;
        uint64_t arguments = 0; // their hash
        std::vector<uint64_t> versions;
        std::vector<Entry> entries; // but those that say that somebody may not decide
    };
    struct Decision {
        std::string ticket;
        control::Verb verb;
        std::string by;
        uint64_t control_seq;
    };
    using Tickets = std::vector<std::pair<std::string, const Ticket*>>;
    Case& of(uint32_t mark) { return cases_[mark]; }
    void hold_ticket(const std::string& id, const Ticket& ticket) const;
    void hold_case(uint32_t mark, const Case& one, const Tickets& tickets, bool keeps, bool strict) const;
    void hold_decisions() const;
    bool lost(const Departure& departure) const;

    std::map<uint32_t, Case> cases_;
    std::vector<Decision> decisions_;
    std::vector<std::string> not_decided_;
    std::set<std::string> notes_; // in the record
    uint32_t run_ = 0;
    std::map<uint32_t, std::vector<uint64_t>> last_seqs_; // of runs that a power cut ended, by worker
    std::map<std::string, Ticket> tickets_;               // in the record
    std::map<std::tuple<uint32_t, uint32_t, std::string>, uint64_t> allowed_seq_; // by worker, mark, ticket: the first
    std::map<std::pair<uint32_t, uint32_t>, uint32_t> mark_of_;                   // by worker and exchange: the latest
};

} // namespace weir::sim
