// control/files.h - the thread `files`: tells when small files that operators replace while weir runs hold something else.
//
// Looks at each of them every second: at another inode (links are followed, so a mount that swaps a directory is seen),
// size or time the file is read again. A file that cannot be read, or that is being written while it is read, is looked at
// again in a second; nobody is told of it. Blocks on the file system and nothing else.
#pragma once

#include "base/limits.h"

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace weir::control {

/// No file of this kind is larger: secrets, certificates, keys.
inline constexpr size_t small_file_bytes_max = 1 << 20;

class Files {
  public:
    /// `found` is called on this thread with the index of a path and all that the file holds: once soon after the start,
    /// and when it may hold something else.
    Files(std::vector<std::string> paths, std::function<void(uint32_t, std::string)> found, uint64_t every_ns = s_ns);
    ~Files();
    Files(const Files&) = delete;
    Files& operator=(const Files&) = delete;

  private:
    /// What tells one content from another without reading it.
    struct Stamp {
        uint64_t device = 0, inode = 0, bytes = 0;
        int64_t modified_ns = 0, changed_ns = 0;
        bool operator==(const Stamp&) const = default;
    };
    struct Watched {
        std::string path;
        Stamp told;
        bool readable = true;
    };
    static Stamp stamp_of(const std::string& path);
    void look(uint32_t index);
    void run();

    std::vector<Watched> watched_; // this thread's
    const std::function<void(uint32_t, std::string)> found_;
    const uint64_t every_ns_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool stopping_ = false;
    std::thread thread_;
};

} // namespace weir::control
