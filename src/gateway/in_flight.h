// gateway/in_flight.h - which request ids of legacy sessions, and which initializes, are in flight on this worker, and which
// sessions have ended.
//
// Both hold digests, not texts: 64 bits for ids in flight (a collision refuses one request in 2^64 wrongly), 128 for
// ended sessions. Fixed memory, made at start. One thread.
#pragma once

#include "base/assert.h"

#include <bit>
#include <cstdint>
#include <vector>

namespace weir::gateway {

/// A set of 64-bit digests with room for `count_max`, by linear probing with backward shift on removal.
class DigestSet {
  public:
    explicit DigestSet(size_t count_max) : slots_(std::bit_ceil(count_max * 2)), mask_(slots_.size() - 1) {}

    /// False when it was there already, or the set is full.
    bool insert(uint64_t digest) {
        digest |= 1; // 0 marks a free slot
        if (count_ * 2 >= slots_.size()) return false;
        size_t at = digest >> 1 & mask_;
        while (slots_[at] != 0) {
            if (slots_[at] == digest) return false;
            at = (at + 1) & mask_;
        }
        slots_[at] = digest;
        ++count_;
        return true;
    }
    void erase(uint64_t digest) {
        digest |= 1;
        size_t at = digest >> 1 & mask_;
        while (slots_[at] != digest) {
            if (slots_[at] == 0) return;
            at = (at + 1) & mask_;
        }
        --count_;
        for (size_t next = (at + 1) & mask_; slots_[next] != 0; next = (next + 1) & mask_) {
            const size_t home = slots_[next] >> 1 & mask_;
            if (((next - home) & mask_) < ((next - at) & mask_)) continue; // it would move before its home
            slots_[at] = slots_[next];
            at = next;
        }
        slots_[at] = 0;
    }
    bool contains(uint64_t digest) const {
        digest |= 1;
        for (size_t at = digest >> 1 & mask_; slots_[at] != 0; at = (at + 1) & mask_)
            if (slots_[at] == digest) return true;
        return false;
    }
    size_t count() const { return count_; }

  private:
    std::vector<uint64_t> slots_;
    size_t mask_;
    size_t count_ = 0;
};

/// The last `count_max` sessions that were ended by their client, by 128-bit digest; the oldest are forgotten first
/// (their upstream still answers 404 for them).
class EndedSessions {
  public:
    struct Digest {
        uint64_t low, high;
        bool operator==(const Digest&) const = default;
    };
    explicit EndedSessions(size_t count_max) : ring_(count_max), set_(count_max) {}

    void insert(Digest digest) {
        if (contains(digest)) return;
        if (count_ == ring_.size()) set_.erase(ring_[next_].low);
        else ++count_;
        ring_[next_] = digest;
        set_.insert(digest.low);
        next_ = (next_ + 1) % ring_.size();
    }
    bool contains(Digest digest) const {
        if (!set_.contains(digest.low)) return false;
        for (size_t i = 0; i < count_; ++i)
            if (ring_[i] == digest) return true;
        return false;
    }

  private:
    std::vector<Digest> ring_;
    DigestSet set_;
    size_t next_ = 0;
    size_t count_ = 0;
};

} // namespace weir::gateway
