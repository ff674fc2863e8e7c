// record/recovery.h - what a former run left of a stream, and whether it can be built upon.
//
// Looks at the heads of all segments and at the borders between them (the mark before each), and reads only the last one
// in full. Where that one ends in something that is no frame at seq k, a later frame that says `k was synced` makes the
// difference: with it the record was damaged after it had been acknowledged, and nothing is written until a person has
// looked; without it the end is torn, as a crash leaves it, and cut.
//
// What no segment has yet stands in tails (record/tail.h), and goes on where the last segment ends.
//
// What is there but not known to be synced is handed over to be written once more, by the rule that also serves a
// segment that dies: a cache of the kernel may hold it without the disk ever having it.
//
// Not a writer of entries; removes spare files that were never used and gives back space behind the ends. Plain POSIX
// and blocking: for the start, before a worker turns. Messages name files and offsets, never contents.
#pragma once

#include "base/result.h"
#include "record/segment.h"

#include <cstdint>
#include <string>
#include <vector>

namespace weir::record {

/// A segment that is complete.
struct OldSegment {
    uint64_t number = 0, first_seq = 0, last_seq = 0, bytes = 0;
    uint64_t last_ns = 0; // Unix time of its last entry
    Digest chain{};       // after its last batch
};

struct Recovered {
    uint64_t last_seq = 0; // the last that is safe, a mark's; 0: none
    Digest chain{};        // after it
    uint64_t segment = 0;  // the one that holds it; 0: none
    uint64_t end = 0;      // where it ends
    uint64_t last_time_ns = 0;
    uint64_t next_number = 1; // of a segment
    std::string carried;      // whole frames behind `last_seq`, to be written again
    bool in_tails = false;    // some of them are in no segment
    bool torn = false;        // something that was no frame stood behind the last frame
    uint64_t torn_seq = 0, torn_bytes = 0;
    std::vector<OldSegment> segments; // oldest first
    std::vector<std::string> tails;   // paths; to be removed once what is carried is safe elsewhere
    uint64_t next_tail = 1;           // number
};

/// The identity of the log in `directory` (of all its streams), made at the first call.
/// io_failed, corrupt: with a text in `why`.
Result<LogId> log_identity(const std::string& directory, std::string& why);

/// Looks at the stream `worker` below `directory`.
///
/// Errors, with a text for the operator in `why`:
///   corrupt    damage: see above
///   io_failed  something cannot be read
Result<Recovered> recover(const std::string& directory, const LogId& log, uint32_t worker, std::string& why);

} // namespace weir::record
