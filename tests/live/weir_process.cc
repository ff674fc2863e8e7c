// tests/live/weir_process.cc - fork and exec, /proc, and one GET.
#include "weir_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace weir::live {
namespace {

constexpr size_t page_bytes = 4096;
constexpr int start_ms_max = 120'000, end_ms_max = 120'000, answer_ms_max = 120'000;

/// Until `fd` can be read, or the process behind a pidfd has ended. False when `ms` are over.
bool wait_for(int fd, int ms) {
    pollfd one{fd, POLLIN, 0};
    return ::poll(&one, 1, ms) == 1;
}

/// What is answered to a GET, to the end of the connection.
std::string get(uint16_t port, std::string_view path) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bench::Place place(port);
    REQUIRE(::connect(fd, reinterpret_cast<const sockaddr*>(&place.address), place.size) == 0);
    const std::string asked = "GET " + std::string(path) + " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port) +
                              "\r\nConnection: close\r\n\r\n";
    REQUIRE(::send(fd, asked.data(), asked.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(asked.size()));
    std::string answer;
    std::array<char, 16 << 10> room{};
    for (;;) {
        REQUIRE(wait_for(fd, answer_ms_max));
        const ssize_t got = ::recv(fd, room.data(), room.size(), 0);
        if (got <= 0) break;
        answer.append(room.data(), static_cast<size_t>(got));
    }
    ::close(fd);
    return answer;
}

} // namespace

WeirProcess::WeirProcess(const std::string& binary, const std::string& config, std::string_view policies) {
    std::string made = std::filesystem::temp_directory_path() / "weir-live-XXXXXX";
    REQUIRE(::mkdtemp(made.data()) != nullptr);
    directory_ = made;
    std::filesystem::create_directory(directory_ / "policies");
    std::ofstream(directory_ / "policies" / "live.lua") << policies;
    const std::string file = directory_ / "weir.toml";
    std::ofstream(file) << "[state]\ndir = \"state\"\n[policies]\ndir = \"policies\"\n[admin]\naddress = \"127.0.0.1:"
                        << admin_.port() << "\"\n"
                        << config;
    const char* const library = std::getenv("WEIR_LIVE_LIBRARY");
    const std::string counted = directory_ / "live_bytes";
    if (library != nullptr) {
        const int fd = ::open(counted.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        REQUIRE(::ftruncate(fd, page_bytes) == 0);
        counted_ = ::mmap(nullptr, page_bytes, PROT_READ, MAP_SHARED, fd, 0);
        REQUIRE(counted_ != MAP_FAILED);
        ::close(fd);
    }
    int said[2];
    REQUIRE(::pipe2(said, O_CLOEXEC) == 0);
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
        ::dup2(said[1], STDERR_FILENO);
        if (library != nullptr) {
            ::setenv("LD_PRELOAD", library, 1);
            ::setenv("WEIR_LIVE_BYTES", counted.c_str(), 1);
        }
        ::execl(binary.c_str(), binary.c_str(), "run", "-c", file.c_str(), nullptr);
        ::_exit(127);
    }
    ::close(said[1]);
    std::string log;
    std::array<char, 4096> room{};
    while (log.find("\"event\":\"serving\"") == std::string::npos) {
        REQUIRE(wait_for(said[0], start_ms_max));
        const ssize_t got = ::read(said[0], room.data(), room.size());
        INFO(log);
        REQUIRE(got > 0);
        log.append(room.data(), static_cast<size_t>(got));
    }
    ::close(said[0]); // What it says from now on nobody hears; it does not mind.
}

WeirProcess::~WeirProcess() {
    if (pid_ > 0) end();
    if (counted_ != nullptr) ::munmap(counted_, page_bytes);
    std::filesystem::remove_all(directory_);
}

std::map<std::string, double> WeirProcess::metrics() const {
    std::map<std::string, double> found;
    std::istringstream lines(get(admin_.port(), "/metrics"));
    for (std::string line; std::getline(lines, line);) {
        const size_t space = line.rfind(' ');
        if (line.starts_with("weir_") && space != std::string::npos)
            found[line.substr(0, space)] = std::strtod(line.c_str() + space, nullptr);
    }
    return found;
}

size_t WeirProcess::descriptors() const {
    size_t count = 0;
    for ([[maybe_unused]] const auto& entry :
         std::filesystem::directory_iterator("/proc/" + std::to_string(pid_) + "/fd"))
        ++count;
    return count;
}

int64_t WeirProcess::live_bytes() const {
    return counted_ == nullptr ? 0 : *static_cast<const volatile int64_t*>(counted_);
}

int WeirProcess::end() {
    const auto process = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
    ::kill(pid_, SIGTERM);
    if (process < 0 || !wait_for(process, end_ms_max)) ::kill(pid_, SIGKILL);
    if (process >= 0) ::close(process);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

} // namespace weir::live
