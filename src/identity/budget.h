// identity/budget.h - how much of its time a worker gives to signatures of tokens that it does not know.
//
// An ES256 signature takes a millisecond and anybody can send a wrong one, so that without a bound a few hundred bad
// tokens a second would be all that a worker does. Tokens whose verdict is known cost nothing and are not asked about.
// Two purses fill up at a steady rate: one for everybody, and a smaller one for addresses that lately sent signatures
// which turned out wrong, so that these cannot keep others from signing in. Costs are estimates.
//
// Pure: time is told. One per worker, one thread. Bounded: addresses share a table by their hash, and a newer one takes
// an older one's place.
#pragma once

#include "base/limits.h"
#include "crypto/signature.h"

#include <array>
#include <cstdint>

namespace weir::identity {

class SignatureBudget {
  public:
    /// Of each second, and at most a second's share at once.
    static constexpr uint64_t share_ns = 250 * ms_ns, suspects_share_ns = 50 * ms_ns;
    /// So many wrong signatures within `memory_ns` make an address a suspect.
    static constexpr uint32_t failures_max = 8;
    static constexpr uint64_t memory_ns = 60 * s_ns;

    /// What verifying one costs, about.
    static uint64_t cost_ns(crypto::SignatureAlgorithm algorithm, size_t signature_bytes);

    /// Takes `cost_ns` out of the purse of `address` (a hash of it). False: it is empty; try again later.
    bool take(uint64_t cost_ns, uint64_t address, uint64_t now_ns);
    /// A signature from `address` was wrong.
    void failed(uint64_t address, uint64_t now_ns);

  private:
    struct Purse {
        uint64_t share_ns;
        uint64_t held_ns;
        uint64_t filled_at_ns = 0;
        bool take(uint64_t cost_ns, uint64_t now_ns);
    };
    struct Seen {
        uint64_t address = 0;
        uint64_t since_ns = 0;
        uint32_t failures = 0;
    };
    bool is_suspect(uint64_t address, uint64_t now_ns) const;

    Purse everybody_{share_ns, share_ns}, suspects_{suspects_share_ns, suspects_share_ns};
    std::array<Seen, 1024> seen_{};
};

} // namespace weir::identity
