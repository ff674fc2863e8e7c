// base/timers.h - a hierarchical timer wheel that is told the time.
//
// Timers are intrusive: a Timer lives in its owner, which must disarm it before it goes. Reads no clock. Setting and
// disarming are O(1); firing is O(1) a timer plus the cascades. Resolution: one tick (`tick_ns`). Never early.
// (G. Varghese and T. Lauck, "Hashed and Hierarchical Timing Wheels", 1987.)
#pragma once

#include <array>
#include <cstdint>

namespace weir {

/// One deadline. `fired` is called by Timers::advance() after the timer was taken off the wheel; it may set it again.
struct Timer {
    void (*fired)(Timer&) = nullptr;
    uint64_t due_ns = 0;
    Timer* next = nullptr;
    Timer** link = nullptr; // what points at this timer; nullptr: not set
    bool set() const { return link != nullptr; }
};

class Timers {
  public:
    static constexpr uint64_t tick_ns = uint64_t{1} << 22; // 4.2 ms

    explicit Timers(uint64_t now_ns) : now_tick_(now_ns / tick_ns) {}
    Timers(const Timers&) = delete;
    Timers& operator=(const Timers&) = delete;

    /// Sets `timer` to `due_ns` (monotonic clock), moving it if it was set.
    void set(Timer& timer, uint64_t due_ns);
    void disarm(Timer& timer);
    uint64_t now_tick() const { return now_tick_; }
    /// Fires everything that is due at `now_ns`. Time that goes back changes nothing.
    void advance(uint64_t now_ns);
    /// A moment not later than the next deadline; UINT64_MAX when nothing is set.
    uint64_t next_due_ns() const;
    uint32_t count() const { return count_; }

  private:
    static constexpr unsigned level_bits = 6, levels = 6; // 2^36 ticks: nine years
    static constexpr uint64_t slots = uint64_t{1} << level_bits;
    void place(Timer& timer);
    static void unlink(Timer& timer);

    std::array<std::array<Timer*, slots>, levels> wheel_{};
    std::array<uint64_t, levels> occupied_{}; // a bit per slot: may hold timers (cleared when found empty)
    uint64_t now_tick_;
    uint32_t count_ = 0;
};

/// A deadline that moves often and fires rarely: moving it later does not touch the wheel, the timer looks again when
/// it comes up. Must be cleared before its owner goes.
class Deadline {
  public:
    Deadline(Timers& timers, void (*passed)(void* owner), void* owner)
        : timers_(&timers), passed_(passed), owner_(owner) {
        alarm_.fired = [](Timer& timer) { static_cast<Alarm&>(timer).deadline->look(); };
        alarm_.deadline = this;
    }
    Deadline(const Deadline&) = delete;
    Deadline& operator=(const Deadline&) = delete;
    ~Deadline() { timers_->disarm(alarm_); }

    void set(uint64_t at_ns) {
        at_ns_ = at_ns;
        if (!alarm_.set() || alarm_.due_ns > at_ns) timers_->set(alarm_, at_ns);
    }
    /// Never fires until it is set again.
    void clear() { at_ns_ = UINT64_MAX; }
    uint64_t at_ns() const { return at_ns_; }

  private:
    struct Alarm : Timer {
        Deadline* deadline;
    };
    void look();
    Timers* timers_;
    void (*passed_)(void*);
    void* owner_;
    uint64_t at_ns_ = UINT64_MAX;
    Alarm alarm_;
};

} // namespace weir
