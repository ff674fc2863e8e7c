// control/files.h - the thread `files`: tells when small files that operators replace while weir runs hold something else.
//
// Looks at each of them every second: at another inode (links are followed, so a mount that swaps a directory is seen),
// size or time the file is read again. A file that cannot be read, or that is being written while it is read, is looked at
// again in a second; nobody is told of it. One whose content was refused is told again, with growing pauses up to a minute,
// though it does not change: what it does not fit may. Blocks on the file system and nothing else.
#pragma once

#include "base/limits.h"

#include <atomic>
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
    /// What a file holds. `again`: it was refused, and has not changed since. False: it is refused.
    using Found = std::function<bool(uint32_t index, std::string content, bool again)>;

    /// `found` is called on this thread with the index of a path and all that the file holds: once soon after the start,
    /// when it may hold something else, and again after it was refused. `unused` (none: nullptr) has the number of files that
    /// cannot be read or are refused; it must outlive this.
    Files(std::vector<std::string> paths, Found found, uint64_t every_ns = s_ns,
          std::atomic<uint32_t>* unused = nullptr);
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
        bool refused = false;
        uint32_t pause = 0;  // looks until it is told again
        uint32_t pauses = 0; // the last such number
    };
    static Stamp stamp_of(const std::string& path);
    void look(uint32_t index);
    void run();

    std::vector<Watched> watched_; // this thread's
    const Found found_;
    const uint64_t every_ns_;
    std::atomic<uint32_t>* const unused_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool stopping_ = false;
    std::thread thread_;
};

} // namespace weir::control
