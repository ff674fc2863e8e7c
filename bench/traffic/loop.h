// bench/traffic/loop.h - one io_uring and the sockets on it: what the bench's own client, upstream and raw relay share.
//
// Not weir's ring, so that the floor does not move when weir does; the settings are those that were found best for both
// (SINGLE_ISSUER and DEFER_TASKRUN, multishot receive, few provided buffers that stay in the cache). One thread.
//
// A Socket owns its descriptor; bytes to be sent stay the sender's and must not change until sent().
#pragma once

#include <liburing.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

namespace weir::bench {

constexpr uint64_t ms_ns = 1'000'000, s_ns = 1'000'000'000;

/// Says what went wrong and ends the process: a bench has nobody to answer to.
[[noreturn]] void give_up(const char* what, int error);
uint64_t clock_ns();
/// 127.0.0.1:`port`.
struct Place {
    explicit Place(uint16_t port);
    sockaddr_storage address{};
    socklen_t size = 0;
};
/// A listening socket on 127.0.0.1:`port` (0: one that is free); tries for a moment, since a ring that has just ended may
/// still hold the port.
int listen_on(uint16_t port);
uint16_t port_of(int listener);
/// A port of 127.0.0.1 that nobody has and that the system gives to nobody else meanwhile. weir may listen there: its
/// listeners share their ports (SO_REUSEPORT) with sockets of the same user, and this one does not listen.
class Reserved {
  public:
    Reserved();
    ~Reserved();
    Reserved(const Reserved&) = delete;
    Reserved& operator=(const Reserved&) = delete;
    uint16_t port() const { return port_of(fd_); }

  private:
    int fd_;
};

class Loop;

class Socket {
  public:
    explicit Socket(Loop& on) : loop(on) {}
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    virtual ~Socket() = default;

    /// Takes a connected descriptor and begins to receive.
    void adopt(int connected);
    void connect(const Place& to);
    /// Sends all of `bytes`, and of `more` behind it. One at a time.
    void send(std::string_view bytes, std::string_view more = {});
    /// Ends both directions; gone() follows when the kernel holds nothing of this socket any more.
    void close() { close(false); }
    /// The same by a reset, which the peer sees in the middle of whatever it does.
    void reset() { close(true); }
    void receive_again();
    bool sending() const { return sending_; }
    bool closing() const { return closing_; }
    int fd() const { return fd_; }

    Loop& loop;

  protected:
    virtual void connected() {}
    /// `bytes` lie in the loop's `buffer`, which is to be given back.
    virtual void received(uint16_t buffer, std::string_view bytes) = 0;
    virtual void sent() {}
    /// The peer is done, or the connection broke.
    virtual void ended() = 0;
    /// No buffer was free when bytes came. Called at the end of the turn: true to receive on, false to be asked again.
    virtual bool drain() { return true; }
    /// After close(): nothing is with the kernel. May destroy this.
    virtual void gone() = 0;

  private:
    friend class Loop;
    enum Operation : uint64_t { receiving = 1, send_operation = 2, connecting = 3 };
    void close(bool by_reset);
    void done(uint64_t operation, int result, unsigned flags);
    void finish_when_idle();

    int fd_ = -1;
    unsigned with_kernel_ = 0;
    bool sending_ = false, closing_ = false, gone_ = false, delivering_ = false;
    size_t send_bytes_ = 0;
    std::array<iovec, 2> pieces_{};
    msghdr message_{};
    Place to_{0};
};

class Loop {
  public:
    Loop(unsigned buffers, unsigned buffer_bytes);
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    /// Calls `take` with every connection accepted on `listener` (as listen_on made it).
    void accept(int listener, std::function<void(int fd)> take);
    /// Calls `take` with what comes in on `fd` (a pipe or a terminal); with nothing at its end.
    void read_lines(int fd, std::function<void(std::string_view)> take);
    /// One round: submits, waits until something completes or `until_ns` (0: as long as it takes), delivers.
    void turn(uint64_t until_ns = 0);
    uint64_t now_ns() const { return now_ns_; } // of this turn
    void give_back(uint16_t buffer);
    std::string_view buffer(uint16_t number, size_t size) const { return {memory(number), size}; }

  private:
    friend class Socket;
    io_uring_sqe* entry(uint64_t tag);
    char* memory(uint16_t number) const { return pool_.get() + size_t{number} * buffer_bytes_; }
    void deliver(const io_uring_cqe& completion);
    void arm_accept();
    void arm_lines();
    void feed_starved();

    io_uring ring_{};
    io_uring_buf_ring* buffers_ = nullptr;
    unsigned buffer_count_, buffer_bytes_;
    int returned_ = 0; // since the kernel was told last
    std::unique_ptr<char[]> pool_;
    uint64_t now_ns_;
    int listener_ = -1, lines_ = -1;
    std::function<void(int)> accepted_;
    std::function<void(std::string_view)> read_;
    std::array<char, 4096> line_{};
    std::vector<Socket*> starved_, feeding_;
};

} // namespace weir::bench
