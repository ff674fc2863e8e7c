// ring/probe.cc - tries what the Ring of production needs: the ring, its buffers, and a receive that completes twice.
#include "ring/probe.h"

#include <liburing.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cerrno>

namespace weir::ring {
namespace {

constexpr unsigned buffer_count = 4, buffer_bytes = 64;
constexpr int buffer_group = 1;

/// Waits at most 100 ms for one completion. False when none came.
bool completion(io_uring& ring, int& result, unsigned& flags) {
    __kernel_timespec patience{.tv_sec = 0, .tv_nsec = 100'000'000};
    io_uring_cqe* cqe = nullptr;
    if (io_uring_submit_and_wait_timeout(&ring, &cqe, 1, &patience, nullptr) < 0 || cqe == nullptr) return false;
    result = cqe->res;
    flags = cqe->flags;
    io_uring_cqe_seen(&ring, cqe);
    return true;
}

/// Whether one receive on a socket pair completes for each of two arrivals, each time with a buffer of the ring.
bool receives_twice(io_uring& ring) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return false;
    io_uring_sqe* sqe = io_uring_get_sqe(&ring);
    io_uring_prep_recv_multishot(sqe, pair[0], nullptr, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = buffer_group;
    bool good = true;
    for (int arrival = 0; arrival < 2 && good; ++arrival) {
        int result = 0;
        unsigned flags = 0;
        good = write(pair[1], "x", 1) == 1 && completion(ring, result, flags) && result == 1 &&
               (flags & IORING_CQE_F_BUFFER) != 0 && (flags & IORING_CQE_F_MORE) != 0;
    }
    close(pair[1]);
    int result = 0;
    unsigned flags = 0;
    while (good && completion(ring, result, flags) && (flags & IORING_CQE_F_MORE) != 0) {}
    close(pair[0]);
    return good;
}

void try_buffers(io_uring& ring, Probe& found) {
    int error = 0;
    io_uring_buf_ring* buffers = io_uring_setup_buf_ring(&ring, buffer_count, buffer_group, 0, &error);
    if (buffers == nullptr) return;
    found.buffer_ring = true;
    static thread_local char memory[buffer_count][buffer_bytes];
    for (unsigned i = 0; i < buffer_count; ++i) {
        io_uring_buf_ring_add(buffers, memory[i], buffer_bytes, static_cast<unsigned short>(i),
                              io_uring_buf_ring_mask(buffer_count), static_cast<int>(i));
    }
    io_uring_buf_ring_advance(buffers, buffer_count);
    found.multishot_receive = receives_twice(ring);
    io_uring_free_buf_ring(&ring, buffers, buffer_count, buffer_group);
}

} // namespace

Probe probe() {
    Probe found;
    io_uring ring{};
    io_uring_params params{};
    params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
    int made = io_uring_queue_init_params(8, &ring, &params);
    found.settings = made == 0;
    if (made == -EINVAL) {
        params = {};
        made = io_uring_queue_init_params(8, &ring, &params);
    }
    if (made != 0) {
        found.error = -made;
        return found;
    }
    if (io_uring_probe* operations = io_uring_get_probe_ring(&ring)) {
        found.message_ring = io_uring_opcode_supported(operations, IORING_OP_MSG_RING) != 0;
        found.zero_copy_send = io_uring_opcode_supported(operations, IORING_OP_SEND_ZC) != 0;
        io_uring_free_probe(operations);
    }
    found.min_wait = (params.features & IORING_FEAT_MIN_TIMEOUT) != 0;
    try_buffers(ring, found);
    io_uring_queue_exit(&ring);
    return found;
}

} // namespace weir::ring
