// control/evidence.h - the record's stream `control`: what becomes of tickets, each entry on disk before anybody is told.
//
// The same writer as the workers', always strict, through whichever ring it is given: it collects entries and says what is
// synced, and waits for nothing. Not a judge of what is written: the docket says what.
#pragma once

#include "control/tickets.h"
#include "record/writer.h"
#include "ring/ring.h"

#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>

namespace weir::control {

class Evidence {
  public:
    /// `ring` must outlive the Evidence; `seed` is of the salts. A text for the operator when the stream cannot be written.
    static OrText<std::unique_ptr<Evidence>> open(ring::Ring& ring, const std::string& segments,
                                                  const record::LogId& log, uint64_t body_bytes_max, uint64_t seed);

    /// Takes one turn of a ticket. False: the stream takes nothing now.
    bool append(const Ticket& ticket, const OutboxLine& line);
    /// Once a turn: moves everything on.
    void flush() { writer_->flush(); }
    /// When flush() wants to be called though nothing happens (monotonic).
    uint64_t next_due_ns() const { return writer_->next_due_ns(); }
    uint64_t last_seq() const { return writer_->last_seq(); }
    uint64_t durable_seq() const { return writer_->durable_seq(); }

    /// Nothing is taken from now on. Go on turning the ring until closed(), which must be before the end.
    void close();
    bool closing() const { return closing_; }
    bool closed() const { return writer_->closed(); }

    /// Which (ticket, version) stand at the end of the stream in `segments`: what a crash had written but not noted.
    static std::set<std::pair<std::string, uint64_t>> written(const std::string& segments);

  private:
    Evidence() = default;
    template <record::Kind kind> bool append_as(const record::TicketTurn& turn);

    std::unique_ptr<record::Writer> writer_;
    bool closing_ = false;
};

} // namespace weir::control
