// base/pool.h - slots that are reused, and references to them that know when they are stale.
//
// A Ref names a slot and the generation of its tenant. What comes late (a timer, an answer of another thread) asks
// the pool with its Ref and finds nobody if the tenant has moved out. One thread only. Slots never move.
#pragma once

#include "base/assert.h"

#include <cstdint>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace weir {

/// A reference that may outlive what it names. generation 0 names nobody.
struct Ref {
    uint32_t index = 0;
    uint32_t generation = 0;
    bool operator==(const Ref&) const = default;
    explicit operator bool() const { return generation != 0; }
};

/// Slots for T, made in blocks of 64 up to `count_max`.
template <class T> class Pool {
  public:
    explicit Pool(uint32_t count_max) : count_max_(count_max) {}
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;
    ~Pool() {
        for (uint32_t i = 0; i < made_; ++i)
            if (slot(i).used) std::destroy_at(slot(i).tenant());
    }

    /// Moves a new tenant in, or returns nullptr when all `count_max` slots are taken.
    template <class... Arguments> T* make(Arguments&&... arguments) {
        uint32_t index = free_head_;
        if (index == none) {
            if (made_ == count_max_) return nullptr;
            if (made_ % block_slots == 0) blocks_.push_back(std::make_unique<Slot[]>(block_slots));
            index = made_++;
            slot(index).index = index;
        } else {
            free_head_ = slot(index).next_free;
        }
        Slot& room = slot(index);
        room.used = true;
        ++used_;
        return new (room.space) T(std::forward<Arguments>(arguments)...);
    }

    /// Moves the tenant out: its destructor runs, and every Ref to it is stale from now on.
    void free(T& tenant) {
        Slot& room = slot_of(tenant);
        WEIR_ASSERT(room.used);
        std::destroy_at(&tenant);
        room.used = false;
        if (++room.generation == 0) room.generation = 1;
        room.next_free = free_head_;
        free_head_ = room.index;
        --used_;
    }

    Ref ref(const T& tenant) const {
        const Slot& room = slot_of(const_cast<T&>(tenant));
        return {room.index, room.generation};
    }
    /// The tenant that `ref` was made for, or nullptr when it is gone.
    T* find(Ref ref) {
        if (ref.generation == 0 || ref.index >= made_) return nullptr;
        Slot& room = slot(ref.index);
        return room.used && room.generation == ref.generation ? room.tenant() : nullptr;
    }
    template <class Visit> void each(Visit visit) {
        for (uint32_t i = 0; i < made_; ++i)
            if (slot(i).used) visit(*slot(i).tenant());
    }

    uint32_t used() const { return used_; }
    uint32_t count_max() const { return count_max_; }

  private:
    static constexpr uint32_t none = UINT32_MAX, block_slots = 64;
    struct Slot {
        alignas(T) unsigned char space[sizeof(T)]; // first, so that the tenant's address is the slot's
        uint32_t index = 0;
        uint32_t generation = 1;
        uint32_t next_free = none;
        bool used = false;
        T* tenant() { return std::launder(reinterpret_cast<T*>(space)); }
    };
    Slot& slot(uint32_t index) { return blocks_[index / block_slots][index % block_slots]; }
    static Slot& slot_of(T& tenant) { return *reinterpret_cast<Slot*>(&tenant); }

    std::vector<std::unique_ptr<Slot[]>> blocks_;
    uint32_t count_max_;
    uint32_t made_ = 0;
    uint32_t used_ = 0;
    uint32_t free_head_ = none;
};

} // namespace weir
