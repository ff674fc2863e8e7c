// policy/watchdog.cc - the watchdog's thread, the signal it sends, and the hook that the signal arms.
#include "policy/watchdog.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/thread.h"
#include "policy/lua.h"

#include <csignal>

#include <algorithm>
#include <chrono>

namespace weir::policy {
namespace {

constexpr int ending_signal = SIGURG;
constexpr int quiet_ticks_max = 64; // without a run seen before the thread sleeps until it is woken

thread_local Slot* running = nullptr;

/// Throws out of the running code. Stays armed, so that a pcall which catches it does not help.
void end_run(lua_State* state, lua_Debug*) {
    lua_sethook(state, end_run, LUA_MASKCOUNT, 1);
    lua_pushnil(state); // allocates nothing; who catches it learns nothing
    lua_error(state);
}

void on_signal(int) {
    Slot* slot = running;
    if (slot == nullptr) return;
    const uint64_t epoch = slot->epoch.load(std::memory_order_relaxed);
    if ((epoch & 1) == 0 || slot->condemned.load(std::memory_order_relaxed) != epoch) return;
    slot->ended.store(true, std::memory_order_relaxed);
    lua_sethook(slot->state, end_run, LUA_MASKCOUNT, 1);
}

void install_signal() {
    struct sigaction action{};
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    WEIR_ASSERT(sigaction(ending_signal, &action, nullptr) == 0);
}

} // namespace

Watchdog::Watchdog() {
    static std::once_flag installed;
    std::call_once(installed, install_signal);
    thread_ = std::thread([this] { run(); });
}

Watchdog::~Watchdog() {
    {
        const std::lock_guard lock(mutex_);
        WEIR_ASSERT(slots_.empty());
        stop_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

void Watchdog::add(Slot& slot) {
    const std::lock_guard lock(mutex_);
    slots_.push_back(&slot);
}

void Watchdog::remove(Slot& slot) {
    const std::lock_guard lock(mutex_);
    slots_.erase(std::remove(slots_.begin(), slots_.end(), &slot), slots_.end());
}

void Watchdog::begin(Slot& slot, lua_State* state) {
    slot.state = state;
    slot.ended.store(false, std::memory_order_relaxed);
    if (slot.thread.load(std::memory_order_relaxed) != pthread_self()) {
        // The first run on this thread, which may have been started with all signals blocked.
        sigset_t ending;
        sigemptyset(&ending);
        sigaddset(&ending, ending_signal);
        pthread_sigmask(SIG_UNBLOCK, &ending, nullptr);
        slot.thread.store(pthread_self(), std::memory_order_relaxed);
    }
    running = &slot;
    // Sequentially consistent with run(): either it sees this epoch before it sleeps, or we see it asleep.
    slot.epoch.store(slot.epoch.load(std::memory_order_relaxed) + 1, std::memory_order_seq_cst);
    if (sleeping_.load(std::memory_order_seq_cst)) {
        const std::lock_guard lock(mutex_);
        sleeping_.store(false, std::memory_order_relaxed);
        wake_.notify_one();
    }
}

bool Watchdog::end(Slot& slot) {
    slot.epoch.store(slot.epoch.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    // From here the signal's handler, on this same thread, finds an even epoch: what it has not armed it will not arm.
    std::atomic_signal_fence(std::memory_order_seq_cst);
    running = nullptr;
    return slot.ended.load(std::memory_order_relaxed);
}

void Watchdog::look(Slot& slot, uint64_t now_ns) {
    const uint64_t epoch = slot.epoch.load(std::memory_order_acquire);
    if ((epoch & 1) == 0) return;
    clockid_t clock{};
    const pthread_t thread = slot.thread.load(std::memory_order_relaxed);
    if (pthread_getcpuclockid(thread, &clock) != 0) return;
    const uint64_t cpu_ns = clock_ns(clock);
    if (slot.seen_epoch != epoch) {
        slot.seen_epoch = epoch;
        slot.seen_cpu_ns = cpu_ns;
        slot.seen_wall_ns = now_ns;
        return;
    }
    if (cpu_ns - slot.seen_cpu_ns < slot.cpu_ns_max && now_ns - slot.seen_wall_ns < slot.wall_ns_max) return;
    slot.condemned.store(epoch, std::memory_order_relaxed);
    pthread_kill(thread, ending_signal);
}

void Watchdog::run() {
    name_thread("weir-watchdog");
    // The signal is for workers; this thread must not take it from the process.
    sigset_t mine;
    sigfillset(&mine);
    pthread_sigmask(SIG_SETMASK, &mine, nullptr);
    int quiet = 0;
    std::unique_lock lock(mutex_);
    const auto any_busy = [&] {
        return std::any_of(slots_.begin(), slots_.end(), [](const Slot* slot) {
            const uint64_t epoch = slot->epoch.load(std::memory_order_seq_cst);
            return (epoch & 1) != 0 || epoch != slot->seen_epoch + 1;
        });
    };
    while (!stop_) {
        quiet = any_busy() ? 0 : quiet + 1;
        const uint64_t now_ns = monotonic_ns();
        for (Slot* slot : slots_) {
            look(*slot, now_ns);
            const uint64_t epoch = slot->epoch.load(std::memory_order_acquire);
            if ((epoch & 1) == 0 && slot->seen_epoch + 1 != epoch) slot->seen_epoch = epoch - 1;
        }
        if (quiet < quiet_ticks_max) {
            wake_.wait_for(lock, std::chrono::nanoseconds(tick_ns), [&] { return stop_; });
            continue;
        }
        sleeping_.store(true, std::memory_order_seq_cst);
        if (!any_busy()) wake_.wait(lock, [&] { return stop_ || !sleeping_.load(std::memory_order_relaxed); });
        sleeping_.store(false, std::memory_order_relaxed);
        quiet = 0;
    }
}

} // namespace weir::policy
