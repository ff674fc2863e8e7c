// gateway/caps.cc - counts by key without locks, and what an address is counted under.
#include "gateway/caps.h"

#include "base/hash.h"

#include <algorithm>
#include <bit>

namespace weir::gateway {
namespace {

constexpr unsigned count_bits = 24;
constexpr uint64_t count_mask = (uint64_t{1} << count_bits) - 1;

} // namespace

KeyCounts::KeyCounts(size_t keys) : buckets_(std::bit_ceil(std::max<size_t>(1, keys * 2 / rows_in_bucket))) {}

uint64_t KeyCounts::hash_of(uint64_t key) {
    char octets[sizeof key];
    std::memcpy(octets, &key, sizeof key);
    return hash64({octets, sizeof octets}, 0);
}

Result<uint32_t> KeyCounts::take(uint64_t key, uint32_t most) {
    const uint64_t hash = hash_of(key);
    const size_t bucket = hash & (buckets_.size() - 1);
    const uint64_t tag = hash >> count_bits << count_bits;
    auto& rows = buckets_[bucket].rows;
    for (;;) {
        size_t row = rows_in_bucket, free = rows_in_bucket;
        uint64_t seen = 0;
        for (size_t i = 0; i < rows_in_bucket && row == rows_in_bucket; ++i) {
            const uint64_t value = rows[i].load(std::memory_order_relaxed);
            if (value == 0 && free == rows_in_bucket) free = i;
            if (value == 0 || (value & ~count_mask) != tag) continue;
            if ((value & count_mask) >= std::min(most, count_max)) return fail(Error::limit_reached);
            row = i;
            seen = value;
        }
        if (row == rows_in_bucket) {
            if (free == rows_in_bucket) return uncounted;
            row = free;
            seen = tag; // with nothing counted yet
        }
        uint64_t expected = row == free ? 0 : seen;
        if (rows[row].compare_exchange_weak(expected, seen + 1, std::memory_order_relaxed))
            return static_cast<uint32_t>(bucket * rows_in_bucket + row);
    }
}

void KeyCounts::give_back(uint32_t row) {
    if (row == uncounted) return;
    auto& counted = buckets_[row / rows_in_bucket].rows[row % rows_in_bucket];
    uint64_t value = counted.load(std::memory_order_relaxed);
    while (
        !counted.compare_exchange_weak(value, (value & count_mask) == 1 ? 0 : value - 1, std::memory_order_relaxed)) {}
}

uint32_t KeyCounts::count_of(uint64_t key) const {
    const uint64_t hash = hash_of(key);
    uint64_t count = 0;
    for (const auto& row : buckets_[hash & (buckets_.size() - 1)].rows) {
        const uint64_t value = row.load(std::memory_order_relaxed);
        if (value != 0 && (value & ~count_mask) == hash >> count_bits << count_bits) count += value & count_mask;
    }
    return static_cast<uint32_t>(count);
}

Caps::Caps(const Limits& limits, uint32_t workers)
    : addresses(limits.connections_max), principals(limits.connections_max), memory_(workers) {}

uint64_t Caps::memory_of_others(uint32_t worker) const {
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < memory_.size(); ++i)
        if (i != worker) bytes += memory_[i].bytes.load(std::memory_order_relaxed);
    return bytes;
}

std::optional<uint64_t> address_key(const IpAddress& address) {
    if (!address.known()) return std::nullopt;
    const auto& octets = address.octets();
    const auto number = [&](size_t at, size_t count) {
        uint64_t value = 0;
        for (size_t i = 0; i < count; ++i) value = value << 8 | octets[at + i];
        return value;
    };
    return address.is_v4() ? uint64_t{1} << 32 | number(12, 4) : number(0, 8); // no prefix in use begins as the first
}

} // namespace weir::gateway
