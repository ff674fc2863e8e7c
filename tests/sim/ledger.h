// tests/sim/ledger.h - what was asked, what left for the upstreams and what arrived there, joined with the record.
//
// Every message of a client carries a mark, `mark-00000042`, in its own octets. The mark joins what the client meant, what
// the wire saw and what the record says. Not a judge of answers: the clients are (actors.h).
#pragma once

#include "cases.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace weir::sim {

/// Something that must hold does not: says what, names the seed, and ends the process (with success when a mutant was to be
/// found, and this is the check that finds it).
[[noreturn]] void broken(const std::string& what);
/// Which world is running, for broken() and for assertions of weir that fail in it. `found_by`: what the one check says that
/// is to find the mutant in it; empty: there is none in it.
void running(uint64_t seed, const std::string& command, std::string_view found_by);

/// What must become of a message.
enum class Fate : uint8_t {
    free,    // it may go upstream
    stopped, // a policy or the shape of it keeps it from the upstream
    held     // it goes upstream when people say so (cases.h)
};

class Ledger {
  public:
    uint32_t issue(Fate fate);
    static std::string mark_text(uint32_t mark);
    /// The marks in `text`, in order.
    static std::vector<uint32_t> marks_in(std::string_view text);

    /// `bytes` are about to leave worker `worker` for an upstream.
    void leaves(uint32_t worker, std::string_view bytes, const RecordState& record);
    /// A request with this body arrived whole at an upstream.
    void arrives(std::string_view body);

    /// Reads the record in `directory` and holds everything that left and arrived against it. `torn`: the process died, so
    /// that the end of what left may be missing from the record's end but for what was durable. `keeps`: workers have one.
    void hold_against_record(const std::string& directory, bool keeps, bool strict, bool died,
                             const std::vector<uint64_t>& durable_seqs, uint64_t control_seq);
    /// weir dies with the power. What is left of the streams of its workers ends with `last_seqs`; what left for an upstream
    /// `lag_ns` ago must be in it, 0: there is no saying.
    void power_goes(const std::vector<uint64_t>& last_seqs, uint64_t now_ns, uint64_t lag_ns);
    /// weir starts again; `last_seqs` are the last of each worker's stream: exchanges are counted anew behind them.
    void begins_again(std::vector<uint64_t> last_seqs) {
        runs_.push_back(std::move(last_seqs));
        cases.begins_again();
    }
    uint64_t arrived() const { return arrived_; }
    Cases cases;

  private:
    struct Line {
        Fate fate = Fate::free;
        bool left = false;
        bool arrived = false;
        uint32_t worker = 0;
        uint64_t submitted_seq = 0, durable_seq = 0, left_ns = 0; // when it left
        bool lost = false;                                        // the power went, and its entries may have with it
        size_t run = 0;                                           // of weir
        uint64_t body_hash = 0;                                   // as it arrived; of single messages
        bool single = false;
    };
    uint32_t run_of(uint32_t worker, uint64_t seq) const;
    std::vector<Line> lines_;
    std::vector<std::vector<uint64_t>> runs_;
    uint64_t arrived_ = 0;
};

} // namespace weir::sim
