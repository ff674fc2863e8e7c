// crypto/sha256_blocks.h - the ways to run SHA-256's compression function; sha256.cc chooses once.
//
// Not for use elsewhere; a header only so that tests can hold one against the other. Pure.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weir::crypto {

/// The round constants (FIPS 180-4, section 4.2.2).
extern const uint32_t sha256_constants[64];

/// Takes `count` blocks of 64 octets at `blocks` into `state`.
using Sha256Blocks = void (*)(uint32_t* state, const uint8_t* blocks, size_t count);

void sha256_blocks_portable(uint32_t* state, const uint8_t* blocks, size_t count);

/// The same for two hashes at once: `count` blocks of each.
using Sha256PairBlocks = void (*)(uint32_t* a, const uint8_t* a_blocks, uint32_t* b, const uint8_t* b_blocks,
                                  size_t count);

/// The one that uses the processor's SHA instructions, or nullptr where there are none.
Sha256Blocks sha256_blocks_native();
Sha256PairBlocks sha256_pair_blocks_native();

} // namespace weir::crypto
