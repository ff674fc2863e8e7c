// tests/live/live_bytes.cc - a library to be preloaded into a program: counts what it holds of malloc, for another to read.
//
// WEIR_LIVE_BYTES names a file of one page; from the start of the program its first eight octets are the bytes that were
// asked for by malloc and its kin (operator new comes by them) and not given back, as large as the blocks really are. Only
// differences mean something: what came before the start is not counted. It does what glibc does, and is for that alone.
#include "live/libc_blocks.h"

#include <fcntl.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>

namespace {

constexpr size_t page_bytes = 4096;
struct alignas(page_bytes) Page {
    std::atomic<uint64_t> bytes;
    char rest[page_bytes - sizeof(uint64_t)];
};
Page page{};

void* came(void* block) {
    if (block != nullptr) page.bytes.fetch_add(malloc_usable_size(block), std::memory_order_relaxed);
    return block;
}
void goes(void* block) {
    if (block != nullptr) page.bytes.fetch_sub(malloc_usable_size(block), std::memory_order_relaxed);
}

// The file takes the place of the page.
[[gnu::constructor]] void show() {
    const char* const path = std::getenv("WEIR_LIVE_BYTES");
    const int fd = path == nullptr ? -1 : ::open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return;
    ::mmap(&page, page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
    ::close(fd);
}

} // namespace

extern "C" {
void* malloc(size_t size) { return came(__libc_malloc(size)); }
void* calloc(size_t count, size_t size) { return came(__libc_calloc(count, size)); }
void* realloc(void* block, size_t size) {
    const size_t before = block == nullptr ? 0 : malloc_usable_size(block);
    void* const moved = __libc_realloc(block, size);
    if (moved == nullptr && size != 0) return nullptr;
    page.bytes.fetch_sub(before, std::memory_order_relaxed);
    return came(moved);
}
void* memalign(size_t alignment, size_t size) { return came(__libc_memalign(alignment, size)); }
void* aligned_alloc(size_t alignment, size_t size) { return came(__libc_memalign(alignment, size)); }
int posix_memalign(void** block, size_t alignment, size_t size) {
    *block = came(__libc_memalign(alignment, size));
    return *block == nullptr ? ENOMEM : 0;
}
void free(void* block) {
    goes(block);
    __libc_free(block);
}
}
