// record/tail.cc - the mapped file, and the frames in one that a former run left.
#include "record/tail.h"

#include "base/crc32c.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <functional>
#include <map>
#include <optional>

namespace weir::record {
namespace {

constexpr char file_magic[8] = {'W', 'E', 'I', 'R', 'T', 'A', 'L', '1'};
constexpr char chunk_magic[8] = {'W', 'E', 'I', 'R', 'C', 'H', 'N', 'K'};
constexpr uint32_t version = 2;
constexpr std::string_view suffix = ".tail";
constexpr size_t digits = 20;
constexpr size_t size_max = size_t{8} << 30; // of a file that is read

struct FileHead {
    char magic[8];
    uint32_t version;
    uint32_t worker;
    uint8_t log[16];
    uint64_t stride;
    uint64_t chunks;
    uint32_t reserved;
    uint32_t crc; // of everything before it
};
static_assert(sizeof(FileHead) == 56, "without holes");

struct ChunkHead {
    char magic[8];
    uint8_t salt[16];
    uint32_t reserved;
    uint32_t crc; // of everything before it
    char zeros[32];
};
static_assert(sizeof(ChunkHead) == 64, "without holes, and a multiple of what frames are aligned to");

constexpr size_t page_bytes = 4096;
constexpr size_t file_head_bytes = 2 * page_bytes - sizeof(ChunkHead); // a chunk's frames begin a page

template <class Head> uint32_t checksum(const Head& head) {
    return crc32c(0, {reinterpret_cast<const char*>(&head), offsetof(Head, crc)});
}

size_t stride_of(size_t chunk_bytes) { return (sizeof(ChunkHead) + chunk_bytes + page_bytes - 1) & ~(page_bytes - 1); }

// Where a store into an allocated page finds its space whatever else happens; elsewhere it might be a SIGBUS. (XFS shares the
// blocks of a file that somebody copies by reflink: then the next store needs others.)
bool writes_in_place(int fd) {
    struct statfs about{};
    if (::fstatfs(fd, &about) != 0) return false;
    return about.f_type == EXT4_SUPER_MAGIC || about.f_type == TMPFS_MAGIC;
}

std::optional<uint64_t> number_of(std::string_view name) {
    if (name.size() != digits + suffix.size() || !name.ends_with(suffix)) return std::nullopt;
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + digits, number);
    if (error != std::errc() || end != name.data() + digits) return std::nullopt;
    return number;
}

} // namespace

std::expected<std::unique_ptr<Tail>, std::string> Tail::make(const std::string& directory, uint64_t number,
                                                             const Layout& layout) {
    std::string path = fmt::format("{}/{:020}{}", directory, number, suffix);
    const size_t stride = stride_of(layout.chunk_bytes), size = file_head_bytes + layout.chunks * stride;
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return std::unexpected(path + ": cannot make it: " + std::strerror(errno));
    const auto refused = [&](const char* why) {
        ::close(fd);
        ::unlink(path.c_str());
        return std::unexpected(path + ": " + why);
    };
    if (!writes_in_place(fd))
        return refused("neither ext4 nor tmpfs, of which a mapped file is known to keep its space");
    if (::fallocate(fd, 0, 0, static_cast<off_t>(size)) != 0) return refused(std::strerror(errno));
    FileHead head{};
    std::memcpy(head.magic, file_magic, sizeof file_magic);
    head.version = version;
    head.worker = layout.worker;
    std::memcpy(head.log, layout.log.data(), layout.log.size());
    head.stride = stride;
    head.chunks = layout.chunks;
    head.crc = checksum(head);
    if (::pwrite(fd, &head, sizeof head, 0) != sizeof head) return refused(std::strerror(errno));
    void* const memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) return refused(std::strerror(errno));
    ::close(fd);
    return std::unique_ptr<Tail>(new Tail(std::move(path), static_cast<char*>(memory), size, layout));
}

Tail::Tail(std::string path, char* memory, size_t size, const Layout& layout)
    : path_(std::move(path)), memory_(memory), size_(size), chunk_bytes_(layout.chunk_bytes) {
    free_.reserve(layout.chunks);
    for (size_t i = layout.chunks; i-- != 0;)
        free_.push_back(memory + file_head_bytes + i * stride_of(chunk_bytes_) + sizeof(ChunkHead));
}

Tail::~Tail() { ::munmap(memory_, size_); }

BufferPool::Lent Tail::lend(const Salt& salt) {
    if (free_.empty()) return {nullptr, 0};
    char* const chunk = free_.back();
    free_.pop_back();
    begin(chunk, salt);
    return {chunk, chunk_bytes_};
}

void Tail::give_back(const BufferPool::Lent& chunk) {
    std::memset(chunk.data - sizeof(ChunkHead), 0, sizeof chunk_magic);
    free_.push_back(chunk.data);
}

void Tail::begin(char* chunk, const Salt& salt) {
    ChunkHead head{};
    std::memcpy(head.magic, chunk_magic, sizeof chunk_magic);
    std::memcpy(head.salt, salt.data(), salt.size());
    head.crc = checksum(head);
    std::memcpy(chunk - sizeof head, &head, sizeof head);
}

bool Tail::sync() { return ::msync(memory_, size_, MS_SYNC) == 0; }

void Tail::remove() { ::unlink(path_.c_str()); }

// What a former run left.

namespace {

class Mapping {
  public:
    explicit Mapping(const std::string& path) {
        const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
        struct stat about{};
        if (fd < 0) return;
        good_ = ::fstat(fd, &about) == 0;
        size_ = static_cast<size_t>(about.st_size);
        if (good_ && size_ != 0 && size_ <= size_max) {
            data_ = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, fd, 0);
            good_ = data_ != MAP_FAILED;
        }
        ::close(fd);
    }
    ~Mapping() {
        if (good_ && data_ != nullptr) ::munmap(data_, size_);
    }
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    bool good() const { return good_; }
    std::string_view bytes() const { return {static_cast<const char*>(data_), good_ && data_ != nullptr ? size_ : 0}; }

  private:
    bool good_ = false;
    size_t size_ = 0;
    void* data_ = nullptr;
};

template <class Head> std::optional<Head> read_head(std::string_view bytes, const char (&magic)[8]) {
    Head head;
    if (bytes.size() < sizeof head) return std::nullopt;
    std::memcpy(&head, bytes.data(), sizeof head);
    if (std::memcmp(head.magic, magic, sizeof magic) != 0 || head.crc != checksum(head)) return std::nullopt;
    return head;
}

using Frames = std::map<uint64_t, std::string>; // of a tail, by seq

/// Whether both are one entry, whatever their salts and flags are.
bool same(std::string_view one, std::string_view other) {
    const Frame a = peek_frame(one), b = peek_frame(other);
    return a.kind == b.kind && (a.kind == Kind::mark || a.payload == b.payload);
}

void read_chunk(std::string_view chunk, uint64_t seq, Frames& frames) {
    const auto head = read_head<ChunkHead>(chunk, chunk_magic);
    if (!head) return;
    Salt salt;
    std::memcpy(salt.data(), head->salt, salt.size());
    const uint32_t salt_crc = salted(salt);
    chunk.remove_prefix(sizeof(ChunkHead));
    for (uint64_t next = 0;;) {
        const auto frame = read_frame(chunk, salt_crc);
        if (!frame || (next != 0 && frame->seq != next)) return;
        next = frame->seq + 1;
        if (frame->seq >= seq) frames.emplace(frame->seq, chunk.substr(0, frame->bytes));
        chunk.remove_prefix(frame->bytes);
    }
}

void read_tail(std::string_view bytes, const LogId& log, uint32_t worker, uint64_t seq, Frames& frames) {
    const auto head = read_head<FileHead>(bytes, file_magic);
    if (!head || head->version != version || head->worker != worker || head->stride < sizeof(ChunkHead) ||
        head->stride > bytes.size() || std::memcmp(head->log, log.data(), log.size()) != 0)
        return;
    bytes.remove_prefix(std::min(file_head_bytes, bytes.size()));
    for (; bytes.size() >= head->stride; bytes.remove_prefix(head->stride))
        read_chunk(bytes.substr(0, head->stride), seq, frames);
}

} // namespace

Result<FoundTails> read_tails(const std::string& directory, const LogId& log, uint32_t worker, uint64_t seq) {
    FoundTails found;
    DIR* const listing = ::opendir(directory.c_str());
    if (listing == nullptr) return fail(Error::io_failed);
    while (const dirent* entry = ::readdir(listing)) {
        const auto number = number_of(entry->d_name);
        if (!number) continue;
        found.next_number = std::max(found.next_number, *number + 1);
        found.paths.push_back(directory + "/" + entry->d_name);
    }
    ::closedir(listing);
    // The newest first. It began with what the one before had; where it says something else, that one has nothing to add.
    std::ranges::sort(found.paths, std::greater());
    std::vector<Frames> tails;
    for (const std::string& path : found.paths) {
        const Mapping mapped(path);
        if (!mapped.good()) return fail(Error::io_failed);
        read_tail(mapped.bytes(), log, worker, seq, tails.emplace_back());
    }
    for (found.next_seq = seq;; ++found.next_seq) {
        const auto has = [&](const Frames& tail) { return tail.contains(found.next_seq); };
        const auto newest = std::ranges::find_if(tails, has);
        if (newest == tails.end()) return found;
        const std::string frame = newest->at(found.next_seq);
        found.frames += frame;
        const auto contradicts = [&](const Frames& tail) {
            return !has(tail) || !same(tail.at(found.next_seq), frame);
        };
        tails.erase(std::remove_if(newest + 1, tails.end(), contradicts), tails.end());
    }
}

} // namespace weir::record
