// gateway/state_dir.h - the directory where weir keeps what must outlive it: segments/, keys/, control.sock, lock.
//
// One running weir per directory, by flock(2) on `lock`: two would write the same segments. Mode 0700 throughout.
#pragma once

#include <array>
#include <expected>
#include <string>

namespace weir::gateway {

/// Where the API keys that weir issued are, below the state directory `path`.
inline std::string api_keys_path(const std::string& path) { return path + "/keys/api-keys.jsonl"; }

class StateDir {
  public:
    StateDir() = default;
    ~StateDir();
    StateDir(const StateDir&) = delete;
    StateDir& operator=(const StateDir&) = delete;

    /// Makes what is missing and takes the lock. The text says what failed and what to do about it.
    std::expected<void, std::string> open(const std::string& path);

    const std::string& path() const { return path_; }
    std::string segments() const { return path_ + "/segments"; }
    std::string control_socket() const { return path_ + "/control.sock"; }
    std::string database() const { return path_ + "/weir.db"; }
    /// The sealing key keys/seal.key, made (0600, synced) when there is none. 32 octets; anything else is refused.
    std::expected<std::array<unsigned char, 32>, std::string> seal_key() const;

  private:
    std::string path_;
    int lock_fd_ = -1;
};

} // namespace weir::gateway
