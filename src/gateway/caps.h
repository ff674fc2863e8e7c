// gateway/caps.h - what all workers count together, so that a limit of the process is one of the process.
//
// Fixed atomics, made at the start: connections and upstream links, connections by address, event streams by principal,
// and the memory that each worker has lent. What is taken is given back by whoever took it. Any thread, never waits.
//
// How exact: connections and upstream links to one. A count by key is exact while no two workers take the first of one key
// in the same instant while a row beside it becomes free: then the key has two rows, and at most twice its limit,
// until one of them is empty. Two keys that share 40 bits of their hash and a bucket are counted as one. A bucket whose eight
// rows are all taken counts no more keys (docs/operating.md: refused at a limit is refused; what is not counted is let in).
#pragma once

#include "base/ip_address.h"
#include "base/limits.h"
#include "base/result.h"
#include "ring/ring.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

namespace weir::gateway {

/// One number with a limit.
class Cap {
  public:
    /// False when `most` are taken.
    bool take(uint32_t most) {
        if (taken_.fetch_add(1, std::memory_order_relaxed) < most) return true;
        give_back();
        return false;
    }
    void give_back() { taken_.fetch_sub(1, std::memory_order_relaxed); }
    uint32_t taken() const { return taken_.load(std::memory_order_relaxed); }

  private:
    alignas(64) std::atomic<uint32_t> taken_{0};
};

/// How many of something each key has: buckets of eight rows, a row is 40 bits of the key's hash and its count.
class KeyCounts {
  public:
    static constexpr uint32_t uncounted = UINT32_MAX;
    static constexpr uint32_t count_max = (1U << 24) - 1;

    /// Room for about `keys` keys at a time.
    explicit KeyCounts(size_t keys);

    /// One more for `key`. Gives the row, for give_back(); `uncounted` when there is none.
    ///
    /// Errors:
    ///   limit_reached  the key has `most` already
    Result<uint32_t> take(uint64_t key, uint32_t most);
    void give_back(uint32_t row);
    uint32_t count_of(uint64_t key) const;

  private:
    static constexpr size_t rows_in_bucket = 8;
    struct alignas(64) Bucket {
        std::array<std::atomic<uint64_t>, rows_in_bucket> rows{}; // 0: free
    };
    static uint64_t hash_of(uint64_t key);
    std::vector<Bucket> buckets_;
};

struct Caps {
    Caps(const Limits& limits, uint32_t workers);

    Cap tls_handshakes;              // with clients, under way
    Cap upstream_handshakes;         // with servers, the same limit
    Cap connections, upstream_links; // of clients; the admin listener's are not among them
    KeyCounts addresses;
    KeyCounts principals; // their open event streams

    /// Memory lent to requests and answers: each worker tells its own, and asks for that of the others.
    void tell_memory(uint32_t worker, uint64_t bytes) { memory_[worker].bytes.store(bytes, std::memory_order_relaxed); }
    uint64_t memory_of_others(uint32_t worker) const;

  private:
    struct alignas(64) Memory {
        std::atomic<uint64_t> bytes{0};
    };
    std::vector<Memory> memory_;
};

/// The key of an address: all of IPv4, the first 64 bits of IPv6 (what one host is given). Nothing when it is not known.
std::optional<uint64_t> address_key(const IpAddress& address);

} // namespace weir::gateway
