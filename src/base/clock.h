// base/clock.h - the kernel's clocks, for threads that have no ring. A worker asks its ring, so that a test can turn time.
#pragma once

#include <time.h>
#include <cstdint>

namespace weir {

inline uint64_t clock_ns(clockid_t clock) {
    timespec now{};
    clock_gettime(clock, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

/// Since some moment before the start; never steps back.
inline uint64_t monotonic_ns() { return clock_ns(CLOCK_MONOTONIC); }
/// Unix time.
inline uint64_t unix_now_ns() { return clock_ns(CLOCK_REALTIME); }

} // namespace weir
