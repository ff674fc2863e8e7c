// identity/digest_memo.cc - NH, and a table with one place for each fingerprint.
#include "identity/digest_memo.h"

#include "base/assert.h"
#include "crypto/secret.h"

#include <cstring>

namespace weir::identity {
namespace {

__extension__ using Wide = unsigned __int128;

constexpr size_t pair_bytes = 16; // two words are multiplied
constexpr size_t shift_words = 2; // between the two keys

/// Both sums take in the two words at `at`.
void take(const char* at, const uint64_t* key, Wide& one, Wide& other) {
    uint64_t words[2];
    std::memcpy(words, at, sizeof words);
    one += static_cast<Wide>(words[0] + key[0]) * (words[1] + key[1]);
    other += static_cast<Wide>(words[0] + key[shift_words]) * (words[1] + key[shift_words + 1]);
}

} // namespace

DigestMemo::DigestMemo() : key_(text_bytes_max / sizeof(uint64_t) + shift_words), known_(digests) {
    const bool filled =
        crypto::fill_random({reinterpret_cast<unsigned char*>(key_.data()), key_.size() * sizeof(uint64_t)});
    WEIR_ASSERT(filled);
}

DigestMemo::Fingerprint DigestMemo::fingerprint_of(std::string_view text) const {
    Wide one = 0, other = 0;
    const uint64_t* key = key_.data();
    const char* at = text.data();
    size_t left = text.size();
    for (; left >= pair_bytes; left -= pair_bytes, at += pair_bytes, key += 2) take(at, key, one, other);
    if (left != 0) {
        char last[pair_bytes] = {};
        std::memcpy(last, at, left);
        take(last, key, one, other);
    }
    return {{static_cast<uint64_t>(one), static_cast<uint64_t>(one >> 64), static_cast<uint64_t>(other),
             static_cast<uint64_t>(other >> 64)},
            text.size()};
}

DigestMemo::Known& DigestMemo::place_of(const Fingerprint& fingerprint) {
    // The upper halves: the lowest bits of products are not as good as random (an even factor makes an even product).
    return known_[(fingerprint.words[1] ^ fingerprint.words[3]) % known_.size()];
}

const crypto::Digest* DigestMemo::look(std::string_view text) {
    WEIR_ASSERT(text.size() <= text_bytes_max);
    looked_for_ = fingerprint_of(text);
    const Known& known = place_of(looked_for_);
    return known.fingerprint == looked_for_ ? &known.digest : nullptr;
}

void DigestMemo::put(const crypto::Digest& digest) { place_of(looked_for_) = {looked_for_, digest}; }

} // namespace weir::identity
