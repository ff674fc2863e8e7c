// policy/watchdog.h - ends handlers that run too long: one thread for all workers, which ticks while a handler runs.
//
// Each Judge has a Slot. Around a run it marks the slot busy (two stores, no system call while the watchdog ticks).
// Past the CPU or wall limit the watchdog sends the worker's thread a signal (SIGURG, ignored by default) on every
// tick until the slot clears; the signal's handler, on the worker's own stack, arms a count hook that throws out of
// the running Lua code. lua_sethook may be called from a signal handler on the state's own thread, not from another
// thread. System calls of a worker may therefore return EINTR. Limits are observed from the first tick that sees a
// run: a run may last a tick longer than its limit.
//
// The slot carries an epoch: a signal that comes late finds another epoch and does nothing.
#pragma once

#include "base/limits.h"

#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

struct lua_State;

namespace weir::policy {

/// What one Judge tells the watchdog. Epochs are odd while a run is on.
struct alignas(64) Slot {
    std::atomic<uint64_t> epoch{0};     // written by the worker only
    std::atomic<uint64_t> condemned{0}; // the epoch that has to end; written by the watchdog only
    std::atomic<pthread_t> thread{};    // who runs
    lua_State* state = nullptr;         // worker only, also its signal handler
    std::atomic<bool> ended{false};     // the hook was armed in this epoch; worker only
    uint64_t cpu_ns_max = 0, wall_ns_max = 0;
    // What the watchdog has seen.
    uint64_t seen_epoch = 0, seen_cpu_ns = 0, seen_wall_ns = 0;
};

class Watchdog {
  public:
    static constexpr uint64_t tick_ns = 1 * ms_ns;

    /// Installs the signal's handler (once per process) and starts the thread.
    Watchdog();
    ~Watchdog();
    Watchdog(const Watchdog&) = delete;
    Watchdog& operator=(const Watchdog&) = delete;

    void add(Slot& slot);
    /// No signal is under way for this slot when it returns.
    void remove(Slot& slot);

    /// The calling thread is about to run Lua in `state`.
    void begin(Slot& slot, lua_State* state);
    /// The run is over. True: it was ended by force, so nothing of its outcome counts.
    static bool end(Slot& slot);

  private:
    void run();
    void look(Slot& slot, uint64_t now_ns);

    std::mutex mutex_; // of slots_ and sleeping
    std::condition_variable wake_;
    std::vector<Slot*> slots_;
    std::atomic<bool> sleeping_{false};
    bool stop_ = false;
    std::thread thread_;
};

} // namespace weir::policy
