// control/evidence.h - the record's stream `control`: what becomes of tickets, each entry on disk before anybody is told.
//
// Drives the same writer as the workers', always strict, through a small ring of its own thread, and blocks until the disk
// has what it was given or has not taken it in time. Not a judge of what is written: the store says what.
#pragma once

#include "control/tickets.h"
#include "record/writer.h"
#include "ring/kernel_ring.h"

#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>

namespace weir::control {

class Evidence {
  public:
    /// On the thread that will use it. A text for the operator when the stream cannot be written.
    static OrText<std::unique_ptr<Evidence>> open(const std::string& segments, const record::LogId& log,
                                                  uint64_t body_bytes_max, std::shared_ptr<ring::Waker> waker);
    ~Evidence();

    /// Takes one turn of a ticket. False: the stream takes nothing now.
    bool append(const Ticket& ticket, const OutboxLine& line);
    /// Waits until all that was taken is synced. False: it is not, after sync_ns_max.
    bool sync();

    /// Sleeps until `deadline_ns` (monotonic) or until the waker is called.
    void wait(uint64_t deadline_ns);
    uint64_t now_ns() const { return ring_->now_ns(); }
    uint64_t wall_ns() const { return ring_->wall_ns(); }

    /// Which (ticket, version) stand at the end of the stream in `segments`: what a crash had written but not noted.
    static std::set<std::pair<std::string, uint64_t>> written(const std::string& segments);

  private:
    explicit Evidence(std::unique_ptr<ring::Ring> ring) : ring_(std::move(ring)) {}
    static constexpr uint64_t sync_ns_max = 5 * s_ns;
    template <record::Kind kind> bool append_as(const record::TicketTurn& turn);

    std::unique_ptr<ring::Ring> ring_;
    std::unique_ptr<record::Writer> writer_;
    ring::Op wake_op_{};
    bool woken_ = false; // since wait() last returned
};

} // namespace weir::control
