// base/workspace.h - the arena of one exchange: what must live as long as the exchange, and not longer.
//
// Bump allocation out of pooled blocks; nothing is freed one by one. reset() gives everything back. Holds trivially
// destructible things only: no destructor is ever run.
#pragma once

#include "base/bytes.h"

#include <new>
#include <span>
#include <string_view>
#include <type_traits>

namespace weir {

class Workspace {
  public:
    explicit Workspace(BufferPool& pool) : pool_(&pool) {}
    Workspace(const Workspace&) = delete;
    Workspace& operator=(const Workspace&) = delete;
    ~Workspace() { reset(); }

    /// `size` bytes aligned to `alignment` (a power of two, at most 16), uninitialised.
    char* take(size_t size, size_t alignment = 8) {
        const auto misfit = reinterpret_cast<uintptr_t>(at_) & (alignment - 1);
        const size_t skip = misfit == 0 ? 0 : alignment - misfit;
        if (static_cast<size_t>(end_ - at_) < size + skip) return take_of_new_block(size);
        char* const result = at_ + skip;
        at_ = result + size;
        taken_bytes_ += size;
        return result;
    }
    /// Copies `text` into the arena.
    std::string_view copy(std::string_view text);
    /// Copies a concatenation of pieces into the arena as one text.
    std::string_view join(std::initializer_list<std::string_view> pieces);

    template <class T> std::span<T> array(size_t count) {
        static_assert(std::is_trivially_destructible_v<T>);
        T* first = reinterpret_cast<T*>(take(count * sizeof(T), alignof(T)));
        for (size_t i = 0; i < count; ++i) new (first + i) T();
        return {first, count};
    }
    template <class T> T& make() { return array<T>(1)[0]; }

    /// Gives all blocks back; everything taken is gone.
    void reset();
    size_t taken_bytes() const { return taken_bytes_; }
    /// Whether `at` points into memory that was taken from here.
    bool holds(const char* at) const;

  private:
    char* take_of_new_block(size_t size);
    struct Block {
        Block* next;
        size_t capacity; // of the lent memory, this header included
    };
    BufferPool* pool_;
    Block* blocks_ = nullptr;
    char* at_ = nullptr;
    char* end_ = nullptr;
    size_t taken_bytes_ = 0;
};

} // namespace weir
