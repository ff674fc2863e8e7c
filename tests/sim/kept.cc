// tests/sim/kept.cc - chunks and the heads of their frames.
#include "kept.h"

#include "ledger.h"
#include "record/frame.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::sim {
namespace {

constexpr size_t file_head_bytes = 8128, stride_at = 32, chunk_head_bytes = 64;

} // namespace

Kept::Kept(const std::string& directory) {
    std::error_code none; // without durability there is no directory
    for (const auto& file : std::filesystem::directory_iterator(directory, none)) {
        if (file.path().extension() != ".tail") continue;
        if (memory_ != nullptr) broken("a stream has two tails while it is written");
        const int fd = ::open(file.path().c_str(), O_RDWR | O_CLOEXEC);
        struct stat about{};
        if (fd < 0 || ::fstat(fd, &about) != 0) broken("a tail cannot be read");
        size_ = static_cast<size_t>(about.st_size);
        void* const memory = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        ::close(fd);
        if (memory == MAP_FAILED) broken("a tail cannot be mapped");
        memory_ = static_cast<char*>(memory);
    }
}

Kept::~Kept() {
    if (memory_ != nullptr) ::munmap(memory_, size_);
}

uint64_t Kept::last_behind(uint64_t seq) {
    if (memory_ == nullptr) return seq;
    uint64_t stride = 0;
    std::memcpy(&stride, memory_ + stride_at, sizeof stride);
    runs_.resize((size_ - file_head_bytes) / stride);
    std::vector<std::pair<uint64_t, uint64_t>> found; // first and last of each chunk
    for (size_t i = 0; i < runs_.size(); ++i) {
        Run& run = runs_[i];
        const std::string_view chunk(memory_ + file_head_bytes + i * stride, stride);
        const auto frame_at = [&](size_t at) { return record::peek_frame(chunk.substr(at)); };
        if (!chunk.starts_with("WEIRCHNK") || frame_at(chunk_head_bytes).seq != run.first) run = {};
        if (!chunk.starts_with("WEIRCHNK")) continue;
        if (run.end == 0) run.end = chunk_head_bytes;
        while (run.end + record::frame_head_bytes <= chunk.size()) {
            const auto frame = frame_at(run.end);
            if (frame.bytes == 0 || frame.seq == 0 || (run.last != 0 && frame.seq != run.last + 1)) break;
            if (run.first == 0) run.first = frame.seq;
            run.last = frame.seq;
            run.end += frame.bytes;
        }
        if (run.first != 0) found.emplace_back(run.first, run.last);
    }
    std::ranges::sort(found);
    for (const auto& [first, last] : found)
        if (first <= seq + 1) seq = std::max(seq, last);
    return seq;
}

void Kept::forget() {
    if (memory_ != nullptr) std::memset(memory_, 0, size_);
}

} // namespace weir::sim
