// record/retention.h - how much of the past all streams of a log keep together, and whose oldest segment goes next.
//
// One object for the process, of fixed atomics: each writer has a share, tells what it holds and how old its oldest
// complete segment is, and asks whether that one is to go. Over bytes_max it is the oldest segment of all streams that
// goes, and then the next one, so no two writers remove at once for the same octets. By age each stream goes by itself.
// What is told may be read a moment late: then a segment lives a moment longer. Not a remover of files: record/writer_old.cc.
//
// Pure but for its atomics; any thread, each share told by one.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

namespace weir::record {

class Retention {
  public:
    static constexpr uint64_t none = UINT64_MAX;

    /// 0 as bytes_max or age_ns_max: no such limit. `shares`: one for each stream that is written, from worker 0 on.
    Retention(uint64_t bytes_max, uint64_t age_ns_max, uint32_t shares)
        : bytes_max_(bytes_max), age_ns_max_(age_ns_max), shares_(shares) {}

    uint32_t shares() const { return static_cast<uint32_t>(shares_.size()); }
    uint64_t age_ns_max() const { return age_ns_max_; }

    /// What the holder of `share` keeps on disk, and when the last entry of its oldest complete segment was made (Unix
    /// time); `none`: it has none, or cannot remove it now, and others go first.
    void tell(uint32_t share, uint64_t bytes, uint64_t oldest_ns);
    /// Whether that oldest segment is to go now; or soon, since there is too much, and somebody else's goes first.
    enum class Due : uint8_t { no, soon, now };
    Due due(uint32_t share, uint64_t now_unix_ns) const;

  private:
    struct alignas(64) Share {
        std::atomic<uint64_t> bytes{0};
        std::atomic<uint64_t> oldest_ns{none};
    };
    const uint64_t bytes_max_;
    const uint64_t age_ns_max_;
    std::vector<Share> shares_;
};

} // namespace weir::record
