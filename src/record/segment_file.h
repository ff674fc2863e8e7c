// record/segment_file.h - one segment, opened for reading: its head, then frame after frame.
//
// Reads with pread into a window that slides over the file, so a file of any size costs the same memory, and one that
// is being written can be read: what was not there yet is looked at again at the next call. Knows nothing of other
// segments. Plain POSIX and blocking, never for a worker's turn.
#pragma once

#include "base/result.h"
#include "record/segment.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::record {

class SegmentFile {
  public:
    /// Opens `path` and reads its head.
    ///
    /// Errors:
    ///   not_found   there is no such file, or it was reserved and never used, or a crash tore its head
    ///   corrupt     the head is damaged
    ///   io_failed   it cannot be read; errno tells
    static Result<SegmentFile> open(const std::string& path);
    /// Whether a file without a good head has entries that stand nowhere else. It has none when a crash or a failed write
    /// kept its head from being finished, since entries come after that, but for those that a recovery writes before it
    /// (frame.h: flag_carried). io_failed.
    static Result<bool> holds_entries(const std::string& path);
    SegmentFile(SegmentFile&& other) noexcept;
    SegmentFile& operator=(SegmentFile&& other) noexcept;
    SegmentFile(const SegmentFile&) = delete;
    SegmentFile& operator=(const SegmentFile&) = delete;
    ~SegmentFile();

    const SegmentHead& head() const { return head_; }
    uint32_t salt_crc() const { return salt_crc_; }
    /// Where the next frame begins.
    uint64_t offset() const { return offset_; }
    void go_to(uint64_t offset) { offset_ = offset; }

    /// The next frame; its payload is valid until the next call.
    ///
    /// Errors, after which the offset has not moved:
    ///   not_found   nothing was written here (yet)
    ///   incomplete  the file ends within it
    ///   corrupt     no frame of this segment
    ///   io_failed   it cannot be read; errno tells
    Result<Frame> next();
    /// The bytes of the frame that next() gave last.
    std::string_view raw() const { return raw_; }

    /// Whether a frame behind `offset` says that `seq` was synced (frame.h: acknowledged_within).
    Result<bool> acknowledged_behind(uint64_t offset, uint64_t seq) const;
    /// The first frame behind `offset` whose seq is `seq_min` or later: its seq and place. Nothing when there is none.
    std::optional<std::pair<uint64_t, uint64_t>> find_frame(uint64_t offset, uint64_t seq_min) const;
    /// How many bytes lie between `offset` and the last one that is not zero.
    Result<uint64_t> written_behind(uint64_t offset) const;
    /// The bytes from `from` to `to`. io_failed, or incomplete when the file is shorter.
    Result<std::string> bytes(uint64_t from, uint64_t to) const;
    /// Makes what is in the file durable. io_failed.
    Result<void> sync() const;
    uint64_t size() const;

  private:
    SegmentFile() = default;
    Result<void> load(uint64_t offset, size_t at_least);
    int fd_ = -1;
    SegmentHead head_;
    uint32_t salt_crc_ = 0;
    uint64_t offset_ = segment_head_bytes;
    std::vector<char> window_; // window_size_ bytes from window_offset_ on
    uint64_t window_offset_ = 0;
    size_t window_size_ = 0;
    std::string_view raw_;
};

/// The numbers of the segments in `directory`, ascending. not_found: no such directory; io_failed.
Result<std::vector<uint64_t>> list_segments(const std::string& directory);

} // namespace weir::record
