// policy/states.h - a worker's box and its spare: when the one in use has failed, the other takes its place.
//
// Spares are built, and failed boxes taken apart, on threads of their own, since both take as long as the policies are
// big. One user thread. Without handlers there is no box at all.
#pragma once

#include "policy/box.h"

#include <atomic>
#include <cstdint>
#include <future>
#include <memory>
#include <string>

namespace weir::policy {

/// A sealed box with all handlers of `set`, or nullptr and why not. Any thread.
std::unique_ptr<Box> build_box(const PolicySet& set, Watchdog& watchdog, std::string& error,
                               uint64_t refuse_after = UINT64_MAX);

class States {
  public:
    /// `set` and `watchdog` outlive it.
    States(const PolicySet& set, Watchdog& watchdog);
    ~States();
    States(const States&) = delete;
    States& operator=(const States&) = delete;

    /// The box to run in; after a drop() the spare, waited for if it is not ready. nullptr, and why, when none can be
    /// built.
    Box* current(std::string& error);
    /// The current box has failed.
    void drop();
    uint64_t built() const { return built_.load(std::memory_order_relaxed); }

  private:
    void build_spare(std::unique_ptr<Box> failed);

    const PolicySet& set_;
    Watchdog& watchdog_;
    std::unique_ptr<Box> box_;
    std::unique_ptr<Box> failed_; // until the next spare's thread takes it apart
    std::future<std::unique_ptr<Box>> spare_;
    std::atomic<uint64_t> built_{0};
};

} // namespace weir::policy
