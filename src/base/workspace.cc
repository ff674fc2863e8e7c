// base/workspace.cc - bump allocation out of pooled blocks.
#include "base/workspace.h"

namespace weir {

char* Workspace::take(size_t size, size_t alignment) {
    const auto misfit = reinterpret_cast<uintptr_t>(at_) & (alignment - 1);
    const size_t skip = misfit == 0 ? 0 : alignment - misfit;
    taken_bytes_ += size;
    if (at_ != nullptr && static_cast<size_t>(end_ - at_) >= size + skip) {
        char* result = at_ + skip;
        at_ = result + size;
        return result;
    }
    const auto lent = pool_->lend(size + sizeof(Block) + 16);
    auto* block = new (lent.data) Block{blocks_, lent.capacity};
    blocks_ = block;
    at_ = lent.data + sizeof(Block);
    end_ = lent.data + lent.capacity;
    char* result = at_; // Block is 16 bytes and malloc aligns to 16.
    at_ += size;
    return result;
}

std::string_view Workspace::copy(std::string_view text) {
    if (text.empty()) return {};
    char* to = take(text.size(), 1);
    std::memcpy(to, text.data(), text.size());
    return {to, text.size()};
}

std::string_view Workspace::join(std::initializer_list<std::string_view> pieces) {
    size_t size = 0;
    for (const auto piece : pieces) size += piece.size();
    if (size == 0) return {};
    char* to = take(size, 1);
    size_t at = 0;
    for (const auto piece : pieces) {
        if (!piece.empty()) std::memcpy(to + at, piece.data(), piece.size());
        at += piece.size();
    }
    return {to, size};
}

void Workspace::reset() {
    while (blocks_ != nullptr) {
        Block* block = blocks_;
        blocks_ = block->next;
        pool_->give_back({reinterpret_cast<char*>(block), block->capacity});
    }
    at_ = end_ = nullptr;
    taken_bytes_ = 0;
}

} // namespace weir
