// ring/kernel_ring.h - the Ring of production: io_uring.
//
// SINGLE_ISSUER and DEFER_TASKRUN, one ring of provided buffers kept small so that it stays in the L2 cache, multishot
// accept and receive (figures: docs/decisions/0004-ring-settings.md). Made by the thread that uses it. Needs Linux 6.1.
#pragma once

#include "base/result.h"
#include "ring/ring.h"

#include <memory>

namespace weir::ring {

struct KernelRingOptions {
    uint32_t submissions = 1024;
    uint32_t completions = 16384;
    uint32_t slabs = 64;            // a power of two
    uint32_t slab_bytes = 16 << 10; // padding included
    uint64_t busy_poll_ns = 0;      // a turn asks so long for completions before it sleeps
};

/// What another thread holds to wake a worker out of its wait. Thread-safe; outlives the ring if kept.
class Waker {
  public:
    explicit Waker(int event_fd) : event_fd_(event_fd) {}
    ~Waker();
    Waker(const Waker&) = delete;
    Waker& operator=(const Waker&) = delete;
    void wake();
    int fd() const { return event_fd_; }

  private:
    int event_fd_;
};

/// A waker, made before the ring that will listen to it. io_failed when the process has no descriptor left.
Result<std::shared_ptr<Waker>> make_waker();

/// Makes a ring on this thread. io_failed: the kernel refuses (too old, or io_uring is not permitted); errno tells.
Result<std::unique_ptr<Ring>> make_kernel_ring(const KernelRingOptions& options, std::shared_ptr<Waker> waker);

/// Whether `address` (IPv4 or IPv6) could be listened at by one alone: 0, or -errno. -EADDRINUSE also where SO_REUSEPORT would let
/// listen_on() in beside another program of the same user. Keeps nothing.
int try_address(const Address& address);

/// A listening TCP socket (SO_REUSEPORT) or, for AF_UNIX, a socket file of mode 0600. -errno on failure.
int listen_on(const Address& address, int backlog);

} // namespace weir::ring
