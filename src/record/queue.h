// record/queue.h - the frames of a stream that are not safely on disk yet, in memory, in order.
//
// A run of chunks; frames of one batch lie side by side in one chunk, so that a batch is one write and one hash. What
// is released leaves from the front. When nothing is left, the open chunk is used again from its start: a stream
// with little to do stays within the same few cache lines. With a tail chunks are its own, and frames in them are kept: they
// outlive the process. What is too large for one, or finds none, lies in the pool's memory. Allocates when a chunk is full and
// the pool has none to lend.
#pragma once

#include "base/bytes.h"
#include "record/tail.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace weir::record {

class FrameQueue {
  public:
    /// `tail` may be nullptr; it and the pool must outlive the queue.
    FrameQueue(BufferPool& pool, Tail* tail, size_t chunk_bytes);
    /// Leaves what is in the tail there: it is for who comes next.
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
    /// Frames have `salt` from now on. The open batch must be empty.
    void begin_stretch(const Salt& salt);
    /// Until go_on(): what was `kept` is again, whatever it takes, in a chunk of its own; what was not is not.
    void begin_carrying(bool kept);
    void go_on() { carrying_ = Carrying::none; }
    /// Whether a batch of `size` bytes that is carried belongs into another chunk.
    bool belongs_elsewhere(size_t size) const;
    /// True when the next frame outlives the process as soon as it was written.
    bool kept() const { return chunks_.back().kept; }
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
    /// Calls `each` with the frames of every chunk, oldest first, and whether they are kept; released ones may come along. Each
    /// chunk is released behind that. The queue is at its end afterwards, as after a move.
    template <class F> void drain(F&& each) {
        for (const Chunk& chunk : chunks_) {
            const char* stop = &chunk == &chunks_.back() ? end_ : chunk.memory.data + chunk.used;
            each(std::string_view(chunk.memory.data, static_cast<size_t>(stop - chunk.memory.data)), chunk.kept);
            give_back(chunk);
        }
        chunks_.clear();
    }

  private:
    struct Chunk {
        BufferPool::Lent memory;
        size_t used = 0; // set when the next chunk begins
        uint64_t last_seq = 0;
        bool kept = false; // its memory is the tail's
    };
    // So many of a tail's chunks are lent only while carrying, which so never lacks one: each is given back in turn.
    static constexpr size_t reserve = 2;
    enum class Carrying : uint8_t { none, kept, unkept } carrying_ = Carrying::none;
    BufferPool::Lent lend_kept(size_t at_least);
    void give_back(const Chunk& chunk);
    BufferPool* pool_;
    Tail* tail_;
    size_t chunk_bytes_;
    Salt salt_{};
    std::vector<Chunk> chunks_; // never empty but after a move
    char* batch_ = nullptr;     // where the open batch begins
    char* end_ = nullptr;
    char* limit_ = nullptr;
    uint64_t bytes_ = 0;
};

} // namespace weir::record
