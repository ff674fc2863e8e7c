// control/files.cc - stat(2) every second, and reading what changed.
#include "control/files.h"

#include "base/file.h"
#include "base/log.h"
#include "base/thread.h"

#include <sys/stat.h>
#include <algorithm>
#include <chrono>
#include <utility>

namespace weir::control {
namespace {

constexpr uint32_t pause_max = 60; // looks

int64_t ns_of(const timespec& time) { return int64_t{time.tv_sec} * static_cast<int64_t>(s_ns) + time.tv_nsec; }

} // namespace

Files::Files(std::vector<std::string> paths, Found found, uint64_t every_ns, std::atomic<uint32_t>* unused)
    : found_(std::move(found)), every_ns_(every_ns), unused_(unused) {
    watched_.reserve(paths.size());
    for (auto& path : paths) watched_.push_back({.path = std::move(path), .told = {}});
    thread_ = std::thread([this] { run(); });
}

Files::~Files() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
}

Files::Stamp Files::stamp_of(const std::string& path) {
    struct stat about{};
    if (::stat(path.c_str(), &about) != 0) return {};
    return {about.st_dev, about.st_ino, static_cast<uint64_t>(about.st_size), ns_of(about.st_mtim),
            ns_of(about.st_ctim)};
}

void Files::look(uint32_t index) {
    Watched& watched = watched_[index];
    const Stamp before = stamp_of(watched.path);
    const bool same = before == watched.told && watched.readable;
    if (same && (!watched.refused || --watched.pause != 0)) return;
    auto content = read_whole_file(watched.path, small_file_bytes_max);
    if (!content) {
        // Said once; what the file held before stays in use.
        if (std::exchange(watched.readable, false))
            log::warn("file_unreadable", {{"file", watched.path}, {"error", content.error()}});
        return;
    }
    watched.readable = true;
    if (stamp_of(watched.path) != before) return; // It is being written.
    watched.told = before;
    watched.refused = !found_(index, std::move(*content), same);
    watched.pauses = same ? std::min(watched.pauses * 2, pause_max) : 1;
    watched.pause = watched.pauses;
}

void Files::run() {
    name_thread("weir-files");
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        lock.unlock();
        for (uint32_t i = 0; i < watched_.size(); ++i) look(i);
        if (unused_ != nullptr)
            *unused_ = static_cast<uint32_t>(
                std::ranges::count_if(watched_, [](const Watched& each) { return each.refused || !each.readable; }));
        lock.lock();
        changed_.wait_for(lock, std::chrono::nanoseconds(every_ns_), [this] { return stopping_; });
    }
}

} // namespace weir::control
