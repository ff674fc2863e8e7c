// json/reserved.h - address space set aside once and filled by the kernel page by page as it is used.
//
// For arrays whose worst case is huge and whose usual size is small: the worst case costs addresses, not memory, so
// nothing is allocated on the path of a call. Give the pages of a rare giant back with trim(). Not shared by threads.
#pragma once

#include "base/assert.h"

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace weir::json {

/// Gives the whole pages of [`begin`, `begin` + `bytes`) back to the kernel; what they held is lost.
inline void give_pages_back(void* begin, size_t bytes) {
    constexpr uintptr_t page_bytes = 4096;
    const uintptr_t first = (reinterpret_cast<uintptr_t>(begin) + page_bytes - 1) & ~(page_bytes - 1);
    const uintptr_t last = (reinterpret_cast<uintptr_t>(begin) + bytes) & ~(page_bytes - 1);
    // Private anonymous memory: the advice cannot fail in a way that would matter here.
    if (first < last) static_cast<void>(madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED));
}

template <class T> class Reserved {
    static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

  public:
    /// Room for `count` elements, uninitialised (zero at first). Ends the process if the address space is refused.
    explicit Reserved(size_t count) : count_(count) {
        void* at = mmap(nullptr, count * sizeof(T), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                        -1, 0);
        WEIR_ASSERT(at != MAP_FAILED);
        first_ = static_cast<T*>(at);
    }
    Reserved(const Reserved&) = delete;
    Reserved& operator=(const Reserved&) = delete;
    ~Reserved() { munmap(first_, count_ * sizeof(T)); }

    T* data() { return first_; }
    const T* data() const { return first_; }
    T& operator[](size_t index) { return first_[index]; }
    const T& operator[](size_t index) const { return first_[index]; }
    size_t count() const { return count_; }
    /// Keeps the memory of the first `kept` elements and gives the rest back.
    void trim(size_t kept) {
        if (kept < count_) give_pages_back(first_ + kept, (count_ - kept) * sizeof(T));
    }

  private:
    T* first_;
    size_t count_;
};

} // namespace weir::json
