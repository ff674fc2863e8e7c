// gateway/state_dir.cc - making, locking and reading the state directory.
#include "gateway/state_dir.h"

#include "crypto/secret.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace weir::gateway {
namespace {

std::unexpected<std::string> failed(const std::string& what, const std::string& path, int error) {
    return std::unexpected(path + ": " + what + ": " + std::strerror(error));
}

/// A descriptor that closes itself.
struct File {
    int fd;
    ~File() {
        if (fd >= 0) ::close(fd);
    }
};

} // namespace

StateDir::~StateDir() {
    if (lock_fd_ >= 0) ::close(lock_fd_);
}

std::expected<void, std::string> StateDir::open(const std::string& path) {
    path_ = path;
    std::error_code error;
    std::filesystem::create_directories(path, error);
    if (error) return failed("the state directory cannot be made", path, error.value());
    for (const std::string& each : {path, path + "/keys", segments()}) {
        if (::mkdir(each.c_str(), 0700) != 0 && errno != EEXIST)
            return failed("the directory cannot be made", each, errno);
        if (::chmod(each.c_str(), 0700) != 0) return failed("the directory's mode cannot be set", each, errno);
    }
    const std::string lock = path + "/lock";
    lock_fd_ = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock_fd_ < 0) return failed("the lock cannot be opened", lock, errno);
    if (::flock(lock_fd_, LOCK_EX | LOCK_NB) != 0)
        return std::unexpected(errno == EWOULDBLOCK
                                   ? path +
                                         ": another weir uses this state directory; stop it, or set another [state] dir"
                                   : lock + ": the lock cannot be taken: " + std::strerror(errno));
    return {};
}

std::expected<std::array<unsigned char, 32>, std::string> StateDir::seal_key() const {
    const std::string path = path_ + "/keys/seal.key";
    std::array<unsigned char, 32> key{};
    File file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (file.fd >= 0) {
        char one_more;
        if (::read(file.fd, key.data(), key.size()) != static_cast<ssize_t>(key.size()) ||
            ::read(file.fd, &one_more, 1) != 0)
            return std::unexpected(path +
                                   ": not a key of 32 octets; remove it to have a new one made (open sessions end)");
        return key;
    }
    if (errno != ENOENT) return failed("the key cannot be read", path, errno);
    if (!crypto::fill_random(key)) return failed("the kernel gives no random octets for a key", path, EIO);
    const std::string fresh = path + ".new";
    File made{::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
    if (made.fd < 0) return failed("the key cannot be made", fresh, errno);
    if (::write(made.fd, key.data(), key.size()) != static_cast<ssize_t>(key.size()) || ::fsync(made.fd) != 0 ||
        ::rename(fresh.c_str(), path.c_str()) != 0)
        return failed("the key cannot be written", fresh, errno);
    return key;
}

} // namespace weir::gateway
