// ring/probe.h - what this kernel lets weir do with io_uring, found by doing it.
//
// Not a Ring: everything is made, tried once and closed again. For `weir doctor` and for the sentence that `weir run`
// ends with where io_uring is refused. May block for some microseconds; any thread.
#pragma once

#include <cstdint>

namespace weir::ring {

struct Probe {
    int error = 0;                  // errno of making a ring; 0: it was made
    bool settings = false;          // SINGLE_ISSUER and DEFER_TASKRUN (6.1)
    bool buffer_ring = false;       // provided buffers in a ring (5.19)
    bool multishot_receive = false; // one submission, a completion with a lent buffer for each arrival (6.0)
    bool message_ring = false;      // IORING_OP_MSG_RING (5.18)
    bool min_wait = false;          // waiting for a batch with a latency bound (6.12): [limits] batch_wait
    bool zero_copy_send = false;    // (6.0); weir does without it
};

/// Tries all of it on this kernel, under this process's limits and seccomp filter.
Probe probe();

} // namespace weir::ring
