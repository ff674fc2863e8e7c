// base/bytes.h - bytes that may be read a little past their end, the pool that lends them, and a writer into them.
//
// simdjson and our own SIMD loops read whole blocks, so the bytes after a text must be readable memory. That promise
// is a type: whoever asks for a PaddedView gets it from a slab or a PaddedBytes, never from a plain string_view.
//
// A BufferPool belongs to one thread. It lends buffers in power-of-two classes and keeps what comes back, so that a
// worker that has met its traffic once allocates no more.
#pragma once

#include "base/assert.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

namespace weir {

/// How many bytes past the end of padded bytes may be read (their values mean nothing). simdjson asks for 64.
inline constexpr size_t padding_bytes = 64;

/// A text with `padding_bytes` of readable memory behind it. Does not own.
struct PaddedView {
    const char* data = nullptr;
    size_t size = 0;
    std::string_view text() const { return {data, size}; }
};

class BufferPool;

/// A growable run of padded bytes, lent by a BufferPool and given back on destruction. Movable, not copyable.
class PaddedBytes {
  public:
    PaddedBytes() = default;
    explicit PaddedBytes(BufferPool& pool) : pool_(&pool) {}
    PaddedBytes(BufferPool& pool, size_t capacity);
    PaddedBytes(PaddedBytes&& other) noexcept { swap(other); }
    PaddedBytes& operator=(PaddedBytes&& other) noexcept {
        PaddedBytes taken(std::move(other));
        swap(taken);
        return *this;
    }
    PaddedBytes(const PaddedBytes&) = delete;
    PaddedBytes& operator=(const PaddedBytes&) = delete;
    ~PaddedBytes() { release(); }

    char* data() { return data_; }
    const char* data() const { return data_; }
    size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }
    size_t capacity() const { return capacity_; }
    size_t room() const { return capacity_ - size_; }
    std::string_view text() const { return {data_, size_}; }
    PaddedView padded() const { return {data_, size_}; }

    /// Makes room for `extra` bytes behind the end; may move the bytes.
    void reserve(size_t extra) {
        if (room() < extra) grow(extra);
    }
    void append(std::string_view bytes) {
        reserve(bytes.size());
        if (!bytes.empty()) std::memcpy(data_ + size_, bytes.data(), bytes.size());
        size_ += bytes.size();
    }
    void append(char byte) {
        reserve(1);
        data_[size_++] = byte;
    }
    /// Appends `number` in decimal.
    void append_number(uint64_t number);
    /// `count` bytes were written behind the end by other means (a receive).
    void grew(size_t count) {
        WEIR_ASSERT(count <= room());
        size_ += count;
    }
    /// Takes `count` bytes off the front.
    void drop_front(size_t count);
    void resize_down(size_t size) {
        WEIR_ASSERT(size <= size_);
        size_ = size;
    }
    void clear() { size_ = 0; }
    /// Gives the memory back to the pool; the bytes are empty afterwards.
    void release() {
        if (data_ != nullptr) give_back(); // most of an exchange's never had any
    }
    void swap(PaddedBytes& other) noexcept {
        std::swap(pool_, other.pool_);
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        std::swap(capacity_, other.capacity_);
    }

  private:
    void grow(size_t extra);
    void give_back();
    BufferPool* pool_ = nullptr;
    char* data_ = nullptr;
    size_t size_ = 0;
    size_t capacity_ = 0;
};

/// Lends memory in classes of 2^12 .. 2^27 bytes (each plus the padding). Keeps up to `kept_bytes_max` of what comes
/// back. One thread only. Must outlive everything it lent (asserted).
class BufferPool {
  public:
    explicit BufferPool(size_t kept_bytes_max = size_t{64} << 20) : kept_bytes_max_(kept_bytes_max) {}
    BufferPool(const BufferPool&) = delete;
    BufferPool& operator=(const BufferPool&) = delete;
    ~BufferPool();

    struct Lent {
        char* data;
        size_t capacity;
    };
    Lent lend(size_t at_least);
    void give_back(Lent lent);

    size_t lent_bytes() const { return lent_bytes_; }
    size_t lent_count() const { return lent_count_; }
    /// What was given back and waits to be lent again.
    size_t kept_bytes() const { return kept_bytes_; }
    uint64_t allocations() const { return allocations_; }

  private:
    static constexpr unsigned class_min = 12, class_max = 27;
    static unsigned class_of(size_t bytes);
    std::array<std::vector<char*>, class_max + 1> kept_;
    size_t kept_bytes_max_;
    size_t kept_bytes_ = 0;
    size_t lent_bytes_ = 0;
    size_t lent_count_ = 0;
    uint64_t allocations_ = 0;
};

} // namespace weir
