// identity/budget.cc - two purses and a table of those who wasted time.
#include "identity/budget.h"

#include <algorithm>

namespace weir::identity {

uint64_t SignatureBudget::cost_ns(crypto::SignatureAlgorithm algorithm, size_t signature_bytes) {
    using enum crypto::SignatureAlgorithm;
    // Measured: bench/micro/identity_bench.cc. RSA by the square of its size.
    if (algorithm == es256) return 1'200'000;
    if (algorithm == es384) return 2'000'000;
    return 70'000 * (signature_bytes * signature_bytes) / (256 * 256);
}

bool SignatureBudget::Purse::take(uint64_t cost_ns, uint64_t now_ns) {
    const uint64_t passed_ns = std::min(now_ns - std::min(filled_at_ns, now_ns), s_ns);
    const uint64_t gained_ns = passed_ns * (share_ns / ms_ns) / (s_ns / ms_ns);
    if (gained_ns != 0) { // Otherwise wait for more to come together: nothing is lost by rounding.
        held_ns = std::min(share_ns, held_ns + gained_ns);
        filled_at_ns = now_ns;
    }
    if (held_ns < cost_ns) return false;
    held_ns -= cost_ns;
    return true;
}

bool SignatureBudget::is_suspect(uint64_t address, uint64_t now_ns) const {
    const Seen& seen = seen_[address % seen_.size()];
    return seen.address == address && seen.failures >= failures_max && now_ns - seen.since_ns < memory_ns;
}

bool SignatureBudget::take(uint64_t cost_ns, uint64_t address, uint64_t now_ns) {
    return (is_suspect(address, now_ns) ? suspects_ : everybody_).take(cost_ns, now_ns);
}

void SignatureBudget::failed(uint64_t address, uint64_t now_ns) {
    Seen& seen = seen_[address % seen_.size()];
    if (seen.address != address || now_ns - seen.since_ns >= memory_ns) seen = {address, now_ns, 0};
    ++seen.failures;
}

} // namespace weir::identity
