// policy/memory.h - the allocator of one Lua state: counts what is really taken, and refuses what is over the cap.
//
// A refusal makes Lua throw "not enough memory", which a policy can catch. So refusals are counted, and whoever runs
// Lua fails a run that had one. Not thread safe: a state has one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weir::policy {

struct Memory {
    size_t used_bytes = 0; // as malloc_usable_size tells
    size_t used_bytes_max = SIZE_MAX;
    uint64_t refusals = 0;
    uint64_t refuse_after = UINT64_MAX; // this many more requests are granted, then all are refused (fault injection)

    /// A lua_Alloc; `self` is the Memory.
    static void* allocate(void* self, void* block, size_t old_size, size_t size);
};

} // namespace weir::policy
