// tests/sim/survival.h - what must be there when the power is back, looked at before weir looks itself.
//
// Not recovery: nothing is changed, so that what weir then makes of it is weir's own. What becomes of the tickets afterwards is
// for cases.h to say.
#pragma once

#include "database.h"

#include <cstdint>
#include <string>
#include <vector>

namespace weir::sim {

/// What weir had told, or acted upon, when the power went.
struct Told {
    std::vector<uint64_t> durable_seqs; // by worker
    uint64_t control_seq = 0;
};

/// Every entry that was told durable is in `directory`, no honest power cut looks like damage, and the database is whole and
/// behind nothing that the record says. Gives the last entry of each worker's stream. What does not hold is broken().
std::vector<uint64_t> hold_what_is_left(const std::string& directory, Database& files, const std::string& database,
                                        const Told& told);

} // namespace weir::sim
