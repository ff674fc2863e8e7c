// tests/sim/sim_files.h - which disk hears of what is done to files without a ring.
#pragma once

#include "record/disk.h"

namespace weir::sim {

/// From now on fsync, unlink and truncate of this process are told to `disk`; nullptr: to none.
void watch_files(record::test::Disk* disk);

} // namespace weir::sim
