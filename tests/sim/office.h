// tests/sim/office.h - where calls wait in a simulated weir: the docket of weir itself in the world's time, and its people.
//
// Its database is SQLite's own on files of the world (database.h). Mail between workers and the docket
// keeps its order and takes its time; the docket may be stalled, and may die with all of weir: then the database and the
// record are what they were, and nobody is told anything any more.
#pragma once

#include "cases.h"
#include "control/docket.h"
#include "database.h"
#include "mutants.h"
#include "sim_ring.h"

#include <future>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace weir::sim {

class Office {
  public:
    struct Options {
        std::string directory; // the record's
        std::string database;
        record::LogId log{};
        Limits limits;
        Mutant mutant = Mutant::none;
    };
    using Tell = std::function<void(uint32_t worker, post::ApprovalNews&& news)>;
    /// `tell` is called when the news arrives at the worker.
    Office(Net& net, Database& files, const Options& options, Tell tell);

    /// From a worker. False: the box is full.
    bool post(uint32_t worker, post::ApprovalAsk&& ask);
    /// From people.
    void post(control::Mail&& mail);

    /// Does what is due. False: nothing was.
    bool turn();
    uint64_t due_ns() const { return std::max(due_ns_, stalled_ns_); }
    const control::Docket& docket() const { return *docket_; }
    SimRing& ring() { return *ring_; }
    Database& files() { return files_; }
    void close() { docket_->close(), due_ns_ = net_.now_ns; }
    bool closed() const { return docket_->closed(); }
    /// The process is gone: nothing of this runs again.
    void die();

  private:
    struct Asked {
        post::ApprovalAsk::Kind kind;
        uint64_t arrived_ns;
    };
    void check_telling(uint32_t worker, const post::ApprovalNews& news);
    /// When something that goes one way through `queue` now arrives: behind all that went before.
    uint64_t arrival_ns(uint64_t& queue);

    Net& net_;
    Database& files_;
    Tell tell_;
    MutantPost mutant_;
    std::shared_ptr<bool> dead_ = std::make_shared<bool>(false);
    std::unique_ptr<MutantRing> ring_;
    std::shared_ptr<control::DocketMailbox> mailbox_;
    std::unique_ptr<control::Docket> docket_;
    std::map<uint32_t, uint64_t> asks_, news_; // when the last of each worker arrives
    uint64_t people_ = 0;
    std::map<std::pair<uint32_t, uint32_t>, Asked> asked_; // by worker and its exchange's slot: the last that arrived
    std::set<std::string> known_;                          // tickets that somebody was told of
    bool knows_all_ = true;                                // there are no others, from before weir began
    uint64_t due_ns_ = 0, stalled_ns_ = 0;
};

/// Somebody who decides: well and badly, late, twice, about what is over, or without having a say.
class Approver {
  public:
    Approver(Net& net, Cases& cases, uint32_t number, Mutant mutant);
    void step(Office& office);
    uint64_t wake_ns() const { return wake_ns_; }
    /// weir has died: who asked gets no answer.
    void hang_up();
    /// Has nothing to say any more.
    void retire() { retired_ = true; }

  private:
    struct Word {
        std::string ticket;
        control::Verb verb;
        std::string note; // no two say the same
        uint64_t said_ns;
        std::future<control::Decided> answer;
    };
    void check_unavailable(Office& office, const Word& word, const control::Decided& decided);
    void listen(Office& office);
    void decide(Office& office, const std::string& ticket);
    void say(Office& office, const std::string& ticket, control::Verb verb);

    Net& net_;
    Cases& cases_;
    const Mutant mutant_;
    control::Actor self_;
    uint64_t words_said_ = 0;
    bool entitled_ = true;
    const uint64_t pace_ns_;
    std::future<Result<control::Listed>> listed_;
    std::vector<Word> words_;          // that have not been answered
    std::vector<std::string> tickets_; // seen
    bool retired_ = false;
    uint64_t wake_ns_ = 0;
};

} // namespace weir::sim
