// base/file.cc - open, read until there is no more, close.
#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>

namespace weir {

std::expected<std::string, std::string> read_whole_file(const std::string& path, size_t bytes_max) {
    const int fd =
        ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); // O_NONBLOCK: a pipe is refused, not waited for
    if (fd < 0) return std::unexpected(std::string(std::strerror(errno)));
    struct stat about{};
    const bool regular = ::fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
    std::string content, why;
    if (!regular) why = "it is no file";
    char block[16 << 10];
    while (why.empty()) {
        const ssize_t got = ::read(fd, block, sizeof block);
        if (got == 0) break;
        if (got > 0) content.append(block, static_cast<size_t>(got));
        else if (errno != EINTR) why = std::strerror(errno);
        if (content.size() > bytes_max) why = "it is over " + std::to_string(bytes_max) + " bytes";
    }
    ::close(fd);
    if (!why.empty()) return std::unexpected(std::move(why));
    return content;
}

} // namespace weir
