// record/chain.h - the chain of batches: what makes a changed, missing or moved batch show.
//
//   chain of nothing = SHA-256(0x03 | log id | worker)
//   leaf of a batch  = SHA-256(0x00 | SHA-256(its even KiB) | SHA-256(its odd KiB)), its mark left out
//   chain after      = SHA-256(0x02 | chain before | leaf of the batch)
//
// The prefixes keep the kinds of input apart (as RFC 6962, section 2.1 does); the leaf is one of a later tree. Why two
// hashes: docs/decisions/0005-striped-leaves.md. Pure.
#pragma once

#include "crypto/sha256.h"
#include "record/frame.h"

#include <array>
#include <cstdint>
#include <string_view>

namespace weir::record {

using Digest = std::array<uint8_t, 32>;
using LogId = std::array<uint8_t, 16>;

/// The chain's value before the first batch of the stream `worker` of the log `id`.
Digest chain_start(const LogId& id, uint32_t worker);

/// The hash of one batch after the other.
class BatchHash {
  public:
    /// More bytes of the batch.
    void update(std::string_view bytes) { bytes_.update(bytes); }
    /// The chain's value after the batch, `before` being the one before it. The next batch begins.
    Digest chain(const Digest& before);

  private:
    crypto::Sha256Striped bytes_;
};

inline std::string_view bytes_of(const Digest& digest) {
    return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

/// The payload of a mark is always of this size, so that a border can be checked from its end alone.
inline constexpr uint32_t mark_payload_bytes = 36;
inline constexpr uint32_t mark_bytes = frame_bytes(mark_payload_bytes);

/// Writes a mark's payload (`mark_payload_bytes`).
void write_mark(char* payload, const Digest& chain);

/// The chain's value out of a mark's payload. corrupt: it is no mark's.
Result<Digest> read_mark(std::string_view payload);

} // namespace weir::record
