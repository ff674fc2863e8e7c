// base/timers.cc - the timer wheel: six levels of 64 slots, cascading downwards as time passes.
#include "base/timers.h"

#include "base/assert.h"

#include <bit>

namespace weir {

void Timers::unlink(Timer& timer) {
    *timer.link = timer.next;
    if (timer.next != nullptr) timer.next->link = timer.link;
    timer.link = nullptr;
    timer.next = nullptr;
}

void Timers::place(Timer& timer) {
    uint64_t due = (timer.due_ns + tick_ns - 1) / tick_ns; // up: never early
    if (due <= now_tick_) due = now_tick_ + 1;
    const uint64_t distance = due - now_tick_;
    unsigned level = 0;
    while (level + 1 < levels && distance >= (uint64_t{1} << (level_bits * (level + 1)))) ++level;
    const uint64_t farthest = (uint64_t{1} << (level_bits * levels)) - 1;
    if (distance > farthest) due = now_tick_ + farthest;
    const uint64_t slot = (due >> (level_bits * level)) & (slots - 1);
    Timer*& head = wheel_[level][slot];
    timer.next = head;
    timer.link = &head;
    if (head != nullptr) head->link = &timer.next;
    head = &timer;
    occupied_[level] |= uint64_t{1} << slot;
}

void Timers::set(Timer& timer, uint64_t due_ns) {
    WEIR_ASSERT(timer.fired != nullptr);
    if (timer.set()) unlink(timer);
    else ++count_;
    timer.due_ns = due_ns;
    place(timer);
}

void Timers::disarm(Timer& timer) {
    if (!timer.set()) return;
    unlink(timer);
    --count_;
}

void Timers::advance(uint64_t now_ns) {
    const uint64_t target = now_ns / tick_ns;
    while (now_tick_ < target) {
        if (count_ == 0) {
            now_tick_ = target;
            return;
        }
        ++now_tick_;
        // A level turns when all levels below it have gone round.
        for (unsigned level = 1; level < levels; ++level) {
            if ((now_tick_ & ((uint64_t{1} << (level_bits * level)) - 1)) != 0) break;
            const uint64_t slot = (now_tick_ >> (level_bits * level)) & (slots - 1);
            Timer* timer = wheel_[level][slot];
            wheel_[level][slot] = nullptr;
            occupied_[level] &= ~(uint64_t{1} << slot);
            while (timer != nullptr) {
                Timer* next = timer->next;
                timer->link = nullptr;
                // Due in this very tick: place() would push it one further, so it goes into the slot that is about to fire.
                const uint64_t due = (timer->due_ns + tick_ns - 1) / tick_ns;
                if (due <= now_tick_) {
                    Timer*& head = wheel_[0][now_tick_ & (slots - 1)];
                    timer->next = head;
                    timer->link = &head;
                    if (head != nullptr) head->link = &timer->next;
                    head = timer;
                } else {
                    place(*timer);
                }
                timer = next;
            }
        }
        const uint64_t slot = now_tick_ & (slots - 1);
        occupied_[0] &= ~(uint64_t{1} << slot);
        // One at a time: a fired timer may disarm any other.
        while (Timer* timer = wheel_[0][slot]) {
            unlink(*timer);
            --count_;
            timer->fired(*timer);
        }
    }
}

void Deadline::look() {
    if (at_ns_ == UINT64_MAX) return;
    // The wheel has reached the alarm's tick; a deadline within that tick has passed too.
    if ((at_ns_ + Timers::tick_ns - 1) / Timers::tick_ns > timers_->now_tick()) return timers_->set(alarm_, at_ns_);
    at_ns_ = UINT64_MAX;
    passed_(owner_);
}

uint64_t Timers::next_due_ns() const {
    if (count_ == 0) return UINT64_MAX;
    uint64_t best = UINT64_MAX;
    for (unsigned level = 0; level < levels; ++level) {
        if (occupied_[level] == 0) continue;
        const unsigned shift = level_bits * level;
        const uint64_t position = now_tick_ >> shift;
        const auto turned = std::rotr(occupied_[level], static_cast<int>((position + 1) & (slots - 1)));
        const auto ahead = static_cast<uint64_t>(std::countr_zero(turned)) + 1;
        const uint64_t tick = (position + ahead) << shift;
        if (tick < best) best = tick;
    }
    return best == UINT64_MAX ? UINT64_MAX : best * tick_ns;
}

} // namespace weir
