// cli/findings.cc - looks at this machine; every sentence says what to do.
#include "cli/findings.h"

#include "ring/kernel_ring.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace weir::cli {
namespace {

using State = Finding::State;

/// A small file of /proc without its last line end; empty when it is not there.
std::string small_file(const char* path) {
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return {};
    char block[8192];
    const ssize_t got = read(fd, block, sizeof block);
    close(fd);
    std::string text(block, got > 0 ? static_cast<size_t>(got) : 0);
    while (text.ends_with('\n')) text.pop_back();
    return text;
}

bool seccomp_filters() { return small_file("/proc/self/status").find("\nSeccomp:\t2") != std::string::npos; }

Finding judge_processor() {
    __builtin_cpu_init();
    const bool vectors = __builtin_cpu_supports("avx2");
    const bool sha = (" " + small_file("/proc/cpuinfo").substr(0, 8000) + " ").find(" sha_ni ") != std::string::npos;
    Finding out{State::good,
                "processor",
                fmt::format("AVX2 {}, SHA instructions {}", vectors ? "yes" : "no", sha ? "yes" : "no"),
                {}};
    if (!vectors || !sha) {
        out.state = State::warning;
        out.fix = "weir works without these instructions, at a lower speed; nothing needs to be done.";
    }
    return out;
}

Finding judge_clock() {
    timex clock{};
    const int state = adjtimex(&clock);
    if (state < 0)
        return {State::warning, "clock", std::strerror(errno),
                "The clock cannot be asked; see that it is synchronised."};
    if ((clock.status & STA_UNSYNC) != 0) {
        return {State::warning, "clock", "not synchronised",
                "Times in the record are only as good as the clock: run chrony or systemd-timesyncd (inside a "
                "container: on its host)."};
    }
    return {State::good, "clock", "synchronised", {}};
}

Finding judge_memory_lock() {
    rlimit limit{};
    getrlimit(RLIMIT_MEMLOCK, &limit);
    const std::string found =
        limit.rlim_cur == RLIM_INFINITY ? "unlimited" : fmt::format("{} KiB", limit.rlim_cur / 1024);
    if (limit.rlim_cur >= 8 << 20) return {State::good, "locked memory", found, {}};
    return {State::warning, "locked memory", found,
            "io_uring counts no locked memory on this kernel line, but zero-copy sending would: LimitMEMLOCK=64M gives "
            "it room."};
}

Finding judge_address(const gateway::ListenAddress& address) {
    const std::string what = "address " + address.text;
    const int error = -ring::try_address(address.address);
    if (error == 0) return {State::good, what, "free", {}};
    if (error == EADDRINUSE)
        return {State::warning, what, "in use",
                "Something listens there already; if it is not weir, choose another port."};
    if (error == EACCES)
        return {State::bad, what, "not permitted",
                "Ports below 1024 need CAP_NET_BIND_SERVICE (AmbientCapabilities= in the unit)."};
    if (error == EADDRNOTAVAIL)
        return {State::bad, what, "not an address of this machine", "Write an address that `ip addr` shows."};
    return {State::bad, what, std::strerror(error), "The address cannot be used; see the message."};
}

Finding judge_state_dir(const gateway::Config& config) {
    const std::string what = "state directory " + config.state_dir;
    std::string existing = config.state_dir;
    while (existing.size() > 1 && access(existing.c_str(), F_OK) != 0)
        existing.resize(std::max<size_t>(existing.rfind('/'), 1));
    if (access(existing.c_str(), W_OK | X_OK) != 0) {
        return {
            State::bad, what, fmt::format("{} cannot be written", existing),
            fmt::format("Give the user that runs weir the directory: install -d -m 0700 -o USER {}", config.state_dir)};
    }
    struct statvfs disk{};
    if (statvfs(existing.c_str(), &disk) != 0)
        return {State::bad, what, std::strerror(errno), "The disk cannot be asked how full it is."};
    const uint64_t left = static_cast<uint64_t>(disk.f_bavail) * disk.f_frsize;
    const uint64_t streams =
        (config.workers == 0 ? static_cast<uint64_t>(sysconf(_SC_NPROCESSORS_ONLN)) : config.workers) + 1;
    const uint64_t wanted = 2 * streams * config.record.segment_bytes;
    const std::string found = fmt::format("{} MiB free, {} MiB wanted to begin with", left >> 20, wanted >> 20);
    if (config.record.durability == gateway::Durability::off || left >= wanted) return {State::good, what, found, {}};
    return {State::bad, what, found,
            "weir refuses calls it cannot record: make room, or lower segment_bytes in [record]."};
}

} // namespace

Finding judge_kernel(std::string_view release) {
    unsigned major = 0, minor = 0;
    const char* end = release.data() + release.size();
    const auto [dot, error] = std::from_chars(release.data(), end, major);
    if (error == std::errc() && dot != end && *dot == '.') std::from_chars(dot + 1, end, minor);
    const bool enough = major > 6 || (major == 6 && minor >= 1);
    return {enough ? State::good : State::bad, "kernel", std::string(release),
            enough ? std::string() : "weir needs Linux 6.1 or newer: Debian 12 and later have it."};
}

Finding judge_ring(const ring::Probe& probe, int disabled, bool filtered) {
    if (probe.error == 0) {
        if (!probe.settings || !probe.buffer_ring || !probe.multishot_receive || !probe.message_ring) {
            return {State::bad, "io_uring", "too old: multishot receive with provided buffers does not work",
                    "weir needs Linux 6.1 or newer: Debian 12 and later have it."};
        }
        return {State::good,
                "io_uring",
                fmt::format("works; waiting in batches {}, zero-copy send {}",
                            probe.min_wait ? "yes" : "no (needs 6.12)", probe.zero_copy_send ? "yes" : "no"),
                {}};
    }
    const std::string found = fmt::format("refused: {}", std::strerror(probe.error));
    if (disabled > 0) {
        return {
            State::bad, "io_uring", found,
            fmt::format("The kernel forbids it (kernel.io_uring_disabled = {}): `sysctl kernel.io_uring_disabled=0`{}.",
                        disabled, disabled == 1 ? ", or put weir's user into the group of kernel.io_uring_group" : "")};
    }
    if (probe.error == ENOSYS || probe.error == EPERM || probe.error == EACCES) {
        return {
            State::bad, "io_uring", found,
            filtered
                ? "A seccomp filter forbids it, as container engines do by default: allow io_uring_setup, "
                  "io_uring_enter and "
                  "io_uring_register in the container's seccomp profile."
                : "This kernel was built without io_uring, or a security module forbids it: allow io_uring for weir."};
    }
    if (probe.error == EMFILE || probe.error == ENFILE)
        return {State::bad, "io_uring", found, "No file descriptor is left: raise LimitNOFILE."};
    return {State::bad, "io_uring", found,
            "The kernel has no memory for a ring: see that the machine is not short of it."};
}

Finding judge_files(uint64_t soft, uint64_t hard, uint64_t wanted) {
    const auto shown = [](uint64_t count) {
        return count == RLIM_INFINITY ? std::string("unlimited") : std::to_string(count);
    };
    Finding out{
        State::good, "open files", fmt::format("{} (hard {}), {} wanted", shown(soft), shown(hard), wanted), {}};
    if (soft >= wanted) return out;
    out.state = State::warning;
    out.fix = fmt::format(
        "connections_max and upstream_links_max together need {} descriptors: set LimitNOFILE={} in the unit{}, or "
        "lower the two limits.",
        wanted, wanted, hard >= wanted ? fmt::format(" (or `ulimit -n {}`)", wanted) : "");
    return out;
}

std::vector<Finding> examine(const gateway::Config* config) {
    std::vector<Finding> out;
    utsname name{};
    uname(&name);
    out.push_back(judge_kernel(name.release));
    const std::string disabled = small_file("/proc/sys/kernel/io_uring_disabled");
    out.push_back(judge_ring(ring::probe(), disabled.empty() ? -1 : disabled[0] - '0', seccomp_filters()));
    rlimit files{};
    getrlimit(RLIMIT_NOFILE, &files);
    const Limits limits = config == nullptr ? Limits{} : config->limits;
    out.push_back(judge_files(files.rlim_cur, files.rlim_max,
                              uint64_t{limits.connections_max} + limits.upstream_links_max + 256));
    out.push_back(judge_memory_lock());
    out.push_back(judge_processor());
    out.push_back(judge_clock());
    if (config == nullptr) return out;
    for (const auto& address : config->addresses) out.push_back(judge_address(address));
    if (config->admin) out.push_back(judge_address(*config->admin));
    out.push_back(judge_state_dir(*config));
    return out;
}

} // namespace weir::cli
