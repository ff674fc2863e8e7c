// policy/memory.cc - malloc with an account.
#include "policy/memory.h"

#include <malloc.h>

#include <cstdlib>

namespace weir::policy {

void* Memory::allocate(void* self, void* block, size_t old_size, size_t size) {
    auto& memory = *static_cast<Memory*>(self);
    const size_t before = block == nullptr ? 0 : malloc_usable_size(block);
    if (size == 0) {
        std::free(block);
        memory.used_bytes -= before;
        return nullptr;
    }
    const bool grows = block == nullptr || size > old_size;
    if (grows) {
        const size_t more = size > before ? size - before : 0;
        const bool over = memory.used_bytes > memory.used_bytes_max || more > memory.used_bytes_max - memory.used_bytes;
        if (over || memory.refuse_after == 0) {
            ++memory.refusals;
            return nullptr;
        }
        if (memory.refuse_after != UINT64_MAX) --memory.refuse_after;
    }
    void* moved = std::realloc(block, size);
    if (moved == nullptr) {
        if (!grows) return block; // Lua does not expect that shrinking fails.
        ++memory.refusals;
        return nullptr;
    }
    memory.used_bytes = memory.used_bytes - before + malloc_usable_size(moved);
    return moved;
}

} // namespace weir::policy
