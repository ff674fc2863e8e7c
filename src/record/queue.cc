// record/queue.cc - chunks lent by a tail or a pool, in order.
#include "record/queue.h"

#include <algorithm>
#include <utility>

namespace weir::record {

FrameQueue::FrameQueue(BufferPool& pool, Tail* tail, size_t chunk_bytes)
    : pool_(&pool), tail_(tail), chunk_bytes_(chunk_bytes) {
    chunks_.reserve(256);
    next_chunk(chunk_bytes);
}

FrameQueue::~FrameQueue() {
    for (const Chunk& chunk : chunks_)
        if (!chunk.kept) give_back(chunk);
}

void FrameQueue::begin_carrying(bool kept) {
    carrying_ = kept ? Carrying::kept : Carrying::unkept;
    next_chunk(chunk_bytes_);
}

bool FrameQueue::belongs_elsewhere(size_t size) const {
    return carrying_ == Carrying::kept && tail_ != nullptr && !kept() && size <= chunk_bytes_;
}

BufferPool::Lent FrameQueue::lend_kept(size_t at_least) {
    if (tail_ == nullptr || at_least > chunk_bytes_ || carrying_ == Carrying::unkept) return {nullptr, 0};
    if (carrying_ == Carrying::none && tail_->chunks_free() <= reserve) return {nullptr, 0};
    return tail_->lend(salt_);
}

FrameQueue::FrameQueue(FrameQueue&& other) noexcept
    : pool_(other.pool_), tail_(other.tail_), chunk_bytes_(other.chunk_bytes_), salt_(other.salt_),
      chunks_(std::move(other.chunks_)), batch_(other.batch_), end_(other.end_), limit_(other.limit_),
      bytes_(other.bytes_) {
    other.chunks_.clear();
    other.batch_ = other.end_ = other.limit_ = nullptr;
    other.bytes_ = 0;
}

FrameQueue& FrameQueue::operator=(FrameQueue&& other) noexcept {
    std::swap(pool_, other.pool_);
    std::swap(tail_, other.tail_);
    std::swap(salt_, other.salt_);
    std::swap(carrying_, other.carrying_);
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
            give_back(chunks_.back());
            chunks_.pop_back();
        }
    }
    BufferPool::Lent memory = lend_kept(at_least);
    const bool kept = memory.data != nullptr;
    if (!kept) memory = pool_->lend(std::max(at_least, chunk_bytes_));
    chunks_.push_back({.memory = memory, .kept = kept});
    batch_ = end_ = memory.data;
    limit_ = memory.data + memory.capacity;
}

void FrameQueue::begin_stretch(const Salt& salt) {
    WEIR_ASSERT(batch_ == end_);
    salt_ = salt;
    if (!kept()) return;
    if (end_ == chunks_.back().memory.data) Tail::begin(end_, salt);
    else next_chunk(chunk_bytes_); // A chunk's frames have one salt.
}

void FrameQueue::give_back(const Chunk& chunk) {
    if (chunk.kept) tail_->give_back(chunk.memory);
    else pool_->give_back(chunk.memory);
}

void FrameQueue::release(uint64_t seq) {
    size_t gone = 0;
    while (gone + 1 < chunks_.size() && chunks_[gone].last_seq <= seq) {
        bytes_ -= chunks_[gone].used;
        give_back(chunks_[gone]);
        ++gone;
    }
    if (gone != 0) chunks_.erase(chunks_.begin(), chunks_.begin() + static_cast<ptrdiff_t>(gone));
    Chunk& last = chunks_.back();
    if (chunks_.size() == 1 && batch_ == end_ && last.last_seq <= seq) {
        bytes_ = 0;
        batch_ = end_ = last.memory.data;
        // A body that needed a chunk of its own is over, or a time in which the tail had none: back to the usual.
        if (last.memory.capacity >= 2 * chunk_bytes_ || (tail_ != nullptr && !last.kept)) next_chunk(chunk_bytes_);
    }
}

} // namespace weir::record
