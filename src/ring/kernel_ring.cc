// ring/kernel_ring.cc - the only file that talks to liburing on a worker's behalf.
#include "ring/kernel_ring.h"

#include "base/bytes.h"

#include <fcntl.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <utility>
#include <vector>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) (static_cast<void>(address), static_cast<void>(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) (static_cast<void>(address), static_cast<void>(size))
#endif

namespace weir::ring {
namespace {

// A peer that is gone without a word is noticed on connections that may be silent for as long as they like: it is asked
// when nothing came for so long, so often, and gone when none of that is answered: two minutes in all.
constexpr int silent_s = 60, ask_every_s = 10, asked_max = 6;

void keep_alive(int fd) {
    const int one = 1;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &silent_s, sizeof silent_s);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &ask_every_s, sizeof ask_every_s);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &asked_max, sizeof asked_max);
}

uint64_t read_clock(clockid_t clock) {
    timespec now{};
    clock_gettime(clock, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<uint64_t>(now.tv_nsec);
}

constexpr uint64_t pace_window_ns = 1'000'000;
constexpr uint64_t company_expected_min = 3;   // fewer do not pay for the wait; one lone connection makes fewer
constexpr unsigned company_max = 16;           // enough: no more is waited for
constexpr uint64_t wall_every_ns = 10'000'000; // how late a step of the wall clock is noticed

__kernel_timespec timespec_of(uint64_t ns) {
    return {static_cast<int64_t>(ns / 1'000'000'000U), static_cast<long long>(ns % 1'000'000'000U)};
}

class KernelRing final : public Ring {
  public:
    KernelRing(const KernelRingOptions& options, std::shared_ptr<Waker> waker)
        : options_(options), waker_(std::move(waker)) {
        read_clocks();
    }

    /// 0, or -errno.
    int start() {
        io_uring_params parameters{};
        parameters.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE;
        if (options_.busy_poll_ns != 0) parameters.flags |= IORING_SETUP_TASKRUN_FLAG; // tells without a call
        parameters.cq_entries = options_.completions;
        if (const int failed = io_uring_queue_init_params(options_.submissions, &ring_, &parameters); failed != 0)
            return failed;
        started_ = true;
        has_min_wait_ = (parameters.features & IORING_FEAT_MIN_TIMEOUT) != 0;
        io_uring_register_ring_fd(&ring_); // An optimisation: without it calls go by the plain descriptor.
        const size_t pool_bytes = size_t{options_.slabs} * options_.slab_bytes;
        void* pool = mmap(nullptr, pool_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (pool == MAP_FAILED) return -errno;
        pool_ = static_cast<char*>(pool);
        int failed = 0;
        buffers_ = io_uring_setup_buf_ring(&ring_, options_.slabs, 0, 0, &failed);
        if (buffers_ == nullptr) return failed;
        for (uint32_t i = 0; i < options_.slabs; ++i) lend(static_cast<uint16_t>(i));
        slabs_free_ = options_.slabs;
        return 0;
    }

    ~KernelRing() override {
        if (buffers_ != nullptr) io_uring_free_buf_ring(&ring_, buffers_, options_.slabs, 0);
        if (started_) io_uring_queue_exit(&ring_);
        if (pool_ == nullptr) return;
        const size_t pool_bytes = size_t{options_.slabs} * options_.slab_bytes;
        ASAN_UNPOISON_MEMORY_REGION(pool_, pool_bytes);
        munmap(pool_, pool_bytes);
    }

    uint64_t now_ns() const override { return now_ns_; }
    uint64_t wall_ns() const override { return wall_ns_; }
    uint64_t elapsed_ns() const override { return read_clock(CLOCK_MONOTONIC) - now_ns_; }

    int open_socket(int family) override {
        const int fd = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0) return -errno;
        no_delay(fd);
        keep_alive(fd);
        return fd;
    }
    void close(int fd) override { ::close(fd); }
    void shutdown(int fd, int how) override { ::shutdown(fd, how); }
    Address peer(int fd) override {
        Address address;
        address.size = sizeof address.storage;
        if (::getpeername(fd, reinterpret_cast<sockaddr*>(&address.storage), &address.size) != 0) address.size = 0;
        return address;
    }

    void accept(Op& op, int listener) override {
        io_uring_sqe* entry = take(op);
        io_uring_prep_multishot_accept(entry, listener, nullptr, nullptr, SOCK_CLOEXEC);
        tag(entry, op);
    }
    void receive(Op& op, int fd) override {
        io_uring_sqe* entry = take(op);
        io_uring_prep_recv_multishot(entry, fd, nullptr, 0, 0);
        entry->flags |= IOSQE_BUFFER_SELECT;
        entry->buf_group = 0;
        entry->ioprio |= IORING_RECVSEND_POLL_FIRST;
        tag(entry, op);
    }
    void connect(Op& op, int fd, const Address& to) override {
        io_uring_sqe* entry = take(op);
        io_uring_prep_connect(entry, fd, to.get(), to.size);
        tag(entry, op);
    }
    void send(Op& op, int fd, std::string_view bytes) override {
        io_uring_sqe* entry = take(op);
        io_uring_prep_send(entry, fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_WAITALL);
        tag(entry, op);
    }
    // Without waiting for room such a send is over when the call that submits it returns, and is silent if all went. A turn
    // that ends for nothing but "it was sent" would come after each message otherwise.
    void send_quietly(Op& op, int fd, std::string_view bytes) override {
        io_uring_sqe* entry = take(op);
        io_uring_prep_send(entry, fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_WAITALL | MSG_DONTWAIT);
        entry->flags |= IOSQE_CQE_SKIP_SUCCESS;
        io_uring_sqe_set_data64(entry, reinterpret_cast<uint64_t>(&op) | quiet_tag);
        quiet_.push_back({&op, fd, bytes});
    }
    void send_pieces(Op& op, int fd, const msghdr& message) override {
        io_uring_sqe* entry = take(op);
        io_uring_prep_sendmsg(entry, fd, &message, MSG_NOSIGNAL | MSG_WAITALL);
        tag(entry, op);
    }
    ssize_t receive_now(int fd, std::span<char> room) override {
        const ssize_t got = ::recv(fd, room.data(), room.size(), MSG_DONTWAIT);
        return got < 0 ? -errno : got;
    }
    int look_ahead(int fd) override {
        char octet = 0;
        const ssize_t got = ::recv(fd, &octet, 1, MSG_DONTWAIT | MSG_PEEK);
        return got < 0 ? -errno : static_cast<int>(got);
    }
    void cancel(Op& op) override {
        WEIR_ASSERT(op.with_kernel);
        io_uring_sqe* entry = next();
        io_uring_prep_cancel(entry, &op, 0);
        entry->flags |= IOSQE_CQE_SKIP_SUCCESS;
        io_uring_sqe_set_data(entry, nullptr);
    }

    void open_file(Op& op, int directory, const char* path, int flags, uint32_t mode) override {
        io_uring_sqe* entry = take(op);
        io_uring_prep_openat(entry, directory, path, flags | O_CLOEXEC, mode);
        tag(entry, op);
    }
    void allocate(Op& op, int fd, uint64_t offset, uint64_t size) override {
        io_uring_sqe* entry = take(op);
        io_uring_prep_fallocate(entry, fd, 0, offset, size);
        tag(entry, op);
    }
    void write(Op& op, int fd, std::string_view bytes, uint64_t offset, Op* synced) override {
        if (io_uring_sq_space_left(&ring_) < 2) io_uring_submit(&ring_); // A link may not straddle submissions.
        io_uring_sqe* entry = take(op);
        io_uring_prep_write(entry, fd, bytes.data(), static_cast<unsigned>(bytes.size()), offset);
        if (synced != nullptr) entry->flags |= IOSQE_IO_LINK;
        tag(entry, op);
        if (synced != nullptr) sync(*synced, fd, true);
    }
    // No block may be part of a larger one, either.
    bool takes_blocks(int fd) override {
        struct statx about{};
        return ::statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &about) == 0 && (about.stx_mask & STATX_DIOALIGN) != 0 &&
               about.stx_dio_mem_align != 0 && about.stx_dio_mem_align <= direct_block_bytes &&
               about.stx_dio_offset_align != 0 && about.stx_dio_offset_align <= direct_block_bytes &&
               about.stx_blksize <= direct_block_bytes;
    }
    bool turn_direct(int fd, bool direct) override {
        const int flags = ::fcntl(fd, F_GETFL);
        return flags >= 0 && ::fcntl(fd, F_SETFL, direct ? flags | O_DIRECT : flags & ~O_DIRECT) == 0;
    }
    // By a thread of the kernel's: what such a write may wait for, like the file system's journal, is nothing to wait for here.
    void write_directly(Op& op, int fd, std::string_view bytes, uint64_t offset) override {
        io_uring_sqe* entry = take(op);
        io_uring_prep_write(entry, fd, bytes.data(), static_cast<unsigned>(bytes.size()), offset);
        entry->flags |= IOSQE_ASYNC;
        tag(entry, op);
    }
    void sync(Op& op, int fd, bool data_only) override {
        io_uring_sqe* entry = take(op);
        io_uring_prep_fsync(entry, fd, data_only ? IORING_FSYNC_DATASYNC : 0);
        tag(entry, op);
    }
    void unlink(Op& op, int directory, const char* path) override {
        io_uring_sqe* entry = take(op);
        io_uring_prep_unlinkat(entry, directory, path, 0);
        tag(entry, op);
    }

    void on_wake(Op* op) override {
        wake_op_ = op;
        if (!std::exchange(wake_armed_, true)) arm_wake();
    }

    void turn(uint64_t deadline_ns, uint64_t company_ns) override {
        publish_slabs();
        wait(deadline_ns, company_ns);
        if (io_uring_sq_ready(&ring_) == 0 && !io_uring_cq_has_overflow(&ring_)) quiet_submitted_ = quiet_.size();
        read_clocks();
        unsigned head = 0, delivered = 0;
        io_uring_cqe* entry = nullptr;
        io_uring_for_each_cqe(&ring_, head, entry) {
            ++delivered;
            if ((entry->user_data & quiet_tag) != 0) [[unlikely]]
                end_quiet(*reinterpret_cast<Op*>(entry->user_data & ~quiet_tag), entry->res);
            else if (auto* op = static_cast<Op*>(io_uring_cqe_get_data(entry)); op != nullptr) deliver(*op, *entry);
        }
        io_uring_cq_advance(&ring_, delivered);
        keep_pace(delivered + tell_quiet());
    }
    void submit() override { io_uring_submit(&ring_); }

    Slab adopt(const Completion& done) override {
        WEIR_ASSERT(done.slab != 0 && done.result > 0);
        const auto number = static_cast<uint16_t>(done.slab - 1);
        return {*this, number, pool_ + size_t{number} * options_.slab_bytes, static_cast<uint32_t>(done.result)};
    }
    uint32_t slabs_free() const override { return slabs_free_; }
    uint32_t slabs_total() const override { return options_.slabs; }

  protected:
    void give_back(uint16_t slab) override {
        lend(slab);
        ++slabs_free_;
    }

  private:
    static void no_delay(int fd) {
        const int one = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    }

    io_uring_sqe* next() {
        io_uring_sqe* entry = io_uring_get_sqe(&ring_);
        if (entry == nullptr) {
            io_uring_submit(&ring_);
            entry = io_uring_get_sqe(&ring_);
        }
        WEIR_ASSERT(entry != nullptr);
        return entry;
    }
    io_uring_sqe* take(Op& op) {
        WEIR_ASSERT(!op.with_kernel && op.done != nullptr);
        op.with_kernel = true;
        return next();
    }
    static void tag(io_uring_sqe* entry, Op& op) { io_uring_sqe_set_data(entry, &op); }

    void lend(uint16_t slab) {
        char* bytes = pool_ + size_t{slab} * options_.slab_bytes;
        ASAN_POISON_MEMORY_REGION(bytes, options_.slab_bytes);
        io_uring_buf_ring_add(buffers_, bytes, static_cast<unsigned>(options_.slab_bytes - padding_bytes), slab,
                              io_uring_buf_ring_mask(options_.slabs), unpublished_++);
    }
    void publish_slabs() {
        if (unpublished_ == 0) return;
        io_uring_buf_ring_advance(buffers_, unpublished_);
        unpublished_ = 0;
    }

    void deliver(Op& op, const io_uring_cqe& entry) {
        Completion done{entry.res, (entry.flags & IORING_CQE_F_MORE) == 0, 0};
        if (&op == &wake_read_) return deliver_wake();
        if (&op == &alarm_) {
            alarm_ns_ = UINT64_MAX;
            return;
        }
        if ((entry.flags & IORING_CQE_F_BUFFER) != 0) {
            const auto slab = static_cast<uint16_t>(entry.flags >> IORING_CQE_BUFFER_SHIFT);
            --slabs_free_;
            if (entry.res > 0) {
                ASAN_UNPOISON_MEMORY_REGION(pool_ + size_t{slab} * options_.slab_bytes,
                                            static_cast<size_t>(entry.res) + padding_bytes);
                done.slab = static_cast<uint16_t>(slab + 1);
            } else {
                give_back(slab);
            }
        }
        if (done.last) op.with_kernel = false;
        op.done(op, done);
    }

    /// A quiet send that met no room goes on as any other; what else it came to is told.
    void end_quiet(Op& op, int32_t result) {
        const auto found = std::ranges::find(quiet_, &op, &Quiet::op);
        WEIR_ASSERT(found != quiet_.end());
        const Quiet sent = *found;
        if (found - quiet_.begin() < static_cast<ptrdiff_t>(quiet_submitted_)) --quiet_submitted_;
        quiet_.erase(found);
        op.with_kernel = false;
        if (result == -EAGAIN) return send(op, sent.fd, sent.bytes);
        op.done(op, {result, true, 0});
    }
    /// Tells of the quiet sends that nothing was heard of: all went. Returns how many.
    unsigned tell_quiet() {
        const auto told = static_cast<unsigned>(std::exchange(quiet_submitted_, 0));
        for (size_t i = 0; i < told; ++i) {
            const Quiet sent = quiet_[i];
            sent.op->with_kernel = false;
            sent.op->done(*sent.op, {static_cast<int32_t>(sent.bytes.size()), true, 0});
        }
        quiet_.erase(quiet_.begin(), quiet_.begin() + told);
        return told;
    }

    // A time-out of the wait itself would be set and cancelled in every turn, which costs more than the turn's own work
    // when there is little of it. So one alarm stands ready, and is set anew only when it would ring too late.
    void wait(uint64_t deadline_ns, uint64_t company_ns) {
        if (deadline_ns <= now_ns_) {
            io_uring_submit_and_get_events(&ring_);
            return;
        }
        if (options_.busy_poll_ns != 0 && poll_busily(deadline_ns)) return;
        if (deadline_ns < alarm_ns_) set_alarm(deadline_ns);
        const bool company = pace_ * company_ns >= company_expected_min * pace_window_ns;
        if (!company || !has_min_wait_) {
            io_uring_submit_and_wait(&ring_, 1);
            return;
        }
        __kernel_timespec limit = timespec_of(deadline_ns - now_ns_);
        io_uring_cqe* first = nullptr;
        io_uring_submit_and_wait_min_timeout(&ring_, &first, company_max, &limit,
                                             static_cast<unsigned>(company_ns / 1000), nullptr);
    }
    /// Asks for completions instead of sleeping, which costs a core and spares a call the time that sleeping and waking take. False:
    /// there was none for busy_poll_ns.
    bool poll_busily(uint64_t deadline_ns) {
        io_uring_submit_and_get_events(&ring_);
        const uint64_t stop_ns = read_clock(CLOCK_MONOTONIC) + options_.busy_poll_ns;
        while (io_uring_cq_ready(&ring_) == 0) {
            const uint64_t at_ns = read_clock(CLOCK_MONOTONIC);
            if (at_ns >= deadline_ns) return true;
            if (at_ns >= stop_ns) return false;
            if ((IO_URING_READ_ONCE(*ring_.sq.kflags) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0)
                io_uring_get_events(&ring_);
        }
        return true;
    }
    void set_alarm(uint64_t at_ns) {
        io_uring_sqe* entry = next();
        alarm_time_ = timespec_of(at_ns);
        if (alarm_ns_ == UINT64_MAX) {
            io_uring_prep_timeout(entry, &alarm_time_, 0, IORING_TIMEOUT_ABS);
            io_uring_sqe_set_data(entry, &alarm_);
        } else {
            io_uring_prep_timeout_update(entry, &alarm_time_, reinterpret_cast<uint64_t>(&alarm_), IORING_TIMEOUT_ABS);
            entry->flags |=
                IOSQE_CQE_SKIP_SUCCESS; // One that rang meanwhile is not found, and set again: see deliver().
            io_uring_sqe_set_data(entry, nullptr);
        }
        alarm_ns_ = at_ns;
    }

    void read_clocks() {
        now_ns_ = read_clock(CLOCK_MONOTONIC);
        if (now_ns_ >= wall_due_ns_) {
            wall_due_ns_ = now_ns_ + wall_every_ns;
            wall_ahead_ns_ = read_clock(CLOCK_REALTIME) - now_ns_;
        }
        wall_ns_ = now_ns_ + wall_ahead_ns_;
    }
    void keep_pace(unsigned delivered) {
        delivered_ += delivered;
        const uint64_t took = now_ns_ - pace_since_ns_;
        if (took < pace_window_ns) return;
        pace_ = delivered_ * pace_window_ns / took;
        delivered_ = 0;
        pace_since_ns_ = now_ns_;
    }

    void arm_wake() {
        io_uring_sqe* entry = next();
        io_uring_prep_read(entry, waker_->fd(), &wake_count_, sizeof wake_count_, 0);
        io_uring_sqe_set_data(entry, &wake_read_);
    }
    void deliver_wake() {
        arm_wake();
        if (wake_op_ != nullptr) wake_op_->done(*wake_op_, Completion{1, false, 0});
    }

    struct Quiet {
        Op* op;
        int fd;
        std::string_view bytes;
    };
    static constexpr uint64_t quiet_tag = 1; // in user_data, where pointers have a zero

    KernelRingOptions options_;
    std::shared_ptr<Waker> waker_;
    io_uring ring_{};
    bool started_ = false;
    bool has_min_wait_ = false;
    char* pool_ = nullptr;
    io_uring_buf_ring* buffers_ = nullptr;
    int unpublished_ = 0;
    uint32_t slabs_free_ = 0;
    std::vector<Quiet> quiet_;
    size_t quiet_submitted_ = 0; // of these, when the last wait began
    uint64_t pace_ = 0;          // completions a pace_window_ns, as they came in the last whole one
    uint64_t pace_since_ns_ = 0, delivered_ = 0;
    uint64_t wall_ahead_ns_ = 0, wall_due_ns_ = 0;
    Op alarm_{};
    uint64_t alarm_ns_ = UINT64_MAX; // when it rings; UINT64_MAX: it is not set
    __kernel_timespec alarm_time_{};
    uint64_t now_ns_ = 0, wall_ns_ = 0;
    Op wake_read_{};
    Op* wake_op_ = nullptr;
    bool wake_armed_ = false;
    uint64_t wake_count_ = 0;
};

/// Connections of a program that has ended, and what of them waits in the kernel, keep nobody from the address.
void set_for_listening(int fd, int family) {
    const int one = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
}

} // namespace

Waker::~Waker() { ::close(event_fd_); }

void Waker::wake() {
    const uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(event_fd_, &one, sizeof one); // Full means: awake already.
}

Result<std::shared_ptr<Waker>> make_waker() {
    const int fd = ::eventfd(0, EFD_CLOEXEC);
    if (fd < 0) return fail(Error::io_failed);
    return std::make_shared<Waker>(fd);
}

Result<std::unique_ptr<Ring>> make_kernel_ring(const KernelRingOptions& options, std::shared_ptr<Waker> waker) {
    auto made = std::make_unique<KernelRing>(options, std::move(waker));
    if (const int failed = made->start(); failed != 0) {
        errno = -failed;
        return fail(Error::io_failed);
    }
    return made;
}

int try_address(const Address& address) {
    const int family = address.get()->sa_family;
    const int fd = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    set_for_listening(fd, family);
    const int failed = ::bind(fd, address.get(), address.size) != 0 ? errno : 0;
    ::close(fd);
    return -failed;
}

int listen_on(const Address& address, int backlog) {
    const int family = address.get()->sa_family;
    const int fd = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    const int one = 1;
    if (family == AF_UNIX) {
        ::unlink(reinterpret_cast<const sockaddr_un*>(address.get())->sun_path);
    } else {
        set_for_listening(fd, family);
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one,
                   sizeof one); // Inherited by what is accepted, as is what follows.
        keep_alive(fd);
    }
    // Between bind and chmod nobody can connect: the socket does not listen yet.
    int failed = ::bind(fd, address.get(), address.size) != 0 ? errno : 0;
    if (failed == 0 && family == AF_UNIX &&
        ::chmod(reinterpret_cast<const sockaddr_un*>(address.get())->sun_path, 0600) != 0)
        failed = errno;
    if (failed == 0 && ::listen(fd, backlog) != 0) failed = errno;
    if (failed == 0) return fd;
    ::close(fd);
    return -failed;
}

} // namespace weir::ring
