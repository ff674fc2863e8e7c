// tests/sim/world.h - the whole gateway in one thread: workers, record, policies, clients and servers, out of one seed.
//
// A world lives through one story: traffic with faults, a time in which the faults have stopped and everything must settle, the
// drain, and the reading of the record. Some worlds are drained in the middle of their traffic, some die there, killed or with
// the power, and some of those start again on what is on the disk, to die once more perhaps. Whatever does not hold ends the
// process with the seed (ledger.h, broken()).
#pragma once

#include "actors.h"
#include "database.h"
#include "gateway/worker.h"
#include "kept.h"
#include "mutants.h"
#include "office.h"
#include "policy/judge.h"
#include "policy/watchdog.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace weir::sim {

/// The policies of all worlds, loaded once: allow, refuse by an argument, mask, hide, ask people.
class Court {
  public:
    Court();
    std::shared_ptr<const policy::PolicySet> set;
    policy::Judge& judge(uint32_t worker) { return *judges_.at(worker); }

  private:
    policy::Watchdog watchdog_;
    std::vector<std::unique_ptr<policy::Judge>> judges_;
};

inline constexpr uint64_t minute_ns = 60 * s_ns;

struct WorldOptions {
    uint64_t seed = 0;
    uint64_t calls = 1000;
    Mutant mutant = Mutant::none;
};

struct WorldFigures {
    uint64_t calls = 0, answers = 0, arrived = 0, turns = 0, held = 0, ran = 0, cuts = 0, troubles = 0;
};

class World {
  public:
    World(Court& court, const WorldOptions& options);
    ~World();
    World(const World&) = delete;
    World& operator=(const World&) = delete;
    WorldFigures run();

  private:
    struct Node {
        std::unique_ptr<MutantRing> ring;
        std::unique_ptr<record::Writer> record;
        std::unique_ptr<Kept> kept; // what is in its tail
        uint64_t begun_seq = 0;     // the last entry of those before it
        std::shared_ptr<gateway::WorkerMailbox> mailbox;
        gateway::Counters counters;
        std::unique_ptr<gateway::Worker> worker;
        uint64_t due_ns = 0;
        unsigned idle_turns = 0; // in a row, within a moment
        uint64_t idle_since_ns = 0;
    };
    bool begin();
    void open_office();
    std::string database() const { return directory_.string() + "/weir.db"; }
    void make_node(uint32_t index);
    void turn(Node& node);
    /// Goes on until `done` says so, for at most `most_ns` of the world's time. False when that is over.
    template <class Done> bool until(uint64_t most_ns, Done done);
    void one_moment(uint64_t end_ns);
    bool live_and_die(bool killed);
    void live_on(uint64_t calls_left);
    void settle(bool drained);
    void check_at_rest();
    void drain_all();
    void close_records();
    void lose_power();
    void power_back();
    void die();
    void begin_again(bool power_goes);
    void note_durable();

    const WorldOptions options_;
    Court& court_;
    Net net_;
    Ledger ledger_;
    Stage stage_;
    std::filesystem::path directory_;
    gateway::Generation generation_;
    mcp::KeyRing keys_;
    std::unique_ptr<gateway::Caps> caps_;
    Database database_;
    uint32_t workers_ = 1;
    bool tails_ = false; // workers have them: what left weir is in the record though it was killed
    std::unique_ptr<Office> office_;
    std::vector<std::unique_ptr<Node>> nodes_;
    std::vector<uint64_t> durable_seqs_; // by worker, as weir tells it, over all runs
    uint64_t control_seq_ = 0;
    std::vector<std::unique_ptr<Server>> servers_;
    std::vector<std::unique_ptr<Client>> clients_;
    std::vector<std::unique_ptr<Approver>> approvers_;
    uint64_t turns_ = 0, cuts_ = 0;
};

template <class Done> bool World::until(uint64_t most_ns, Done done) {
    const uint64_t end_ns = net_.now_ns + most_ns;
    while (!done()) {
        if (net_.now_ns >= end_ns || database_.struck()) return false;
        one_moment(end_ns);
    }
    return true;
}

} // namespace weir::sim
