// record/retention.cc - sums and comparisons of the shares.
#include "record/retention.h"

namespace weir::record {

void Retention::tell(uint32_t share, uint64_t bytes, uint64_t oldest_ns) {
    shares_[share].bytes.store(bytes, std::memory_order_relaxed);
    shares_[share].oldest_ns.store(oldest_ns, std::memory_order_relaxed);
}

Retention::Due Retention::due(uint32_t share, uint64_t now_unix_ns) const {
    const uint64_t own_ns = shares_[share].oldest_ns.load(std::memory_order_relaxed);
    if (own_ns == none) return Due::no;
    if (age_ns_max_ != 0 && now_unix_ns > own_ns && now_unix_ns - own_ns > age_ns_max_) return Due::now;
    if (bytes_max_ == 0) return Due::no;
    uint64_t bytes = 0;
    bool others_first = false;
    for (uint32_t i = 0; i < shares(); ++i) {
        bytes += shares_[i].bytes.load(std::memory_order_relaxed);
        const uint64_t other_ns = shares_[i].oldest_ns.load(std::memory_order_relaxed);
        others_first = others_first || other_ns < own_ns || (other_ns == own_ns && i < share);
    }
    if (bytes <= bytes_max_) return Due::no;
    return others_first ? Due::soon : Due::now;
}

} // namespace weir::record
