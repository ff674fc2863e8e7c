// tests/record/crash_states.h - what a disk (disk.h) may hold after a power cut, out of the trace of a FileRing.
#pragma once

#include "record/disk.h"
#include "record/file_ring.h"

#include <cstddef>
#include <span>
#include <string>

namespace weir::record::test {

/// Makes the files that the disk may hold after the first `count` events of `trace`, in `directory`.
void make_crash_state(std::span<const Event> trace, size_t count, Luck luck, Random& random,
                      const std::string& directory);

} // namespace weir::record::test
