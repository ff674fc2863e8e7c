// record/retention.cc - sums and comparisons of the shares.
#include "record/retention.h"

namespace weir::record {

void Retention::tell(uint32_t share, uint64_t bytes, uint64_t oldest_ns) {
    shares_[share].bytes.store(bytes, std::memory_order_relaxed);
    shares_[share].oldest_ns.store(oldest_ns, std::memory_order_relaxed);
}

bool Retention::is_due(uint32_t share, uint64_t now_unix_ns) const {
    const uint64_t own_ns = shares_[share].oldest_ns.load(std::memory_order_relaxed);
    if (own_ns == none) return false;
    if (age_ns_max_ != 0 && now_unix_ns > own_ns && now_unix_ns - own_ns > age_ns_max_) return true;
    if (bytes_max_ == 0) return false;
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < shares(); ++i) {
        bytes += shares_[i].bytes.load(std::memory_order_relaxed);
        const uint64_t other_ns = shares_[i].oldest_ns.load(std::memory_order_relaxed);
        if (other_ns < own_ns || (other_ns == own_ns && i < share)) return false; // Somebody's is older.
    }
    return bytes > bytes_max_;
}

} // namespace weir::record
