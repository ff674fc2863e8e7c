// tests/control/provider.h - a server on a thread of the test that plays one part for each path.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <catch2/catch_test_macros.hpp>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace weir::control::test {

/// A server: what it answers to each path. A path without an answer is left waiting until the end.
class Provider {
  public:
    Provider() {
        listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        REQUIRE(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(listen(listener_, 16) == 0);
        socklen_t size = sizeof address;
        getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
        url = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
        thread_ = std::thread([this] { serve(); });
    }
    ~Provider() {
        shutdown(listener_, SHUT_RDWR);
        thread_.join();
        for (const int fd : waiting_) close(fd);
        close(listener_);
    }
    void answer(const std::string& path, const std::string& body, const std::string& status = "200 OK",
                const std::string& more = {}) {
        const std::lock_guard lock(mutex_);
        answers_[path] = "HTTP/1.1 " + status + "\r\nConnection: close\r\n" + more +
                         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    }
    void metadata(const std::string& keys_url, const std::string& issuer = {}) {
        answer("/.well-known/openid-configuration",
               R"({"issuer":")" + (issuer.empty() ? url : issuer) + R"(","jwks_uri":")" + keys_url + "\"}");
    }
    int asked(const std::string& path) {
        const std::lock_guard lock(mutex_);
        return asked_[path];
    }
    /// The last request for `path`, head and body.
    std::string said(const std::string& path) {
        const std::lock_guard lock(mutex_);
        return said_[path];
    }
    std::string url;

  private:
    static std::string read_request(int fd) {
        std::string request;
        for (;;) {
            const size_t end = request.find("\r\n\r\n"), length = request.find("Content-Length: ");
            const size_t body = length == std::string::npos ? 0 : std::stoul(request.substr(length + 16));
            if (end != std::string::npos && request.size() >= end + 4 + body) return request;
            std::string part(4096, '\0');
            const ssize_t got = read(fd, part.data(), part.size());
            if (got <= 0) return {};
            request.append(part, 0, static_cast<size_t>(got));
        }
    }
    void serve() {
        for (;;) {
            const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
            if (fd < 0) return;
            const std::string request = read_request(fd);
            const size_t space = request.find(' ');
            if (space == std::string::npos) {
                close(fd);
                continue;
            }
            const std::string path = request.substr(space + 1, request.find(' ', space + 1) - space - 1);
            const std::lock_guard lock(mutex_);
            ++asked_[path];
            said_[path] = request;
            const auto found = answers_.find(path);
            if (found == answers_.end()) {
                waiting_.push_back(fd);
                continue;
            }
            const std::string& text = found->second;
            for (size_t at = 0; at < text.size();) {
                const ssize_t sent = send(fd, text.data() + at, text.size() - at, MSG_NOSIGNAL);
                if (sent <= 0) break;
                at += static_cast<size_t>(sent);
            }
            close(fd);
        }
    }
    int listener_ = -1;
    std::mutex mutex_;
    std::map<std::string, std::string> answers_;
    std::map<std::string, int> asked_;
    std::map<std::string, std::string> said_;
    std::vector<int> waiting_;
    std::thread thread_;
};

} // namespace weir::control::test
