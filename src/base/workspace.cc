// base/workspace.cc - bump allocation out of pooled blocks.
#include "base/workspace.h"

#include <functional>

namespace weir {

char* Workspace::take_of_new_block(size_t size) {
    const auto lent = pool_->lend(size + sizeof(Block) + 16);
    blocks_ = new (lent.data) Block{blocks_, lent.capacity};
    char* const result = lent.data + sizeof(Block); // Block is 16 bytes and malloc aligns to 16.
    at_ = result + size;
    end_ = lent.data + lent.capacity;
    taken_bytes_ += size;
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

bool Workspace::holds(const char* at) const {
    for (const Block* block = blocks_; block != nullptr; block = block->next) {
        const char* const begin = reinterpret_cast<const char*>(block);
        if (!std::less()(at, begin) && std::less()(at, begin + block->capacity)) return true;
    }
    return false;
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
