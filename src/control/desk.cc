// control/desk.cc - accept, ask the kernel who it is, read, have it answered, write, close.
#include "control/desk.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "http/write.h"
#include "ring/kernel_ring.h"

#include <fmt/format.h>
#include <poll.h>
#include <pwd.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <thread>

namespace weir::control {
namespace {

constexpr int backlog = 16;
constexpr size_t fields_max = 64;
constexpr uint64_t linger_ns = 200 * ms_ns; // for a peer to read why before its unread octets reset the connection

/// A descriptor that closes itself.
struct File {
    int fd = -1;
    File() = default;
    explicit File(int of) : fd(of) {}
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    ~File() {
        if (fd >= 0) ::close(fd);
    }
};

Visitor visitor_of(uid_t uid) {
    Visitor visitor{uid, std::to_string(uid)};
    std::array<char, 4096> room;
    passwd entry{};
    passwd* found = nullptr;
    if (getpwuid_r(uid, &entry, room.data(), room.size(), &found) == 0 && found != nullptr)
        visitor.name = found->pw_name;
    return visitor;
}

DeskReply refusal(uint16_t status, std::string_view name, std::string_view text) {
    return {.status = status, .body = fmt::format(R"({{"error":"{}","text":"{}"}})", name, text)};
}

} // namespace

struct Desk::Parts {
    DeskOptions options;
    File listener, stop;
    BufferPool pool;
    std::thread thread;

    void run();
    void serve(int fd);
    bool wait(int fd, short events, uint64_t until_ns) const;
    Result<http::RequestHead> read(int fd, PaddedBytes& in, std::span<http::Field> room) const;
    void write(int fd, const DeskReply& reply);
};

/// False: it is time, or the desk is to end.
bool Desk::Parts::wait(int fd, short events, uint64_t until_ns) const {
    for (;;) {
        const uint64_t now = monotonic_ns();
        if (now >= until_ns) return false;
        std::array<pollfd, 2> both{pollfd{fd, events, 0}, pollfd{stop.fd, POLLIN, 0}};
        const int ready = ::poll(both.data(), both.size(), static_cast<int>((until_ns - now) / ms_ns + 1));
        if (ready < 0 && errno != EINTR) return false;
        if (ready > 0 && both[1].revents != 0) return false;
        if (ready > 0) return true;
    }
}

/// A whole request at the front of `in`: its head, and as many octets behind that as it announces.
Result<http::RequestHead> Desk::Parts::read(int fd, PaddedBytes& in, std::span<http::Field> room) const {
    const uint64_t until = monotonic_ns() + options.read_ns_max;
    for (;;) {
        const auto head = http::read_request_head(in.text(), room, http::HeadLimits());
        if (!head && head.error() != Error::incomplete) return head;
        if (head) {
            if (head->framing == http::Framing::chunked) return head; // Nobody will ask for its body.
            if (head->content_length > options.body_bytes_max) return fail(Error::body_too_large);
            if (in.size() - head->size >= head->content_length) return head;
        }
        in.reserve(4096);
        const ssize_t got = ::recv(fd, in.data() + in.size(), in.room(), MSG_DONTWAIT);
        if (got > 0) {
            in.grew(static_cast<size_t>(got));
        } else if (got < 0 && errno == EAGAIN) {
            if (!wait(fd, POLLIN, until)) return fail(Error::request_timeout);
        } else if (got == 0 || errno != EINTR) {
            return fail(Error::client_left);
        }
    }
}

void Desk::Parts::write(int fd, const DeskReply& reply) {
    PaddedBytes out(pool);
    http::HeadWriter head(out);
    head.answer(reply.status);
    head.field("Content-Type", reply.type);
    head.field("Content-Length", reply.body.size());
    if (!reply.etag.empty()) head.field("ETag", reply.etag);
    head.lines("Cache-Control: no-store\r\nConnection: close\r\n");
    if (!head.finish()) return;
    out.append(reply.body);
    const uint64_t until = monotonic_ns() + options.write_ns_max;
    std::string_view left = out.text();
    while (!left.empty()) {
        const ssize_t sent = ::send(fd, left.data(), left.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) {
            left.remove_prefix(static_cast<size_t>(sent));
        } else if (errno == EAGAIN) {
            if (!wait(fd, POLLOUT, until)) return;
        } else if (errno != EINTR) {
            return;
        }
    }
}

void Desk::Parts::serve(int fd) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return;
    if (peer.uid != ::geteuid() && peer.uid != 0) {
        log::warn("control_socket_refused", {{"uid", std::to_string(peer.uid)}});
        return;
    }
    PaddedBytes in(pool);
    std::array<http::Field, fields_max> room;
    const auto head = read(fd, in, room);
    if (!head && head.error() == Error::client_left) return;
    if (!head || head->framing == http::Framing::chunked) {
        if (head) {
            write(fd, refusal(411, "length_required", "the body must come with a Content-Length"));
        } else {
            const ErrorRow& row = row_of(head.error());
            write(fd, refusal(row.status, row.name, row.text));
        }
        // Octets that nobody read would make the kernel reset the connection, and the answer with it.
        ::shutdown(fd, SHUT_WR);
        const uint64_t until = monotonic_ns() + linger_ns;
        std::array<char, 4096> ignored;
        while (wait(fd, POLLIN, until) && ::recv(fd, ignored.data(), ignored.size(), MSG_DONTWAIT) > 0) {}
        return;
    }
    write(fd, options.answer({.method = head->method,
                              .path = head->path,
                              .query = head->query,
                              .body = in.text().substr(head->size, head->content_length),
                              .visitor = visitor_of(peer.uid),
                              .if_match = head->joined("if-match"),
                              .idempotency_key = head->joined("idempotency-key")}));
}

void Desk::Parts::run() {
    name_thread("weir-desk");
    for (;;) {
        std::array<pollfd, 2> both{pollfd{listener.fd, POLLIN, 0}, pollfd{stop.fd, POLLIN, 0}};
        if (::poll(both.data(), both.size(), -1) < 0) {
            if (errno == EINTR) continue;
            return log::error("control_socket_failed", {{"error", std::strerror(errno)}});
        }
        if (both[1].revents != 0) return;
        const File visitor(::accept4(listener.fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (visitor.fd >= 0) serve(visitor.fd);
        // No descriptor is left: the one that waits stays in the queue, and a poll would tell of it again at once.
        else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) (void)wait(-1, 0, monotonic_ns() + s_ns);
    }
}

std::expected<std::unique_ptr<Desk>, std::string> Desk::open(DeskOptions options) {
    ring::Address address;
    auto& local = reinterpret_cast<sockaddr_un&>(address.storage);
    if (options.path.size() >= sizeof local.sun_path)
        return std::unexpected(options.path +
                               ": the path of the control socket is too long; choose a shorter [state] dir");
    local.sun_family = AF_UNIX;
    std::memcpy(local.sun_path, options.path.c_str(), options.path.size() + 1);
    address.size = sizeof local;
    auto parts = std::make_unique<Parts>();
    parts->listener.fd = ring::listen_on(address, backlog);
    if (parts->listener.fd < 0)
        return std::unexpected("cannot listen on " + options.path + ": " + std::strerror(-parts->listener.fd));
    parts->stop.fd = ::eventfd(0, EFD_CLOEXEC);
    if (parts->stop.fd < 0) return std::unexpected("no descriptor is left (raise the limit of open files)");
    parts->options = std::move(options);
    parts->thread = std::thread([raw = parts.get()] { raw->run(); });
    return std::unique_ptr<Desk>(new Desk(std::move(parts)));
}

Desk::Desk(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Desk::~Desk() {
    const uint64_t one = 1;
    (void)!::write(parts_->stop.fd, &one, sizeof one);
    parts_->thread.join();
    ::unlink(parts_->options.path.c_str());
}

} // namespace weir::control
