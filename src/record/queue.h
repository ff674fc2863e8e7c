// record/queue.h - the frames of a stream that are not safely on disk yet, in memory, in order.
//
// A run of chunks; frames of one batch lie side by side in one chunk, so that a batch is one write and one hash. What
// is released leaves from the front. When nothing is left, the open chunk is used again from its start: a stream
// with little to do stays within the same few cache lines. Pure memory; allocates when a chunk is full and the pool
// has none to lend.
#pragma once

#include "base/bytes.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace weir::record {

class FrameQueue {
  public:
    FrameQueue(BufferPool& pool, size_t chunk_bytes);
    ~FrameQueue();
    FrameQueue(FrameQueue&& other) noexcept;
    FrameQueue& operator=(FrameQueue&& other) noexcept;
    FrameQueue(const FrameQueue&) = delete;
    FrameQueue& operator=(const FrameQueue&) = delete;

    /// Where the next frame is written, and how many bytes fit there.
    char* end() { return end_; }
    size_t room() const { return static_cast<size_t>(limit_ - end_); }
    /// Begins a chunk with room for `at_least` bytes. The open batch must be empty.
    void next_chunk(size_t at_least);
    /// A frame of `size` bytes was written at end().
    void added(size_t size, uint64_t seq) {
        WEIR_ASSERT(size <= room());
        end_ += size;
        bytes_ += size;
        chunks_.back().last_seq = seq;
    }
    /// What was added since the last batch was closed.
    std::string_view open_batch() const { return {batch_, static_cast<size_t>(end_ - batch_)}; }
    /// The open batch, which ends here; its bytes stay where they are until they are released.
    std::string_view close_batch() {
        const std::string_view batch = open_batch();
        batch_ = end_;
        return batch;
    }
    /// Frames up to `seq` are not needed any more. `seq` must be the end of a batch that nobody reads now.
    void release(uint64_t seq);

    /// The bytes of all frames in memory, counted by whole chunks once part of one is released.
    uint64_t bytes() const { return bytes_; }
    /// Calls `each` with the frames of every chunk, oldest first; released ones may come along.
    template <class F> void for_each_chunk(F&& each) const {
        for (const Chunk& chunk : chunks_) {
            const char* stop = &chunk == &chunks_.back() ? end_ : chunk.memory.data + chunk.used;
            each(std::string_view(chunk.memory.data, static_cast<size_t>(stop - chunk.memory.data)));
        }
    }

  private:
    struct Chunk {
        BufferPool::Lent memory;
        size_t used = 0; // set when the next chunk begins
        uint64_t last_seq = 0;
    };
    BufferPool* pool_;
    size_t chunk_bytes_;
    std::vector<Chunk> chunks_; // never empty but after a move
    char* batch_ = nullptr;     // where the open batch begins
    char* end_ = nullptr;
    char* limit_ = nullptr;
    uint64_t bytes_ = 0;
};

} // namespace weir::record
