// tests/record/file_ring.cc - see file_ring.h.
#include "record/file_ring.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>

namespace weir::record::test {

FileRing::~FileRing() {
    for (const auto& [fd, name] : names_) ::close(fd);
}

void FileRing::crash() {
    const auto lost = std::exchange(ready_, {});
    for (const Ready& ready : lost) {
        ready.op->with_kernel = false;
        if (ready.direct.fd >= 0) ready.op->done(*ready.op, {.result = -ECANCELED, .last = true});
    }
    ready_.clear();
}

void FileRing::turn(uint64_t deadline_ns, uint64_t) {
    const uint64_t step = 20'000;
    const uint64_t waited =
        ready_.empty() && deadline_ns != UINT64_MAX && deadline_ns > now_ns_ ? deadline_ns - now_ns_ : 0;
    wait(std::max(step, std::min<uint64_t>(waited, 1'000'000'000)));
    if (held) return;
    std::deque<Ready> now;
    now.swap(ready_); // What is submitted meanwhile completes at the next turn.
    while (!now.empty()) {
        const Ready ready = now.front();
        now.pop_front();
        if (direct_held && ready.direct.fd >= 0) {
            ready_.push_back(ready);
            continue;
        }
        if (ready.direct.fd >= 0) put(ready.direct.fd, ready.direct.bytes, ready.direct.offset);
        ready.op->with_kernel = false;
        ready.op->done(*ready.op, {.result = ready.result, .last = true});
    }
}

void FileRing::close(int fd) {
    names_.erase(fd);
    direct_.erase(fd);
    ::close(fd);
}

void FileRing::begin(ring::Op& op) {
    WEIR_ASSERT(!op.with_kernel && op.done != nullptr);
    op.with_kernel = true;
}

bool FileRing::faulty(Event::Kind kind, int32_t& result) {
    for (Fault& fault : faults) {
        if (fault.kind != kind || fault.count == 0) continue;
        if (fault.after != 0) {
            --fault.after;
            continue;
        }
        --fault.count;
        result = fault.result;
        return true;
    }
    return false;
}

void FileRing::open_file(ring::Op& op, int directory, const char* path, int flags, uint32_t mode) {
    begin(op);
    int32_t result = 0;
    if (!faulty(Event::Kind::create, result)) {
        result = ::openat(directory, path, flags, mode);
        if (result < 0) result = -errno;
        else names_[result] = path;
        if (tracing) trace.push_back({Event::Kind::create, path, 0, {}, 0});
    }
    ready_.push_back({&op, result});
}

void FileRing::allocate(ring::Op& op, int fd, uint64_t offset, uint64_t size) {
    begin(op);
    int32_t result = 0;
    if (!faulty(Event::Kind::allocate, result)) {
        result = ::ftruncate(fd, static_cast<off_t>(offset + size)) == 0 ? 0 : -errno;
        if (tracing) trace.push_back({Event::Kind::allocate, names_[fd], offset, {}, size});
    }
    ready_.push_back({&op, result});
}

void FileRing::write(ring::Op& op, int fd, std::string_view bytes, uint64_t offset, ring::Op* synced) {
    begin(op);
    if (synced != nullptr) begin(*synced);
    WEIR_ASSERT(!direct_.contains(fd));
    auto result = static_cast<int32_t>(bytes.size());
    faulty(Event::Kind::write, result);
    result = std::min(result, static_cast<int32_t>(bytes.size()));
    if (result > 0) put(fd, bytes.substr(0, static_cast<size_t>(result)), offset);
    ready_.push_back({&op, result});
    if (synced == nullptr) return;
    const bool whole = result == static_cast<int32_t>(bytes.size());
    ready_.push_back({synced, whole ? sync_now(fd) : -ECANCELED});
}

void FileRing::put(int fd, std::string_view bytes, uint64_t offset) {
    WEIR_ASSERT(::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset)) ==
                static_cast<ssize_t>(bytes.size()));
    if (tracing) trace.push_back({Event::Kind::write, names_[fd], offset, std::string(bytes), 0});
}

void FileRing::write_directly(ring::Op& op, int fd, std::string_view bytes, uint64_t offset) {
    begin(op);
    WEIR_ASSERT(direct_.contains(fd));
    for (const uint64_t border : {reinterpret_cast<uint64_t>(bytes.data()), uint64_t{bytes.size()}, offset})
        WEIR_ASSERT(border % ring::direct_block_bytes == 0);
    direct_bytes += bytes.size();
    auto result = static_cast<int32_t>(bytes.size());
    if (direct_fault != 0) result = direct_fault;
    else faulty(Event::Kind::write, result);
    result = std::min(result, static_cast<int32_t>(bytes.size()));
    Ready ready{&op, result};
    if (result > 0) ready.direct = {fd, bytes.substr(0, static_cast<size_t>(result)), offset};
    ready_.push_back(ready);
}

bool FileRing::turn_direct(int fd, bool direct) {
    if (direct) direct_.insert(fd);
    else direct_.erase(fd);
    return true;
}

int32_t FileRing::sync_now(int fd) {
    int32_t result = 0;
    ++syncs;
    const auto name = names_.find(fd); // A directory has none: the writer opened it by itself.
    if (faulty(Event::Kind::sync, result)) {
        if (tracing && name != names_.end()) trace.push_back({Event::Kind::sync_failed, name->second, 0, {}, 0});
        return result;
    }
    if (tracing && name != names_.end()) trace.push_back({Event::Kind::sync, name->second, 0, {}, 0});
    if (tracing && name == names_.end()) trace.push_back({Event::Kind::sync_directory, {}, 0, {}, 0});
    return 0;
}

void FileRing::sync(ring::Op& op, int fd, bool) {
    begin(op);
    ready_.push_back({&op, sync_now(fd)});
}

void FileRing::unlink(ring::Op& op, int directory, const char* path) {
    begin(op);
    int32_t result = 0;
    if (!faulty(Event::Kind::unlink, result)) {
        result = ::unlinkat(directory, path, 0) == 0 ? 0 : -errno;
        if (tracing) trace.push_back({Event::Kind::unlink, path, 0, {}, 0});
    }
    ready_.push_back({&op, result});
}

} // namespace weir::record::test
