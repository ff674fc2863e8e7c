// tests/sim/sim_files.cc - the files of a SimRing: real ones, so that recovery and the reader see what they would see, and
// beside them the disk, which knows what of them is certain.
//
// A write is in the file as soon as it was submitted, as the kernel's cache would have it; a sync covers the writes that had
// returned when it began. What weir does to files without a ring, when it starts, is noticed here as well.
#include "sim_files.h"
#include "record/frame.h"
#include "record/segment.h"
#include "sim_ring.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <climits>

namespace weir::sim {
namespace {

record::test::Disk* watched_disk = nullptr;

std::string path_of(int fd) {
    char path[PATH_MAX];
    const ssize_t size = ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), path, sizeof path);
    return size < 0 ? std::string() : std::string(path, static_cast<size_t>(size));
}

} // namespace

void watch_files(record::test::Disk* disk) { watched_disk = disk; }

void SimRing::open_file(ring::Op& op, int directory, const char* path, int flags, uint32_t mode) {
    begin(op);
    directories_.insert(directory);
    const int fd = ::openat(directory, path, flags | O_CLOEXEC, mode);
    if (fd >= 0) {
        File& file = files_[fd] = {.path = path_of(fd)};
        if ((flags & O_CREAT) != 0) net_.disk.create(file.path);
    }
    complete_later(op, fd < 0 ? -errno : fd);
}

void SimRing::allocate(ring::Op& op, int fd, uint64_t offset, uint64_t size) {
    begin(op);
    const int failed = ::ftruncate(fd, static_cast<off_t>(offset + size)) != 0 ? -errno : 0;
    const std::string& path = files_.at(fd).path;
    if (failed == 0) net_.disk.done(path, net_.disk.allocate(path, offset + size));
    complete_later(op, failed);
}

void SimRing::write(ring::Op& op, int fd, std::string_view bytes, uint64_t offset, ring::Op* synced) {
    if (dead_) return;
    begin(op);
    if (synced != nullptr) begin(*synced);
    WEIR_ASSERT(!files_.at(fd).direct);
    ++files_.at(fd).writes;
    const bool cut = net_.roll(net_.faults.short_write_permille, 1000);
    const size_t count = cut ? net_.random.below(bytes.size()) : bytes.size();
    const auto written = ::pwrite(fd, bytes.data(), count, static_cast<off_t>(offset));
    const auto result = static_cast<int32_t>(written < 0 ? -errno : written);
    const bool whole = result == static_cast<int32_t>(bytes.size());
    const int32_t sync_result = !whole ? -ECANCELED : net_.roll(net_.faults.sync_fail_permille, 1000) ? -EIO : 0;
    const bool frames = offset >= record::segment_head_bytes;
    if (frames) note_submitted(bytes);
    const std::string& path = files_.at(fd).path;
    const auto number = net_.disk.write(path, offset, bytes.substr(0, count));
    const uint64_t last_seq = frames && whole ? last_seq_in(bytes) : 0;
    net_.after(net_.delay(), [this, &op, fd, path, number, last_seq, result, synced, sync_result] {
        if (dead_) return;
        net_.disk.done(path, number);
        end_write(fd, last_seq);
        complete(op, {result, true, 0});
        if (synced == nullptr) return;
        if (sync_result == -ECANCELED) complete_later(*synced, sync_result);
        else finish_sync(*synced, fd, path, sync_result);
    });
}

bool SimRing::turn_direct(int fd, bool direct) {
    WEIR_ASSERT(files_.at(fd).writes == 0);
    files_.at(fd).direct = direct;
    return true;
}

// By a thread of the kernel's, and in no cache: the file has it once it is over, and a process that dies before may take it along.
void SimRing::write_directly(ring::Op& op, int fd, std::string_view bytes, uint64_t offset) {
    if (dead_) return;
    begin(op);
    WEIR_ASSERT(files_.at(fd).direct);
    ++files_.at(fd).writes;
    for (const uint64_t border : {reinterpret_cast<uint64_t>(bytes.data()), uint64_t{bytes.size()}, offset})
        WEIR_ASSERT(border % ring::direct_block_bytes == 0);
    const bool cut = net_.roll(net_.faults.short_write_permille, 1000);
    const std::string_view put = bytes.substr(0, cut ? net_.random.below(bytes.size()) : bytes.size());
    const std::string& path = files_.at(fd).path;
    const auto number = net_.disk.write(path, offset, put);
    net_.after(net_.delay(), [this, &op, fd, path, number, put, offset, cut] {
        if (dead_) return;
        const auto written = ::pwrite(fd, put.data(), put.size(), static_cast<off_t>(offset));
        note_submitted(put);
        net_.disk.done(path, number);
        end_write(fd, cut ? 0 : last_seq_in(put));
        complete(op, {static_cast<int32_t>(written < 0 ? -errno : written), true, 0});
    });
}

void SimRing::end_write(int fd, uint64_t last_seq) {
    File& file = files_.at(fd);
    --file.writes;
    file.written_seq = std::max(file.written_seq, last_seq);
}

void SimRing::sync(ring::Op& op, int fd, bool) {
    begin(op);
    const auto file = files_.find(fd);
    if (file == files_.end()) { // a directory, which the writer opened by itself
        directories_.insert(fd);
        net_.after(net_.delay(), [this, &op, directory = path_of(fd)] {
            if (dead_) return;
            net_.disk.sync_directory(directory);
            complete(op, {0, true, 0});
        });
        return;
    }
    finish_sync(op, fd, file->second.path, net_.roll(net_.faults.sync_fail_permille, 1000) ? -EIO : 0);
}

/// The sync begins now, and returns after a while.
void SimRing::finish_sync(ring::Op& op, int fd, std::string path, int32_t result) {
    const auto sync = net_.disk.begin_sync(path);
    const uint64_t seq = files_.at(fd).written_seq;
    net_.after(net_.delay(), [this, &op, path = std::move(path), sync, seq, result] {
        if (dead_) return;
        if (!forgets_syncs()) net_.disk.end_sync(path, sync, result == 0);
        if (result == 0) durable_seq_ = std::max(durable_seq_, seq);
        complete(op, {result, true, 0});
    });
}

void SimRing::unlink(ring::Op& op, int directory, const char* path) {
    begin(op);
    directories_.insert(directory);
    const int failed = ::unlinkat(directory, path, 0) != 0 ? -errno : 0;
    if (failed == 0) net_.disk.unlink(path_of(directory) + "/" + path);
    complete_later(op, failed);
}

/// Nobody else will: who died takes nothing apart.
void SimRing::close_files() {
    for (const auto& [fd, file] : files_) ::close(fd);
    for (const int fd : directories_) ::close(fd);
    files_.clear();
    directories_.clear();
}

/// The entries in a batch, by the frames' own heads.
uint64_t SimRing::last_seq_in(std::string_view bytes) {
    uint64_t seq = 0;
    while (bytes.size() >= record::frame_head_bytes) {
        const auto frame = record::peek_frame(bytes);
        if (frame.bytes == 0) break;
        seq = std::max(seq, frame.seq);
        bytes.remove_prefix(frame.bytes);
    }
    return seq;
}

void SimRing::note_submitted(std::string_view bytes) { submitted_seq_ = std::max(submitted_seq_, last_seq_in(bytes)); }

} // namespace weir::sim

// What recovery does without a ring goes through these, which stand in front of libc's.

extern "C" int fsync(int fd) {
    if (weir::sim::watched_disk != nullptr) {
        auto& disk = *weir::sim::watched_disk;
        const std::string path = weir::sim::path_of(fd);
        if (disk.knows(path)) disk.end_sync(path, disk.begin_sync(path), true);
        else disk.sync_directory(path);
    }
    return static_cast<int>(::syscall(SYS_fsync, fd));
}

extern "C" int unlink(const char* path) noexcept {
    if (weir::sim::watched_disk != nullptr) weir::sim::watched_disk->unlink(path);
    return static_cast<int>(::syscall(SYS_unlink, path));
}

extern "C" int truncate(const char* path, off_t size) noexcept {
    if (auto* disk = weir::sim::watched_disk; disk != nullptr && disk->knows(path))
        disk->done(path, disk->truncate(path, static_cast<uint64_t>(size)));
    return static_cast<int>(::syscall(SYS_truncate, path, size));
}
