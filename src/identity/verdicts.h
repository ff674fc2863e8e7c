// identity/verdicts.h - what was found about tokens lately, by their SHA-256: a token comes with every request, and its
// signature need not be verified each time.
//
// Not a list of who is signed in. A verdict dies when the token does, when the keys of its issuer change (so that a key
// that is removed takes its tokens with it), and after a minute at most; setting the clock makes none live longer. It says that the token is what it is, not that it
// may be used at some server: that is asked each time. Tokens with a wrong signature are remembered apart, so that they
// push out no good one.
//
// One per worker, one thread. Bounded in number and in the memory of its principals; a find allocates nothing. It keeps
// digests and principals, never tokens.
#pragma once

#include "base/limits.h"
#include "crypto/sha256.h"
#include "identity/jwt.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace weir::identity {

/// Now, on both clocks: tokens expire by the one of the wall, verdicts age by the one that is never set.
struct Moment {
    uint64_t unix_s = 0;
    uint64_t now_ns = 0;
};

class Verdicts {
  public:
    static constexpr uint64_t age_ns_max = 60 * s_ns;
    struct Bounds {
        uint32_t accepted_max = 4096; // rounded up to a power of two, as is the next one
        uint32_t refused_max = 512;
        size_t principal_bytes_max = size_t{32} << 20;
    };

    Verdicts(uint32_t issuers, const Bounds& bounds);

    /// The keys of `issuer` are now those of this fingerprint (KeySet::fingerprint()); 0: it has none.
    void set_keys(uint32_t issuer, uint64_t fingerprint);

    struct Verdict {
        Accepted accepted;
        uint32_t issuer = 0;
    };
    /// The verdict about the token of `digest`, if there is one that still holds. Valid until the next keep().
    const Verdict* find(const crypto::Digest& digest, const Moment& moment);
    /// Whether its signature was found wrong, under the keys of now.
    bool is_refused(const crypto::Digest& digest, const Moment& moment) const;

    /// Remembers that a token of `issuer` was accepted. One that was used longer ago than others may have to go for it.
    void keep(const crypto::Digest& digest, uint32_t issuer, const Accepted& accepted, const Moment& moment);
    /// Remembers that its signature is wrong.
    void refuse(const crypto::Digest& digest, uint32_t issuer, const Moment& moment);

    size_t principal_bytes() const { return principal_bytes_; }

  private:
    static constexpr size_t ways_ = 4; // places for a digest
    struct Life {
        crypto::Digest digest{};
        uint64_t until_ns = 0; // 0: nobody lives here
        uint64_t keys = 0;
        uint32_t issuer = 0;
    };
    struct Kept {
        Life life;
        Verdict verdict;
        uint64_t used_ns = 0;
        size_t bytes = 0;
    };
    bool holds(const Life& life, const crypto::Digest& digest, const Moment& moment) const;
    Life born(const crypto::Digest& digest, uint32_t issuer, const Moment& moment) const;
    void clear(Kept& place);

    std::vector<uint64_t> keys_; // by issuer
    std::vector<Kept> accepted_;
    std::vector<Life> refused_;
    size_t principal_bytes_ = 0, principal_bytes_max_;
    size_t hand_ = 0; // where room is made next
};

} // namespace weir::identity
