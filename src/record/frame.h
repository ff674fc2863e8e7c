// record/frame.h - one frame of a segment: a head of 40 bytes, a payload, and zeros up to a multiple of eight.
//
//   u32 payload length | u32 CRC-32C | u64 seq | u64 time_ns | u64 durable_seq | u16 kind | u16 flags | u32 exchange
//
// Little endian. The checksum covers the segment's salt, the length, and everything behind the checksum with the zeros,
// so that a frame of another segment, or one that is half there, is never taken for one of this segment. Pure: no I/O,
// no allocation; a Frame's payload is a view into the bytes it was read from.
#pragma once

#include "base/result.h"
#include "record/kinds.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir::record {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the format is written as the memory of the machine");

inline constexpr uint32_t frame_head_bytes = 40;
inline constexpr uint32_t payload_bytes_max = 96 << 20;

using Salt = std::array<uint8_t, 16>;

/// Written once more by a recovery, before the head of its segment.
inline constexpr uint16_t flag_carried = 1;

struct FrameHead {
    uint64_t seq = 0;         // one more than that of the frame before
    uint64_t time_ns = 0;     // Unix time, never smaller than that of the frame before
    uint64_t durable_seq = 0; // the highest seq known to be synced when this frame was made
    Kind kind{};
    uint16_t flags = 0;    // flag_carried
    uint32_t exchange = 0; // ties the entries of one exchange together within a stream; 0: of none
};

struct Frame : FrameHead {
    std::string_view payload;
    uint32_t bytes = 0; // of the whole frame
};

/// The size of a frame with a payload of `payload_bytes`.
constexpr uint32_t frame_bytes(uint32_t payload_bytes) { return (frame_head_bytes + payload_bytes + 7U) & ~7U; }

/// The checksum's value after the salt: what the other functions take, so that it is computed once a segment.
uint32_t salted(const Salt& salt);

/// Makes a frame of the `payload_bytes` (at least 1) that already stand at `frame + frame_head_bytes`, with room for
/// the zeros behind. Returns the frame's size.
uint32_t finish_frame(char* frame, const FrameHead& head, uint32_t payload_bytes, uint32_t salt_crc);

/// Gives a frame that is already made another checksum and nothing else.
void salt_again(char* frame, uint32_t size, uint32_t salt_crc);

/// Reads one frame from the front of `bytes`.
///
/// Errors:
///   not_found   nothing was written here: a whole head of zeros, or no bytes at all
///   incomplete  the bytes end before the frame does
///   corrupt     this is no frame of this segment
Result<Frame> read_frame(std::string_view bytes, uint32_t salt_crc);

/// The frame at the front of `bytes` (a head at least), unchecked: for bytes that never left this process, or to look
/// at what cannot be checked. `bytes` and `payload` are as large as it says, and empty when that is more than is there.
Frame peek_frame(std::string_view bytes);

/// True when anywhere in `bytes`, at a multiple of eight, stands a frame that is later than `seq` and says that `seq`
/// was synced: then a bad frame at `seq` is damage and not a torn end.
bool acknowledged_within(std::string_view bytes, uint32_t salt_crc, uint64_t seq);

} // namespace weir::record
