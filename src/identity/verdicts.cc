// identity/verdicts.cc - two tables of four places for each digest.
#include "identity/verdicts.h"

#include "base/assert.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace weir::identity {
namespace {

/// The first place of those that a digest may have. Digests are as good as random, whoever chose their tokens.
size_t first_place(const crypto::Digest& digest, size_t places, size_t ways) {
    uint64_t bits;
    std::memcpy(&bits, digest.data(), sizeof bits);
    return (bits & (places / ways - 1)) * ways;
}

} // namespace

Verdicts::Verdicts(uint32_t issuers, const Bounds& bounds)
    : keys_(issuers, 0), accepted_(std::max(ways_, std::bit_ceil(size_t{bounds.accepted_max}))),
      refused_(std::max(ways_, std::bit_ceil(size_t{bounds.refused_max}))),
      principal_bytes_max_(bounds.principal_bytes_max) {}

void Verdicts::set_keys(uint32_t issuer, uint64_t fingerprint) {
    WEIR_ASSERT(issuer < keys_.size());
    keys_[issuer] = fingerprint;
}

bool Verdicts::holds(const Life& life, const crypto::Digest& digest, const Moment& moment) const {
    return life.digest == digest && moment.now_ns < life.until_ns && life.keys == keys_[life.issuer];
}

Verdicts::Life Verdicts::born(const crypto::Digest& digest, uint32_t issuer, const Moment& moment) const {
    WEIR_ASSERT(issuer < keys_.size());
    return {digest, moment.now_ns + age_ns_max, keys_[issuer], issuer};
}

const Verdicts::Verdict* Verdicts::find(const crypto::Digest& digest, const Moment& moment) {
    Kept* const first = accepted_.data() + first_place(digest, accepted_.size(), ways_);
    for (Kept* place = first; place != first + ways_; ++place) {
        if (!holds(place->life, digest, moment)) continue;
        const Accepted& accepted = place->verdict.accepted;
        if (moment.unix_s >= accepted.ends_unix_s || moment.unix_s < accepted.begins_unix_s) continue;
        place->used_ns = moment.now_ns;
        return &place->verdict;
    }
    return nullptr;
}

bool Verdicts::is_refused(const crypto::Digest& digest, const Moment& moment) const {
    const Life* const first = refused_.data() + first_place(digest, refused_.size(), ways_);
    return std::any_of(first, first + ways_, [&](const Life& life) { return holds(life, digest, moment); });
}

void Verdicts::clear(Kept& place) {
    principal_bytes_ -= place.bytes;
    place = {};
}

void Verdicts::keep(const crypto::Digest& digest, uint32_t issuer, const Accepted& accepted, const Moment& moment) {
    const size_t bytes = accepted.principal->bytes();
    if (bytes > principal_bytes_max_) return;
    Kept* const first = accepted_.data() + first_place(digest, accepted_.size(), ways_);
    // The same token's place, or a dead one's, or the one that was used longest ago.
    const auto rank = [&](const Kept& place) -> uint64_t {
        if (place.life.digest == digest) return 0;
        const bool alive = moment.now_ns < place.life.until_ns && place.life.keys == keys_[place.life.issuer];
        return alive ? 2 + place.used_ns : 1;
    };
    Kept* const victim = std::min_element(
        first, first + ways_, [&rank](const Kept& one, const Kept& other) { return rank(one) < rank(other); });
    clear(*victim);
    for (size_t looked = 0; principal_bytes_ + bytes > principal_bytes_max_; ++looked) {
        WEIR_ASSERT(looked <= accepted_.size());
        clear(accepted_[hand_]);
        hand_ = (hand_ + 1) & (accepted_.size() - 1);
    }
    Life life = born(digest, issuer, moment);
    // The rest of the token's life, by the clock that is never set: one of the wall that goes back makes it no longer.
    const uint64_t left_s = accepted.ends_unix_s - std::min(accepted.ends_unix_s, moment.unix_s);
    if (left_s < age_ns_max / s_ns) life.until_ns = moment.now_ns + left_s * s_ns;
    *victim = {life, {accepted, issuer}, moment.now_ns, bytes};
    principal_bytes_ += bytes;
}

void Verdicts::refuse(const crypto::Digest& digest, uint32_t issuer, const Moment& moment) {
    Life* const first = refused_.data() + first_place(digest, refused_.size(), ways_);
    *std::min_element(first, first + ways_, [](const Life& one, const Life& other) {
        return one.until_ns < other.until_ns;
    }) = born(digest, issuer, moment);
}

} // namespace weir::identity
