// crypto/sha256.cc - gathering blocks, padding, and the portable compression function.
#include "crypto/sha256.h"

#include "crypto/sha256_blocks.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace weir::crypto {

const uint32_t sha256_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, //
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, //
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, //
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, //
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, //
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, //
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, //
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

namespace {

uint32_t load_big_endian(const uint8_t* at) {
    uint32_t word;
    std::memcpy(&word, at, sizeof word);
    return std::endian::native == std::endian::little ? std::byteswap(word) : word;
}

void store_big_endian(uint8_t* at, uint32_t word) {
    if (std::endian::native == std::endian::little) word = std::byteswap(word);
    std::memcpy(at, &word, sizeof word);
}

/// Chosen at the first use; both ways give the same result, so that a race of first uses does no harm.
Sha256Blocks best_blocks() {
    static const Sha256Blocks best = [] {
        const Sha256Blocks native = sha256_blocks_native();
        return native != nullptr ? native : sha256_blocks_portable;
    }();
    return best;
}

} // namespace

void sha256_blocks_portable(uint32_t* state, const uint8_t* blocks, size_t count) {
    for (; count != 0; --count, blocks += 64) {
        uint32_t words[64];
        for (size_t i = 0; i < 16; ++i) words[i] = load_big_endian(blocks + 4 * i);
        for (size_t i = 16; i < 64; ++i) {
            const uint32_t early = words[i - 15], late = words[i - 2];
            const uint32_t sigma0 = std::rotr(early, 7) ^ std::rotr(early, 18) ^ (early >> 3);
            const uint32_t sigma1 = std::rotr(late, 17) ^ std::rotr(late, 19) ^ (late >> 10);
            words[i] = words[i - 16] + sigma0 + words[i - 7] + sigma1;
        }
        uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
        uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
        for (size_t i = 0; i < 64; ++i) {
            const uint32_t sum1 = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
            const uint32_t first = h + sum1 + ((e & f) ^ (~e & g)) + sha256_constants[i] + words[i];
            const uint32_t sum0 = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
            const uint32_t second = sum0 + ((a & b) ^ (a & c) ^ (b & c));
            h = g, g = f, f = e, e = d + first;
            d = c, c = b, b = a, a = first + second;
        }
        state[0] += a, state[1] += b, state[2] += c, state[3] += d;
        state[4] += e, state[5] += f, state[6] += g, state[7] += h;
    }
}

void Sha256::update(std::string_view bytes) {
    if (bytes.empty()) return;
    const auto* at = reinterpret_cast<const uint8_t*>(bytes.data());
    size_t left = bytes.size();
    const size_t held = size_ % 64;
    size_ += left;
    if (held != 0) {
        const size_t taken = std::min(left, 64 - held);
        std::memcpy(block_.data() + held, at, taken);
        at += taken;
        left -= taken;
        if (held + taken < 64) return;
        best_blocks()(state_.data(), block_.data(), 1);
    }
    if (left >= 64) best_blocks()(state_.data(), at, left / 64);
    std::memcpy(block_.data(), at + left / 64 * 64, left % 64);
}

Digest Sha256::finish() {
    // One 1 bit, zeros, and the size in bits in the last eight octets (FIPS 180-4, section 5.1.1).
    const size_t held = size_ % 64;
    uint8_t last[128] = {};
    std::memcpy(last, block_.data(), held);
    last[held] = 0x80;
    const size_t blocks = held < 56 ? 1 : 2;
    const uint64_t bits = size_ * 8;
    store_big_endian(last + blocks * 64 - 8, static_cast<uint32_t>(bits >> 32));
    store_big_endian(last + blocks * 64 - 4, static_cast<uint32_t>(bits));
    best_blocks()(state_.data(), last, blocks);
    Digest digest;
    for (size_t i = 0; i < 8; ++i) store_big_endian(digest.data() + 4 * i, state_[i]);
    return digest;
}

void Sha256Striped::update(std::string_view bytes) {
    static const Sha256PairBlocks both = sha256_pair_blocks_native();
    while (!bytes.empty()) {
        const size_t within = size_ % (2 * stripe_bytes);
        if (within == 0 && bytes.size() >= 2 * stripe_bytes && both != nullptr) {
            const auto* at = reinterpret_cast<const uint8_t*>(bytes.data());
            both(lanes_[0].state_.data(), at, lanes_[1].state_.data(), at + stripe_bytes, stripe_bytes / 64);
            for (Sha256& lane : lanes_) lane.size_ += stripe_bytes;
            size_ += 2 * stripe_bytes;
            bytes.remove_prefix(2 * stripe_bytes);
            continue;
        }
        const size_t taken = std::min(bytes.size(), stripe_bytes - within % stripe_bytes);
        lanes_[within / stripe_bytes].update(bytes.substr(0, taken));
        size_ += taken;
        bytes.remove_prefix(taken);
    }
}

Digest hmac_sha256(std::string_view key, std::string_view text) {
    std::array<char, 64> padded{};
    if (key.size() > padded.size()) {
        const Digest digest = Sha256::of(key);
        std::memcpy(padded.data(), digest.data(), digest.size());
    } else if (!key.empty()) {
        std::memcpy(padded.data(), key.data(), key.size());
    }
    const auto keyed = [&padded](char pad) {
        std::array<char, 64> mixed;
        for (size_t i = 0; i < mixed.size(); ++i) mixed[i] = static_cast<char>(padded[i] ^ pad);
        Sha256 hash;
        hash.update({mixed.data(), mixed.size()});
        return hash;
    };
    Sha256 inner = keyed(0x36);
    inner.update(text);
    const Digest digest = inner.finish();
    Sha256 outer = keyed(0x5c);
    outer.update(bytes_of(digest));
    return outer.finish();
}

} // namespace weir::crypto
