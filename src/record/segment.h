// record/segment.h - the head of a segment file, and what the files of a stream are called.
//
// A segment is 4096 bytes of head, then frames. All that the head says lies in its first 512 bytes, which a disk writes
// whole or not at all; the rest are zeros. A file whose first sector is zeros was never in use.
//
// Files are named by the segment's number, 20 digits and `.wseg`, and no number is used twice. Not by the first seq: a
// spare segment exists before its first seq is known, and a segment that died before anything was synced is followed
// by one with the same first seq. Pure.
#pragma once

#include "record/chain.h"

#include <optional>
#include <string>
#include <string_view>

namespace weir::record {

inline constexpr uint32_t segment_head_bytes = 4096;
inline constexpr uint32_t segment_version = 1;
/// The stream of tickets and configuration, which belongs to no worker.
inline constexpr uint32_t control_stream = UINT32_MAX;

struct SegmentHead {
    LogId log{};
    uint32_t worker = 0;
    uint64_t number = 0;
    uint64_t first_seq = 0;
    uint64_t created_ns = 0;
    Salt salt{};
    Digest chain{};            // before the first batch
    uint64_t previous = 0;     // number of the segment that holds the mark before; 0: this is the first of the stream
    uint64_t previous_end = 0; // where that mark ends in it
};

/// Writes the `segment_head_bytes` of a head.
void write_segment_head(char* bytes, const SegmentHead& head);

/// Reads a head from the front of a file.
///
/// Errors:
///   incomplete  fewer than segment_head_bytes
///   not_found   the first sector is zeros: the segment was reserved and never used
///   corrupt     it is no head, or a damaged one
Result<SegmentHead> read_segment_head(std::string_view bytes);

/// `00000000000000000007.wseg`
std::string segment_name(uint64_t number);
/// The same in place of what `name` holds: a text that has held one before allocates nothing.
void write_segment_name(uint64_t number, std::string& name);
/// The number in a segment's name; nothing when `name` is none.
std::optional<uint64_t> segment_number(std::string_view name);

/// The folder of a worker's stream below `segments/`: "worker-0", or "control".
std::string stream_name(uint32_t worker);
/// The inverse of stream_name; nothing when `name` is none.
std::optional<uint32_t> stream_number(std::string_view name);

} // namespace weir::record
