// base/bytes.cc - the pool behind padded bytes.
#include "base/bytes.h"

#include <bit>
#include <cstdlib>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, size) static_cast<void>(at)
#define ASAN_UNPOISON_MEMORY_REGION(at, size) static_cast<void>(at)
#endif

namespace weir {

unsigned BufferPool::class_of(size_t bytes) {
    const auto needed = static_cast<unsigned>(std::bit_width(bytes == 0 ? size_t{0} : bytes - 1));
    WEIR_ASSERT(needed <= class_max);
    return needed < class_min ? class_min : needed;
}

BufferPool::Lent BufferPool::lend(size_t at_least) {
    const unsigned size_class = class_of(at_least);
    const size_t capacity = size_t{1} << size_class;
    auto& kept = kept_[size_class];
    char* data = nullptr;
    if (!kept.empty()) {
        data = kept.back();
        kept.pop_back();
        kept_bytes_ -= capacity;
        ASAN_UNPOISON_MEMORY_REGION(data, capacity + padding_bytes);
    } else {
        data = static_cast<char*>(std::malloc(capacity + padding_bytes));
        WEIR_ASSERT(data != nullptr);
        std::memset(data + capacity, 0, padding_bytes);
        ++allocations_;
        if (kept.capacity() == 0) kept.reserve(256);
    }
    lent_bytes_ += capacity;
    ++lent_count_;
    return {data, capacity};
}

void BufferPool::give_back(Lent lent) {
    const unsigned size_class = class_of(lent.capacity);
    lent_bytes_ -= lent.capacity;
    --lent_count_;
    if (kept_bytes_ + lent.capacity > kept_bytes_max_) return std::free(lent.data);
    ASAN_POISON_MEMORY_REGION(lent.data, lent.capacity + padding_bytes); // Views into what was given back end here.
    kept_[size_class].push_back(lent.data);
    kept_bytes_ += lent.capacity;
}

BufferPool::~BufferPool() {
    WEIR_ASSERT(lent_count_ == 0);
    for (size_t size_class = class_min; size_class <= class_max; ++size_class)
        for (char* data : kept_[size_class]) {
            ASAN_UNPOISON_MEMORY_REGION(data, (size_t{1} << size_class) + padding_bytes);
            std::free(data);
        }
}

PaddedBytes::PaddedBytes(BufferPool& pool, size_t capacity) : pool_(&pool) {
    const auto lent = pool.lend(capacity);
    data_ = lent.data;
    capacity_ = lent.capacity;
}

void PaddedBytes::grow(size_t extra) {
    WEIR_ASSERT(pool_ != nullptr);
    const auto lent = pool_->lend(size_ + extra > capacity_ * 2 ? size_ + extra : capacity_ * 2);
    if (size_ != 0) std::memcpy(lent.data, data_, size_);
    if (data_ != nullptr) pool_->give_back({data_, capacity_});
    data_ = lent.data;
    capacity_ = lent.capacity;
}

void PaddedBytes::append_number(uint64_t number) {
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = static_cast<char>('0' + number % 10);
        number /= 10;
    } while (number != 0);
    append(std::string_view(digits + at, sizeof digits - at));
}

void PaddedBytes::drop_front(size_t count) {
    WEIR_ASSERT(count <= size_);
    size_ -= count;
    if (size_ != 0 && count != 0) std::memmove(data_, data_ + count, size_);
}

void PaddedBytes::give_back() {
    pool_->give_back({data_, capacity_});
    data_ = nullptr;
    size_ = capacity_ = 0;
}

} // namespace weir
