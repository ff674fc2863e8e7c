// record/segment_file.cc - pread over a sliding window.
#include "record/segment_file.h"

#include "base/assert.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace weir::record {
namespace {

constexpr size_t window_bytes = 1 << 20, window_bytes_min = 4096;

// Reads up to `size` bytes; fewer only at the end of the file. -1: errno.
ssize_t read_at(int fd, char* into, size_t size, uint64_t offset) {
    size_t got = 0;
    while (got < size) {
        const ssize_t count = ::pread(fd, into + got, size - got, static_cast<off_t>(offset + got));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return -1;
        if (count == 0) break;
        got += static_cast<size_t>(count);
    }
    return static_cast<ssize_t>(got);
}

// The rest of a file, seen through a mapping. Only for a file that nobody shortens.
class Mapped {
  public:
    Mapped(int fd, uint64_t offset, uint64_t size) {
        if (size <= offset) return;
        const uint64_t page_start = offset & ~uint64_t{4095};
        length_ = size - page_start;
        void* at = ::mmap(nullptr, length_, PROT_READ, MAP_PRIVATE, fd, static_cast<off_t>(page_start));
        if (at == MAP_FAILED) {
            failed_ = true;
            return;
        }
        start_ = static_cast<const char*>(at);
        bytes_ = {start_ + (offset - page_start), size - offset};
    }
    ~Mapped() {
        if (start_ != nullptr) ::munmap(const_cast<char*>(start_), length_);
    }
    Mapped(const Mapped&) = delete;
    Mapped& operator=(const Mapped&) = delete;
    bool failed() const { return failed_; }
    std::string_view bytes() const { return bytes_; }

  private:
    const char* start_ = nullptr;
    uint64_t length_ = 0;
    std::string_view bytes_;
    bool failed_ = false;
};

} // namespace

Result<SegmentFile> SegmentFile::open(const std::string& path) {
    SegmentFile file;
    file.fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file.fd_ < 0) return fail(errno == ENOENT ? Error::not_found : Error::io_failed);
    char bytes[segment_head_bytes] = {};
    const ssize_t got = read_at(file.fd_, bytes, sizeof bytes, 0);
    if (got < 0) return fail(Error::io_failed);
    if (got == 0) return fail(Error::not_found);
    // A head that was synced is there in full; of one that was not, what is missing is zeros, and it may be torn.
    auto head = read_segment_head({bytes, sizeof bytes});
    const bool whole = got == static_cast<ssize_t>(sizeof bytes);
    if (!head) return fail(!whole || head.error() == Error::not_found ? Error::not_found : Error::corrupt);
    file.head_ = *head;
    file.salt_crc_ = salted(head->salt);
    return file;
}

Result<bool> SegmentFile::holds_entries(const std::string& path) {
    SegmentFile file;
    file.fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file.fd_ < 0) return fail(Error::io_failed);
    const Mapped body(file.fd_, segment_head_bytes, file.size());
    if (body.failed()) return fail(Error::io_failed);
    // The salt is gone with the head, so that checksums say nothing: the lengths lead from frame to frame.
    for (std::string_view rest = body.bytes(); rest.size() >= frame_head_bytes;) {
        const Frame frame = peek_frame(rest);
        if (frame.seq == 0) return false;
        // A write that was cut short within a frame's head, or whose sectors are not all there, left zeros for its kind
        // and its flags, or for all behind them.
        if ((frame.flags & flag_carried) == 0) {
            const size_t end = frame.bytes == 0 ? rest.size() : frame.bytes;
            const auto behind = rest.substr(frame_head_bytes, end - frame_head_bytes);
            return frame.kind != Kind{} && behind.find_first_not_of('\0') != std::string_view::npos;
        }
        if (frame.bytes == 0) return false;
        rest.remove_prefix(frame.bytes);
    }
    return false;
}

SegmentFile::SegmentFile(SegmentFile&& other) noexcept { *this = std::move(other); }

SegmentFile& SegmentFile::operator=(SegmentFile&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(head_, other.head_);
    std::swap(salt_crc_, other.salt_crc_);
    std::swap(offset_, other.offset_);
    std::swap(window_, other.window_);
    std::swap(window_offset_, other.window_offset_);
    std::swap(window_size_, other.window_size_);
    std::swap(raw_, other.raw_);
    return *this;
}

SegmentFile::~SegmentFile() {
    if (fd_ >= 0) ::close(fd_);
}

uint64_t SegmentFile::size() const {
    struct stat status{};
    return ::fstat(fd_, &status) == 0 ? static_cast<uint64_t>(status.st_size) : 0;
}

Result<void> SegmentFile::load(uint64_t offset, size_t at_least) {
    const uint64_t left = std::max(size(), offset) - offset;
    window_.resize(std::max<size_t>(at_least, std::min<uint64_t>(window_bytes, left)));
    const ssize_t got = read_at(fd_, window_.data(), window_.size(), offset);
    if (got < 0) {
        window_size_ = 0;
        return fail(Error::io_failed);
    }
    window_offset_ = offset;
    window_size_ = static_cast<size_t>(got);
    return {};
}

Result<Frame> SegmentFile::next() {
    // First with what the window has; then with what the file has now, twice when the frame is larger than the window.
    Error error = Error::incomplete;
    for (int attempt = 0; attempt < 3; ++attempt) {
        if (offset_ >= window_offset_ && offset_ < window_offset_ + window_size_) {
            const size_t at = offset_ - window_offset_;
            const std::string_view rest(window_.data() + at, window_size_ - at);
            const auto frame = read_frame(rest, salt_crc_);
            if (frame) {
                raw_ = rest.substr(0, frame->bytes);
                offset_ += frame->bytes;
                return *frame;
            }
            error = frame.error();
            if (attempt == 2) break;
            size_t at_least = window_bytes_min;
            uint32_t length = 0;
            if (error == Error::incomplete && rest.size() >= frame_head_bytes) {
                std::memcpy(&length, rest.data(), sizeof length);
                at_least = frame_bytes(std::min(length, payload_bytes_max));
            }
            if (const auto loaded = load(offset_, at_least); !loaded) return fail(loaded.error());
        } else {
            if (const auto loaded = load(offset_, window_bytes_min); !loaded) return fail(loaded.error());
            if (window_size_ == 0) return fail(Error::not_found);
        }
    }
    return fail(error);
}

Result<bool> SegmentFile::acknowledged_behind(uint64_t offset, uint64_t seq) const {
    const Mapped rest(fd_, offset, size());
    if (rest.failed()) return fail(Error::io_failed);
    return acknowledged_within(rest.bytes(), salt_crc_, seq);
}

std::optional<std::pair<uint64_t, uint64_t>> SegmentFile::find_frame(uint64_t offset, uint64_t seq_min) const {
    const Mapped rest(fd_, offset, size());
    for (size_t at = 0; at + frame_head_bytes <= rest.bytes().size(); at += 8) {
        const std::string_view here = rest.bytes().substr(at);
        const Frame head = peek_frame(here);
        if (head.bytes == 0 || head.seq < seq_min || head.durable_seq >= head.seq) continue;
        if (head.seq - seq_min > rest.bytes().size() / frame_head_bytes) continue;
        if (const auto frame = read_frame(here, salt_crc_)) return std::pair(frame->seq, offset + at);
    }
    return std::nullopt;
}

Result<uint64_t> SegmentFile::written_behind(uint64_t offset) const {
    const Mapped rest(fd_, offset, size());
    if (rest.failed()) return fail(Error::io_failed);
    const size_t last = rest.bytes().find_last_not_of('\0');
    return last == std::string_view::npos ? 0 : last + 1;
}

Result<std::string> SegmentFile::bytes(uint64_t from, uint64_t to) const {
    WEIR_ASSERT(from <= to);
    std::string text(to - from, '\0');
    const ssize_t got = read_at(fd_, text.data(), text.size(), from);
    if (got < 0) return fail(Error::io_failed);
    if (static_cast<size_t>(got) != text.size()) return fail(Error::incomplete);
    return text;
}

Result<void> SegmentFile::sync() const {
    if (::fsync(fd_) != 0) return fail(Error::io_failed);
    return {};
}

Result<std::vector<uint64_t>> list_segments(const std::string& directory) {
    DIR* stream = ::opendir(directory.c_str());
    if (stream == nullptr) return fail(errno == ENOENT ? Error::not_found : Error::io_failed);
    std::vector<uint64_t> numbers;
    while (const dirent* found = ::readdir(stream)) {
        if (const auto number = segment_number(found->d_name)) numbers.push_back(*number);
    }
    ::closedir(stream);
    std::sort(numbers.begin(), numbers.end());
    return numbers;
}

} // namespace weir::record
