// cli/kept_login.cc - files of logins.
#include "cli/kept_login.h"

#include "base/file.h"
#include "cli/scanned.h"
#include "json/text.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace weir::cli {
namespace {

constexpr size_t file_bytes_max = size_t{1} << 20;

/// One that two URLs share holds the login of one of them, and says which.
std::string path_of(const std::string& directory, const std::string& url) {
    std::string name;
    for (const char c : url) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
        name += plain ? c : '_';
    }
    return directory + "/login-" + name.substr(0, 200) + ".json";
}

std::unexpected<std::string> failed(const std::string& path) {
    return std::unexpected(path + ": " + std::strerror(errno));
}

} // namespace

std::expected<std::string, std::string> login_directory() {
    const char* const config = std::getenv("XDG_CONFIG_HOME");
    if (config != nullptr && config[0] == '/') return std::string(config) + "/weir";
    const char* const home = std::getenv("HOME");
    if (home != nullptr && home[0] == '/') return std::string(home) + "/.config/weir";
    return std::unexpected(std::string("neither HOME nor XDG_CONFIG_HOME says where logins are kept"));
}

std::expected<std::optional<KeptLogin>, std::string> read_login(const std::string& directory, const std::string& url) {
    const std::string path = path_of(directory, url);
    struct stat found{};
    if (::lstat(path.c_str(), &found) != 0) {
        if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
        return failed(path);
    }
    if (!S_ISREG(found.st_mode) || found.st_uid != ::geteuid() || (found.st_mode & 077U) != 0)
        return std::unexpected(path + " is not yours alone: remove it (or chmod 600) and sign in again");
    const auto text = read_whole_file(path, file_bytes_max);
    if (!text) return std::unexpected(path + ": " + text.error());
    Scanned scanned;
    if (!scanned.scan(*text) || !scanned.value().is(json::Kind::object))
        return std::unexpected(path + " is damaged: remove it and sign in again");
    KeptLogin login{.url = scanned.member("url"),
                    .issuer = scanned.member("issuer"),
                    .token_endpoint = scanned.member("token_endpoint"),
                    .client_id = scanned.member("client_id"),
                    .resource = scanned.member("resource"),
                    .issuer_ca = scanned.member("issuer_ca"),
                    .access_token = scanned.member("access_token"),
                    .refresh_token = scanned.member("refresh_token"),
                    .ends_unix_s = static_cast<uint64_t>(scanned.value().find("ends_unix_s").integer().value_or(0))};
    if (login.url != url || login.access_token.empty()) return std::nullopt;
    return login;
}

std::expected<void, std::string> write_login(const std::string& directory, const KeptLogin& login) {
    for (size_t at = 1; at != std::string::npos;) { // ~/.config may not be there yet either
        at = directory.find('/', at + 1);
        const std::string part = directory.substr(0, at);
        if (::mkdir(part.c_str(), 0700) != 0 && errno != EEXIST) return failed(part);
    }
    json::Text text;
    text.begin_object();
    for (const auto& [name, value] :
         std::initializer_list<std::pair<std::string_view, std::string_view>>{{"url", login.url},
                                                                              {"issuer", login.issuer},
                                                                              {"token_endpoint", login.token_endpoint},
                                                                              {"client_id", login.client_id},
                                                                              {"resource", login.resource},
                                                                              {"issuer_ca", login.issuer_ca},
                                                                              {"access_token", login.access_token},
                                                                              {"refresh_token", login.refresh_token}})
        text.name(name).string(value);
    text.name("ends_unix_s").number(static_cast<int64_t>(login.ends_unix_s)).end_object();
    const std::string path = path_of(directory, login.url), fresh = path + "." + std::to_string(::getpid());
    ::unlink(fresh.c_str()); // left by one that was killed
    const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) return failed(fresh);
    const std::string& content = text.text();
    const bool good = ::write(fd, content.data(), content.size()) == static_cast<ssize_t>(content.size()) &&
                      ::fsync(fd) == 0 && ::rename(fresh.c_str(), path.c_str()) == 0;
    const int error = errno;
    ::close(fd);
    if (good) return {};
    ::unlink(fresh.c_str());
    errno = error;
    return failed(path);
}

std::expected<bool, std::string> remove_login(const std::string& directory, const std::string& url) {
    const std::string path = path_of(directory, url);
    const LoginLock lock(directory,
                         url); // Or who renews it now would put it back. The lock's file stays: others may wait on it.
    if (::unlink(path.c_str()) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return failed(path);
}

LoginLock::LoginLock(const std::string& directory, const std::string& url)
    : fd_(::open((path_of(directory, url) + ".lock").c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600)) {
    while (fd_ >= 0 && ::flock(fd_, LOCK_EX) != 0 && errno == EINTR) {}
}

LoginLock::~LoginLock() {
    if (fd_ >= 0) ::close(fd_);
}

} // namespace weir::cli
