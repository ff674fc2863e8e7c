// http/body.h - the chunked transfer coding (RFC 9112 section 7.1), decoded as it arrives and without a copy.
//
// Pure: no I/O, no clock, no allocation. Not for bodies with a Content-Length: those need no decoding. Strict: CRLF
// only, sizes of 1 to 16 hexadecimal digits, extensions by their grammar without white space, trailers by the grammar
// of fields. Extensions and trailers are checked, bounded and dropped; a trailer that weir knows as a field of a head
// (framing, credentials, routing) is refused.
//
// Ownership: the views it gives point into the bytes of that call.
#pragma once

#include "base/limits.h"
#include "base/result.h"

#include <array>
#include <cstdint>
#include <string_view>

namespace weir::http {

struct ChunkLimits {
    uint32_t extension_bytes_max = Limits{}.chunk_extension_bytes_max; // of one chunk
    uint32_t trailer_bytes_max = Limits{}.trailer_bytes_max;
    uint32_t overhead_bytes_max = 16 << 10; // framing beyond 16 octets a chunk and twice its data: many tiny chunks

    ChunkLimits() = default;
    explicit(false) ChunkLimits(const Limits& limits)
        : extension_bytes_max(limits.chunk_extension_bytes_max), trailer_bytes_max(limits.trailer_bytes_max) {}
};

/// Decodes one chunked body. Any way of cutting the octets into calls gives the same payload and the same end.
class ChunkedReader {
  public:
    explicit ChunkedReader(const ChunkLimits& limits = {}) : limits_(limits) {}

    struct Piece {
        std::string_view payload; // the next octets of the body; may be empty
        size_t consumed = 0;      // octets of `bytes` that are done with: framing and payload
        bool done = false;        // the body has ended; what lies behind `consumed` is not part of it
    };

    /// Reads on. `bytes` begins at the first octet not yet consumed. Consumes as much as it can and yet give one run of
    /// payload: call again while octets are left and it is not done. The caller bounds the sum of the payload.
    ///
    /// chunk_malformed: a request owes 400, an answer 502; the framing is lost, so no later octet can be trusted. Every
    /// later call says the same.
    Result<Piece> next(std::string_view bytes);

    bool done() const { return state_ == State::done; }

  private:
    enum class State : uint8_t {
        size_first,
        size_more,
        size_lf,
        extension_name_first,
        extension_name,
        extension_value_first,
        extension_token,
        extension_quoted,
        extension_escaped,
        extension_after,
        payload,
        payload_cr,
        payload_lf,
        line_first,
        name,
        value,
        line_lf,
        end_lf,
        done,
        broken,
    };
    bool step(unsigned char octet);
    bool begin_payload();
    bool name_allowed() const;

    ChunkLimits limits_;
    State state_ = State::size_first;
    bool last_ = false; // the chunk of size zero
    uint8_t digits_ = 0;
    uint8_t name_size_ = 0;
    uint64_t left_ = 0;      // octets of payload still to come
    uint32_t extension_ = 0; // octets of this chunk's extensions
    uint32_t trailer_ = 0;   // octets of the trailer section
    uint64_t header_ = 0;    // octets of this chunk's framing
    uint64_t overhead_ = 0;
    std::array<char, 32> name_{}; // the trailer's name, as far as a known one could reach
};

} // namespace weir::http
