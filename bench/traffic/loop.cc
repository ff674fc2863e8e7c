// bench/traffic/loop.cc - the ring of the bench and its sockets.
#include "loop.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace weir::bench {
namespace {

constexpr uint64_t accept_tag = 0, lines_tag = 8, cancel_tag = 16, operation_mask = 7;
constexpr int backlog = 4096;

void no_delay(int fd) {
    const int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

} // namespace

void give_up(const char* what, int error) {
    std::fprintf(stderr, "bench: %s: %s\n", what, std::strerror(error));
    std::exit(1);
}

uint64_t clock_ns() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<uint64_t>(now.tv_sec) * s_ns + static_cast<uint64_t>(now.tv_nsec);
}

Place::Place(uint16_t port) : size(sizeof(sockaddr_in)) {
    auto* in = reinterpret_cast<sockaddr_in*>(&address);
    in->sin_family = AF_INET;
    in->sin_port = htons(port);
    in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
}

int listen_on(uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    if (fd < 0) give_up("socket", errno);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    no_delay(fd); // Inherited by what is accepted.
    const Place place(port);
    const uint64_t give_up_ns = clock_ns() + 2 * s_ns;
    while (::bind(fd, reinterpret_cast<const sockaddr*>(&place.address), place.size) != 0) {
        if (errno != EADDRINUSE || clock_ns() > give_up_ns) give_up("bind", errno);
        ::usleep(10'000);
    }
    if (::listen(fd, backlog) != 0) give_up("listen", errno);
    return fd;
}

uint16_t port_of(int listener) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    if (::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0) give_up("getsockname", errno);
    return ntohs(address.sin_port);
}

Reserved::Reserved() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int one = 1;
    if (fd_ < 0) give_up("socket", errno);
    setsockopt(fd_, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    const Place any(0);
    if (::bind(fd_, reinterpret_cast<const sockaddr*>(&any.address), any.size) != 0) give_up("bind", errno);
    // Once the port is ours: weir looks whether somebody else listens there before it shares it.
    setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
}

Reserved::~Reserved() { ::close(fd_); }

// Sockets.

void Socket::adopt(int connected) {
    fd_ = connected;
    closing_ = gone_ = false;
    receive_again();
}

void Socket::connect(const Place& to) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd_ < 0) give_up("socket", errno);
    no_delay(fd_);
    closing_ = gone_ = false;
    to_ = to;
    io_uring_sqe* entry = loop.entry(reinterpret_cast<uint64_t>(this) | connecting);
    io_uring_prep_connect(entry, fd_, reinterpret_cast<const sockaddr*>(&to_.address), to_.size);
    ++with_kernel_;
}

void Socket::receive_again() {
    io_uring_sqe* entry = loop.entry(reinterpret_cast<uint64_t>(this) | receiving);
    io_uring_prep_recv_multishot(entry, fd_, nullptr, 0, 0);
    entry->flags |= IOSQE_BUFFER_SELECT;
    entry->ioprio |= IORING_RECVSEND_POLL_FIRST;
    ++with_kernel_;
}

void Socket::send(std::string_view bytes, std::string_view more) {
    io_uring_sqe* entry = loop.entry(reinterpret_cast<uint64_t>(this) | send_operation);
    if (more.empty()) {
        io_uring_prep_send(entry, fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_WAITALL);
    } else {
        pieces_[0] = {const_cast<char*>(bytes.data()), bytes.size()};
        pieces_[1] = {const_cast<char*>(more.data()), more.size()};
        message_.msg_iov = pieces_.data();
        message_.msg_iovlen = pieces_.size();
        io_uring_prep_sendmsg(entry, fd_, &message_, MSG_NOSIGNAL | MSG_WAITALL);
    }
    send_bytes_ = bytes.size() + more.size();
    sending_ = true;
    ++with_kernel_;
}

void Socket::close(bool by_reset) {
    if (closing_) return;
    closing_ = true;
    if (by_reset) {
        const linger at_once{1, 0};
        setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    } else {
        ::shutdown(fd_, SHUT_RDWR);
    }
    if (with_kernel_ != 0) {
        // The shutdown alone may not end it: a multishot receive that has just taken the last octets waits for more
        // without looking whether the connection is still there.
        io_uring_sqe* entry = loop.entry(cancel_tag);
        io_uring_prep_cancel_fd(entry, fd_, IORING_ASYNC_CANCEL_ALL);
        entry->flags |= IOSQE_CQE_SKIP_SUCCESS;
    }
    if (!delivering_) finish_when_idle(); // In a delivery its end does it.
}

void Socket::finish_when_idle() {
    if (!closing_ || with_kernel_ != 0 || gone_) return;
    gone_ = true;
    ::close(fd_);
    fd_ = -1;
    gone();
}

void Socket::done(uint64_t operation, int result, unsigned flags) {
    const bool more = (flags & IORING_CQE_F_MORE) != 0;
    if (!more) --with_kernel_;
    delivering_ = true;
    switch (operation) {
        case connecting:
            if (closing_) break;
            if (result < 0) {
                ended();
            } else {
                receive_again();
                connected();
            }
            break;
        case send_operation:
            sending_ = false;
            if (closing_) break;
            if (result == static_cast<int>(send_bytes_)) sent();
            else ended();
            break;
        default: // receiving
            if (result > 0) {
                const auto number = static_cast<uint16_t>(flags >> IORING_CQE_BUFFER_SHIFT);
                if (closing_) loop.give_back(number);
                else received(number, loop.buffer(number, static_cast<size_t>(result)));
                if (!more && !closing_) receive_again();
            } else if (closing_) {
                break;
            } else if (result == -ENOBUFS) {
                ++with_kernel_; // A place among the starved counts as one: nobody there may go.
                loop.starved_.push_back(this);
            } else {
                ended();
            }
    }
    delivering_ = false;
    finish_when_idle();
}

// The loop.

Loop::Loop(unsigned buffers, unsigned buffer_bytes)
    : buffer_count_(buffers), buffer_bytes_(buffer_bytes), pool_(new char[size_t{buffers} * buffer_bytes]),
      now_ns_(clock_ns()) {
    io_uring_params parameters{};
    parameters.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE;
    parameters.cq_entries = 16'384;
    if (const int failed = io_uring_queue_init_params(4096, &ring_, &parameters); failed != 0)
        give_up("io_uring", -failed);
    io_uring_register_ring_fd(&ring_);
    int failed = 0;
    buffers_ = io_uring_setup_buf_ring(&ring_, buffers, 0, 0, &failed);
    if (buffers_ == nullptr) give_up("io_uring's buffers", -failed);
    for (unsigned i = 0; i < buffers; ++i) give_back(static_cast<uint16_t>(i));
}

io_uring_sqe* Loop::entry(uint64_t tag) {
    io_uring_sqe* entry = io_uring_get_sqe(&ring_);
    if (entry == nullptr) {
        io_uring_submit(&ring_);
        entry = io_uring_get_sqe(&ring_);
    }
    if (entry == nullptr) give_up("io_uring's queue", EBUSY);
    entry->user_data = tag; // The preparing that follows leaves it alone.
    return entry;
}

void Loop::give_back(uint16_t buffer) {
    io_uring_buf_ring_add(buffers_, memory(buffer), buffer_bytes_, buffer, io_uring_buf_ring_mask(buffer_count_),
                          returned_++);
}

void Loop::accept(int listener, std::function<void(int fd)> take) {
    listener_ = listener;
    accepted_ = std::move(take);
    arm_accept();
}

void Loop::arm_accept() {
    io_uring_prep_multishot_accept(entry(accept_tag), listener_, nullptr, nullptr, SOCK_CLOEXEC);
}

void Loop::read_lines(int fd, std::function<void(std::string_view)> take) {
    lines_ = fd;
    read_ = std::move(take);
    arm_lines();
}

void Loop::arm_lines() {
    io_uring_prep_read(entry(lines_tag), lines_, line_.data(), static_cast<unsigned>(line_.size()), uint64_t(-1));
}

void Loop::deliver(const io_uring_cqe& completion) {
    const uint64_t operation = completion.user_data & operation_mask;
    if (operation != 0) {
        reinterpret_cast<Socket*>(completion.user_data & ~operation_mask)
            ->done(operation, completion.res, completion.flags);
    } else if (completion.user_data == accept_tag) {
        if (completion.res >= 0) accepted_(completion.res);
        if ((completion.flags & IORING_CQE_F_MORE) == 0) arm_accept();
    } else if (completion.user_data == lines_tag) {
        read_({line_.data(), completion.res > 0 ? static_cast<size_t>(completion.res) : 0});
        if (completion.res > 0) arm_lines();
    }
}

void Loop::turn(uint64_t until_ns) {
    if (returned_ != 0) io_uring_buf_ring_advance(buffers_, returned_);
    returned_ = 0;
    io_uring_cqe* completion = nullptr;
    if (until_ns == 0) {
        io_uring_submit_and_wait(&ring_, 1);
    } else {
        const uint64_t wait_ns = until_ns > now_ns_ ? until_ns - now_ns_ : 0;
        __kernel_timespec wait{static_cast<int64_t>(wait_ns / s_ns), static_cast<long long>(wait_ns % s_ns)};
        io_uring_submit_and_wait_timeout(&ring_, &completion, 1, &wait, nullptr);
    }
    now_ns_ = clock_ns();
    unsigned head = 0, count = 0;
    io_uring_for_each_cqe(&ring_, head, completion) {
        ++count;
        deliver(*completion);
    }
    io_uring_cq_advance(&ring_, count);
    feed_starved();
}

void Loop::feed_starved() {
    feeding_.swap(starved_);
    for (Socket* socket : feeding_) {
        if (!socket->closing_ && !socket->drain()) {
            starved_.push_back(socket);
            continue;
        }
        --socket->with_kernel_;
        if (socket->closing_) socket->finish_when_idle();
        else socket->receive_again();
    }
    feeding_.clear();
}

} // namespace weir::bench
