// record/reader.h - the record, read: one stream entry by entry, or all streams of a log merged by time.
//
// Works while weir writes: where nothing is written yet the reader stops, and may be asked again. Entries that a dead
// segment shares with the one that took its place are delivered once. With `verify` every chain value, border and byte
// behind the ends is checked as well, so that a flipped bit anywhere shows.
//
// Not an index and not a judge of damage beyond naming it. Plain POSIX reads and blocking; needs no ring. Views in an
// Entry live until the same reader is asked for the next one.
#pragma once

#include "record/segment_file.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace weir::record {

struct Entry {
    uint32_t worker = 0; // the stream
    uint64_t segment = 0;
    uint64_t offset = 0; // of the frame in it
    Frame frame;
};

struct ReaderOptions {
    bool verify = false;
    uint64_t since_ns = 0; // leaves out segments that ended before; a few earlier entries may come along
};

class StreamReader {
  public:
    /// Reads the stream in `directory` (`<state>/segments/worker-0`). io_failed, not_found when it cannot be
    /// listed.
    static Result<StreamReader> open(const std::string& directory, const ReaderOptions& options);

    /// The next entry; marks and seals are entries too.
    ///
    /// Errors:
    ///   not_found   no more for now
    ///   incomplete  the end is torn, as a crash leaves it: told once per segment, then not_found
    ///   corrupt     damage; damage() says what and where. The next call goes on behind it where it can
    ///   io_failed   a file cannot be read; damage() says which
    Result<Entry> next();
    const std::string& damage() const { return damage_; }
    uint64_t next_seq() const { return seq_; }

  private:
    StreamReader() = default;
    Result<void> refresh();
    Result<void> begin();
    Result<void> go_on_with(size_t index);
    Result<void> at_end(Error error);
    bool follow_chain(const Frame& frame);
    void lose_chain();
    Error damaged(std::string text);
    Error unreadable(std::string text);
    bool is_last() const { return current_ + 1 >= heads_.size(); }

    std::string directory_;
    ReaderOptions options_;
    std::vector<SegmentHead> heads_; // of the segments in use
    std::vector<uint64_t> lost_;     // segments whose head is damaged, told already
    size_t current_ = 0;
    std::optional<SegmentFile> file_; // heads_[current_]
    uint64_t seq_ = 0;                // of the next entry
    Digest chain_{};
    BatchHash batch_;
    bool chain_known_ = false; // a batch that began before the reader did cannot be checked
    bool seal_seen_ = false, sealed_ = false, end_told_ = false;
    std::string damage_;
};

class Reader {
  public:
    /// Reads all streams below `directory` (`<state>/segments`). not_found when there is no such directory.
    static Result<Reader> open(const std::string& directory, const ReaderOptions& options);

    /// The oldest entry that no stream has given yet. Errors as of StreamReader::next, for any of the streams.
    Result<Entry> next();
    const std::string& damage() const { return damage_; }

  private:
    struct Stream {
        uint32_t worker;
        StreamReader reader;
        std::optional<Entry> waiting;
        uint32_t rests = 0; // entries of others for which it is not asked again: it was at its end
    };
    // To ask at the end costs a look at the directory, and with `verify` at all that a segment has room for.
    static constexpr uint32_t rest_entries = 1000;
    Reader() = default;
    Result<void> find_streams();
    Result<void> find_streams_now_and_then();
    std::string directory_;
    ReaderOptions options_;
    std::vector<Stream> streams_;
    bool exhausted_ = false;
    std::string damage_;
};

/// All that is wrong with the log in `directory`, one sentence each; empty: nothing. `torn` counts ends as a crash
/// leaves them, which the next start cuts.
struct Verified {
    std::vector<std::string> damages;
    std::vector<std::string> torn;
    uint64_t entries = 0;
    uint64_t batches = 0;
};
Result<Verified> verify_log(const std::string& directory);

} // namespace weir::record
