// record/writer_state.h - what a Writer knows of its stream between memory and disk: plain data.
//
// A stretch is a segment to be, in memory; a batch is what one write takes; a slot holds a batch while the kernel has it;
// a point is a place behind a mark; a file is the segment that is being written. All of it is the Writer's own, on its
// worker's thread.
#pragma once

#include "record/segment.h"
#include "ring/ring.h"

#include <cstdint>
#include <string_view>

namespace weir::record {

class Writer;

// A stretch of the stream that becomes one segment. Made when its first frame is, before its file is known.
struct WriterStretch {
    uint64_t id = 0;
    uint64_t first_seq = 0;
    Salt salt{};
    uint32_t salt_crc = 0;
    Digest chain{};        // before its first batch
    uint64_t position = 0; // where the next frame will lie in the file
    uint64_t began_ns = 0; // Unix time, at most that of its first entry
    uint64_t entries = 0;
    bool sealed = false;
};
// A batch that was closed by its mark; its bytes are the queue's.
struct WriterBatch {
    std::string_view bytes;
    uint64_t stretch = 0;
    uint64_t last_seq = 0;
    Digest chain{};    // after it
    bool kept = false; // it stands in the tail
};
// A batch that is with the kernel.
struct WriterSlot {
    Writer* writer = nullptr;
    ring::Op written{}, synced{};
    WriterBatch batch;
    uint64_t end = 0; // in the file
    bool good = false;
};
// A place in the stream, behind a mark.
struct WriterPoint {
    uint64_t seq = 0;
    Digest chain{};
    uint64_t segment = 0, end = 0;
};
// The segment that is being written. body_first: what a recovery carries over is written before the head is.
struct WriterFile {
    enum class Stage : uint8_t { none, body_first, head, live } stage = Stage::none;
    bool dead = false;
    bool direct = false; // is written to past the page cache now
    int fd = -1;
    uint64_t number = 0, first_seq = 0, stretch = 0;
    uint64_t position = 0; // where the next batch goes
    uint64_t synced_seq = 0;
};

} // namespace weir::record
