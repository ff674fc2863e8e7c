// record/tail.h - memory for entries that no segment has yet, in a file that outlives the process.
//
// A tail is a file of chunks that is mapped and shared: what was stored in it is the kernel's at once, and there when the
// process is killed between two instructions, without a call having been made. So an entry may be acted on as soon as it stands
// here, and segments are written when there is enough for a write. A power cut may take a tail or any part of it: what must
// outlive that is synced to a segment.
//
//   8128 octets  magic | u32 version | u32 worker | log id | u64 chunk stride | u64 chunks | u32 reserved | u32 CRC-32C
//   each chunk   64 octets of head: magic | salt | u32 reserved | u32 CRC-32C | zeros; then whole frames of that salt,
//                which begin a page, so that they can be written to a segment directly
//
// Frames stand side by side from the chunk's front on; behind the last may be what is left of former ones, which have lower seqs.
// A chunk that was given back has no magic. Files are named `<20 digits>.tail`, and the number of a later one is higher.
//
// Not for segments, nor a queue of entries (record/queue.h). One thread. Allocates when it is made.
#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "record/chain.h"
#include "record/frame.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace weir::record {

class Tail {
  public:
    struct Layout {
        LogId log{};
        uint32_t worker = 0;
        size_t chunk_bytes = 0; // of frames
        size_t chunks = 0;
    };
    /// Makes the tail `number` in `directory` and allocates all of it. On failure a text for the operator: there is no space,
    /// or the file system may not write in place, so that a store could fail for lack of space.
    static std::expected<std::unique_ptr<Tail>, std::string> make(const std::string& directory, uint64_t number,
                                                                  const Layout& layout);
    /// Leaves the file where it is.
    ~Tail();
    Tail(const Tail&) = delete;
    Tail& operator=(const Tail&) = delete;

    /// A chunk for frames with `salt`, the one that was given back last; no data: all are lent.
    BufferPool::Lent lend(const Salt& salt);
    size_t chunks_free() const { return free_.size(); }
    /// Nothing in it is needed any more.
    void give_back(const BufferPool::Lent& chunk);
    /// `chunk` begins anew, with frames of another salt.
    static void begin(char* chunk, const Salt& salt);
    /// Brings all of it to the disk (blocking).
    [[nodiscard]] bool sync();
    /// Takes the file's name away.
    void remove();

  private:
    Tail(std::string path, char* memory, size_t size, const Layout& layout);
    const std::string path_;
    char* const memory_;
    const size_t size_, chunk_bytes_;
    std::vector<char*> free_;
};

/// What tails hold.
struct FoundTails {
    std::string frames;             // whole, in order, from the asked seq on, without a gap
    uint64_t next_seq = 0;          // behind them
    uint64_t next_number = 1;       // of a tail
    std::vector<std::string> paths; // of all that are there
};

/// Reads the tails of the stream `worker` in `directory`: the frames from `seq` on. A file or a frame that is damaged, or is
/// another log's, has none: a power cut leaves any part of them. io_failed: one cannot be read.
Result<FoundTails> read_tails(const std::string& directory, const LogId& log, uint32_t worker, uint64_t seq);

} // namespace weir::record
