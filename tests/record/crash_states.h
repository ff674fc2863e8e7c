// tests/record/crash_states.h - what a disk may hold after a power cut, out of the trace of a FileRing.
//
// The model: a sector of 512 bytes is written whole or not at all; what was written and not synced since is there, or
// not, sector by sector; a file that was created is there once the directory was synced, before that perhaps; its
// allocated size once the file was synced, before that perhaps. A sync that fails drops what it was about: a later one
// that succeeds does not bring it back.
#pragma once

#include "base/random.h"
#include "record/file_ring.h"

#include <cstddef>
#include <span>
#include <string>

namespace weir::record::test {

/// How the sectors that are not synced are chosen.
enum class Luck : uint8_t { none, all, random, mostly, rarely, late_only };

/// Makes the files that the disk may hold after the first `count` events of `trace`, in `directory`.
void make_crash_state(std::span<const Event> trace, size_t count, Luck luck, Random& random,
                      const std::string& directory);

} // namespace weir::record::test
