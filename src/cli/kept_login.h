// cli/kept_login.h - what `weir login` got, in a file of the person's own: one for each weir that they sign in to.
//
// Below $XDG_CONFIG_HOME/weir or ~/.config/weir, readable by nobody else (0600, its directory 0700); a file that others could
// read is refused. Written whole under another name first. What is in it is a secret: it is never printed or logged.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>

namespace weir::cli {

struct KeptLogin {
    std::string url{}; // of the weir, as in https://weir.example:7071
    std::string issuer{}, token_endpoint{}, client_id{};
    std::string resource{};  // what tokens are asked for; empty: it is not said
    std::string issuer_ca{}; // a file of authorities for the issuer, absolute; empty: the system's
    std::string access_token{}, refresh_token{};
    uint64_t ends_unix_s = 0; // of the access token
};

/// Where logins are kept. A sentence: neither HOME nor XDG_CONFIG_HOME says.
std::expected<std::string, std::string> login_directory();

/// The login at `url`; nothing: there is none. A sentence: there is one that cannot be used.
std::expected<std::optional<KeptLogin>, std::string> read_login(const std::string& directory, const std::string& url);
/// Writes it, in place of the one before. A sentence says why not.
std::expected<void, std::string> write_login(const std::string& directory, const KeptLogin& login);
/// Removes it. False: there was none.
std::expected<bool, std::string> remove_login(const std::string& directory, const std::string& url);

/// Holds others off who would renew the login at `url`, while it lives.
class LoginLock {
  public:
    LoginLock(const std::string& directory, const std::string& url);
    ~LoginLock();
    LoginLock(const LoginLock&) = delete;
    LoginLock& operator=(const LoginLock&) = delete;

  private:
    int fd_ = -1;
};

} // namespace weir::cli
