// record/queue.cc - chunks lent by a pool, in order.
#include "record/queue.h"

#include <algorithm>
#include <utility>

namespace weir::record {

FrameQueue::FrameQueue(BufferPool& pool, size_t chunk_bytes) : pool_(&pool), chunk_bytes_(chunk_bytes) {
    chunks_.reserve(256);
    next_chunk(chunk_bytes);
}

FrameQueue::~FrameQueue() {
    for (const Chunk& chunk : chunks_) pool_->give_back(chunk.memory);
}

FrameQueue::FrameQueue(FrameQueue&& other) noexcept
    : pool_(other.pool_), chunk_bytes_(other.chunk_bytes_), chunks_(std::move(other.chunks_)), batch_(other.batch_),
      end_(other.end_), limit_(other.limit_), bytes_(other.bytes_) {
    other.chunks_.clear();
    other.batch_ = other.end_ = other.limit_ = nullptr;
    other.bytes_ = 0;
}

FrameQueue& FrameQueue::operator=(FrameQueue&& other) noexcept {
    std::swap(pool_, other.pool_);
    std::swap(chunk_bytes_, other.chunk_bytes_);
    std::swap(chunks_, other.chunks_);
    std::swap(batch_, other.batch_);
    std::swap(end_, other.end_);
    std::swap(limit_, other.limit_);
    std::swap(bytes_, other.bytes_);
    return *this;
}

void FrameQueue::next_chunk(size_t at_least) {
    WEIR_ASSERT(batch_ == end_);
    if (!chunks_.empty()) {
        chunks_.back().used = static_cast<size_t>(end_ - chunks_.back().memory.data);
        if (chunks_.back().used == 0) { // Nothing in it, and too small.
            pool_->give_back(chunks_.back().memory);
            chunks_.pop_back();
        }
    }
    const BufferPool::Lent memory = pool_->lend(std::max(at_least, chunk_bytes_));
    chunks_.push_back({memory, 0, 0});
    batch_ = end_ = memory.data;
    limit_ = memory.data + memory.capacity;
}

void FrameQueue::release(uint64_t seq) {
    size_t gone = 0;
    while (gone + 1 < chunks_.size() && chunks_[gone].last_seq <= seq) {
        bytes_ -= chunks_[gone].used;
        pool_->give_back(chunks_[gone].memory);
        ++gone;
    }
    if (gone != 0) chunks_.erase(chunks_.begin(), chunks_.begin() + static_cast<ptrdiff_t>(gone));
    Chunk& last = chunks_.back();
    if (chunks_.size() == 1 && batch_ == end_ && last.last_seq <= seq) {
        bytes_ = 0;
        batch_ = end_ = last.memory.data;
        // A body that needed a chunk of its own is over: back to the usual size, so that memory follows the load.
        if (last.memory.capacity >= 2 * chunk_bytes_) next_chunk(chunk_bytes_);
    }
}

} // namespace weir::record
