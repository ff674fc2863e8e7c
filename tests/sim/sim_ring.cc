// tests/sim/sim_ring.cc - byte pipes, completions and the faults between them.
#include "sim_ring.h"

#include "ledger.h"

#include <netinet/in.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace weir::sim {

Faults draw_faults(Random& random) {
    // Each fault is in one world of three, so that worlds with few of them are common and reach deep.
    const auto maybe = [&](uint64_t most) {
        return random.chance(1, 3) ? static_cast<uint32_t>(1 + random.below(most)) : 0U;
    };
    Faults faults;
    faults.short_read_percent = maybe(90);
    faults.slow_send_percent = maybe(60);
    faults.reset_permille = maybe(20);
    faults.no_slab_percent = maybe(30);
    faults.connect_fail_percent = maybe(20);
    faults.connect_never_percent = maybe(5);
    faults.lost_cancel_percent = maybe(100);
    faults.clock_jump_permille = maybe(5);
    faults.short_write_permille = maybe(10);
    faults.sync_fail_permille = maybe(10);
    faults.slow_mail_permille = maybe(30);
    faults.full_box_permille = maybe(20);
    faults.stall_permille = maybe(20);
    faults.database_permille = maybe(10);
    faults.no_socket_percent = maybe(30);
    faults.delay_us_max = static_cast<uint32_t>(1 + random.below(random.chance(1, 4) ? 20'000 : 300));
    return faults;
}

Net::~Net() {
    // The two ends of a pipe hold each other.
    for (const auto& each : ends_)
        if (const auto end = each.lock()) end->peer.reset();
}

void End::read(size_t count) {
    inbound_at += count;
    if (inbound_at < inbound.size()) return;
    inbound.clear();
    inbound_at = 0;
}

void Net::after(uint64_t delay_ns, std::function<void()> act) { pending_.emplace(now_ns + delay_ns, std::move(act)); }

bool Net::run_due() {
    bool ran = false;
    while (!pending_.empty() && pending_.begin()->first <= now_ns) {
        const auto act = std::move(pending_.begin()->second);
        pending_.erase(pending_.begin());
        act();
        ran = true;
    }
    return ran;
}

void Net::transmit(const std::shared_ptr<End>& from, std::string bytes) {
    if (from->finished) broken("bytes were sent on a link behind its end");
    const auto to = from->peer;
    if (!to || to->reset) return;
    if (to->closed) return after(delay(), [this, from] { reset(from); });
    size_t at = 0;
    while (at < bytes.size()) {
        const size_t left = bytes.size() - at;
        const size_t size = roll(faults.slow_send_percent, 100) ? 1 + random.below(left) : left;
        to->last_arrival_ns = std::max(to->last_arrival_ns, now_ns + delay());
        to->coming += size;
        after(to->last_arrival_ns - now_ns, [to, piece = bytes.substr(at, size)] {
            to->coming -= piece.size();
            if (!to->reset && !to->closed) to->inbound += piece;
        });
        at += size;
    }
}

void Net::shut(const std::shared_ptr<End>& from) {
    const auto to = from->peer;
    if (!to || from->finished) return;
    from->finished = true;
    to->last_arrival_ns = std::max(to->last_arrival_ns, now_ns + delay());
    after(to->last_arrival_ns - now_ns, [to] { to->peer_closed = true; });
}

void Net::reset(const std::shared_ptr<End>& end) {
    for (const auto& each : {end, end->peer})
        if (each) {
            each->reset = true;
            each->inbound.clear();
            each->inbound_at = 0;
        }
}

std::shared_ptr<End> Net::connect(uint16_t port, uint32_t address) {
    const auto found = listeners.find(port);
    if (found == listeners.end() || !found->second->open) return nullptr;
    auto mine = std::make_shared<End>(), theirs = std::make_shared<End>();
    ends_.push_back(mine);
    mine->address = address;
    mine->peer = theirs;
    theirs->peer = mine;
    found->second->waiting.push_back(theirs);
    return mine;
}

SimRing::SimRing(Net& net, uint32_t slabs, uint32_t slab_bytes)
    : net_(net), now_ns_(net.now_ns), slabs_(slabs), slab_bytes_(slab_bytes), memory_(size_t{slabs} * slab_bytes) {
    for (uint32_t i = 0; i < slabs; ++i) free_slabs_.push_back(static_cast<uint16_t>(i));
}

SimRing::~SimRing() {
    for (auto& [fd, socket] : sockets_)
        if (socket.end) net_.reset(socket.end);
}

void SimRing::die() {
    for (auto& [fd, listener] : listeners_) {
        listener.first->open = false;
        for (const auto& end : listener.first->waiting) net_.reset(end);
        listener.first->waiting.clear();
    }
    for (auto& [fd, socket] : sockets_) {
        if (!socket.end) continue;
        if (net_.random.chance(1, 2)) net_.reset(socket.end);
        net_.shut(socket.end);
        socket.end->closed = true;
    }
    listeners_.clear();
    sockets_.clear();
    close_files();
    dead_ = true;
}

int SimRing::listen(uint16_t port) {
    auto& listener = net_.listeners[port];
    if (!listener || !listener->open) listener = std::make_shared<Net::Listener>();
    listeners_[next_fd_] = {listener, nullptr};
    return next_fd_++;
}

void SimRing::begin(ring::Op& op) {
    WEIR_ASSERT(!op.with_kernel);
    op.with_kernel = true;
}

void SimRing::complete_later(ring::Op& op, int32_t result) {
    net_.after(net_.delay(), [this, &op, result] { complete(op, {result, true, 0}); });
}

int SimRing::open_socket(int) {
    if (net_.roll(net_.faults.no_socket_percent, 100)) return -EMFILE;
    sockets_[next_fd_] = Socket{.end = nullptr, .outbound = true};
    return next_fd_++;
}

void SimRing::close(int fd) {
    if (const auto listener = listeners_.find(fd); listener != listeners_.end()) {
        listener->second.first->open = false;
        listeners_.erase(listener);
        return;
    }
    if (const auto found = sockets_.find(fd); found != sockets_.end()) {
        WEIR_ASSERT(found->second.receiving == nullptr && found->second.connecting == nullptr &&
                    found->second.sending == nullptr);
        if (found->second.end) {
            net_.shut(found->second.end);
            found->second.end->closed = true;
        }
        sockets_.erase(found);
        return;
    }
    files_.erase(fd);
    ::close(fd); // a file of the record
}

void SimRing::shutdown(int fd, int how) {
    Socket& socket = sockets_.at(fd);
    if (!socket.end) return;
    if (how != SHUT_RD) net_.shut(socket.end);
    if (how == SHUT_WR) return;
    socket.end->peer_closed = true;
    socket.end->inbound.clear();
    socket.end->inbound_at = 0;
    look();
}

ring::Address SimRing::peer(int fd) {
    ring::Address address;
    const Socket& socket = sockets_.at(fd);
    if (!socket.end || !socket.end->peer) return address;
    auto& four = reinterpret_cast<sockaddr_in&>(address.storage);
    four.sin_family = AF_INET;
    four.sin_addr.s_addr = htonl(socket.end->peer->address);
    address.size = sizeof four;
    return address;
}

void SimRing::accept(ring::Op& op, int listener) {
    begin(op);
    listeners_.at(listener).second = &op;
}

void SimRing::receive(ring::Op& op, int fd) {
    begin(op);
    Socket& socket = sockets_.at(fd);
    WEIR_ASSERT(socket.receiving == nullptr);
    socket.receiving = &op;
}

void SimRing::connect(ring::Op& op, int fd, const ring::Address& to) {
    begin(op);
    Socket& socket = sockets_.at(fd);
    socket.connecting = &op;
    if (net_.roll(net_.faults.connect_never_percent, 100)) return;
    const bool refused = net_.roll(net_.faults.connect_fail_percent, 100);
    const uint16_t port = ntohs(reinterpret_cast<const sockaddr_in*>(&to.storage)->sin_port);
    net_.after(net_.delay(), [this, fd, port, refused, &op] {
        const auto found = sockets_.find(fd);
        if (found == sockets_.end() || found->second.connecting != &op) return; // cancelled meanwhile
        found->second.connecting = nullptr;
        if (!refused) found->second.end = net_.connect(port);
        complete(op, {found->second.end ? 0 : -ECONNREFUSED, true, 0});
    });
}

void SimRing::send(ring::Op& op, int fd, std::string_view bytes) {
    begin(op);
    Socket& socket = sockets_.at(fd);
    const bool quiet = std::exchange(quietly_, false);
    socket.sending = &op;
    socket.sent = static_cast<int32_t>(bytes.size());
    socket.waiting = false;
    if (socket.outbound && on_upstream_send) on_upstream_send(bytes);
    if (!socket.end || socket.end->reset || socket.end->finished) {
        socket.sent = -EPIPE;
    } else if (net_.roll(net_.faults.reset_permille, 1000)) {
        // As the kernel tells it: what was taken before the reset is a short count, nothing taken is the error.
        const size_t taken = net_.random.below(bytes.size() + 1);
        net_.transmit(socket.end, std::string(bytes.substr(0, taken)));
        net_.after(net_.delay(), [this, end = socket.end] { net_.reset(end); });
        socket.sent = taken == 0 ? -ECONNRESET : static_cast<int32_t>(taken);
    } else {
        net_.transmit(socket.end, std::string(bytes));
    }
    if (quiet && socket.sent == static_cast<int32_t>(bytes.size()) && !socket.end->peer->full()) {
        quiet_.push_back({std::exchange(socket.sending, nullptr), {socket.sent, true, 0}});
        return;
    }
    net_.after(net_.delay(), [this, fd] {
        Socket* found = find_socket(fd);
        if (found == nullptr || found->sending == nullptr) return;
        found->waiting = true;
        finish_send(*found);
    });
}

void SimRing::finish_send(Socket& socket) {
    const End& end = *socket.end;
    if (end.peer->full() && !end.reset && !end.finished && !end.peer->closed) return;
    socket.waiting = false;
    complete(*std::exchange(socket.sending, nullptr), {socket.sent, true, 0});
}

void SimRing::send_quietly(ring::Op& op, int fd, std::string_view bytes) {
    quietly_ = true;
    send(op, fd, bytes);
}

void SimRing::send_pieces(ring::Op& op, int fd, const msghdr& message) {
    std::string all;
    for (size_t i = 0; i < message.msg_iovlen; ++i)
        all.append(static_cast<const char*>(message.msg_iov[i].iov_base), message.msg_iov[i].iov_len);
    send(op, fd, all);
}

ssize_t SimRing::receive_now(int fd, std::span<char> room) {
    Socket& socket = sockets_.at(fd);
    if (!socket.end) return -ENOTCONN;
    if (socket.end->reset) return -ECONNRESET;
    const auto unread = socket.end->unread();
    if (unread.empty()) return socket.end->peer_closed ? 0 : -EAGAIN;
    const size_t count = std::min(room.size(), unread.size());
    std::memcpy(room.data(), unread.data(), count);
    socket.end->read(count);
    return static_cast<ssize_t>(count);
}

int SimRing::look_ahead(int fd) {
    const Socket& socket = sockets_.at(fd);
    if (!socket.end) return -ENOTCONN;
    if (socket.end->reset) return -ECONNRESET;
    if (!socket.end->unread().empty()) return 1;
    return socket.end->peer_closed ? 0 : -EAGAIN;
}

void SimRing::cancel(ring::Op& op) {
    for (auto& [fd, socket] : sockets_) {
        ring::Op** armed = socket.receiving == &op    ? &socket.receiving
                           : socket.connecting == &op ? &socket.connecting
                                                      : nullptr;
        if (armed == nullptr) continue;
        // A lost cancel: the operation goes on and ends by itself, here by a little time in which it may still complete.
        const uint64_t delay = net_.roll(net_.faults.lost_cancel_percent, 100) ? net_.delay() : 0;
        net_.after(delay, [this, number = fd, &op] {
            const auto found = sockets_.find(number);
            if (found == sockets_.end()) return;
            if (found->second.receiving == &op) found->second.receiving = nullptr;
            else if (found->second.connecting == &op) found->second.connecting = nullptr;
            else return;
            complete(op, {-ECANCELED, true, 0});
        });
        return;
    }
    for (auto& [fd, listener] : listeners_)
        if (listener.second == &op) {
            listener.second = nullptr;
            return complete(op, {-ECANCELED, true, 0});
        }
}

void SimRing::receive_one(Socket& socket) {
    End& end = *socket.end;
    ring::Op& op = *socket.receiving;
    const auto stop = [&](int32_t result) {
        socket.receiving = nullptr;
        complete(op, {result, true, 0});
    };
    if (end.reset) return stop(-ECONNRESET);
    if (end.unread().empty()) {
        if (end.peer_closed) stop(0);
        return;
    }
    if (net_.roll(net_.faults.reset_permille, 1000)) {
        net_.reset(socket.end);
        return stop(-ECONNRESET);
    }
    if (free_slabs_.empty() || net_.roll(net_.faults.no_slab_percent, 100)) return stop(-ENOBUFS);
    size_t count = std::min<size_t>(end.unread().size(), slab_bytes_ - padding_bytes);
    if (net_.roll(net_.faults.short_read_percent, 100)) count = 1 + net_.random.below(count);
    const uint16_t slab = free_slabs_.back();
    free_slabs_.pop_back();
    std::memcpy(memory_.data() + size_t{slab} * slab_bytes_, end.unread().data(), count);
    end.read(count);
    const bool last = net_.random.chance(1, 20); // a multishot may end at any time
    if (last) socket.receiving = nullptr;
    complete(op, {static_cast<int32_t>(count), last, static_cast<uint16_t>(slab + 1)});
}

void SimRing::look() {
    for (auto& [fd, listener] : listeners_) {
        while (listener.second != nullptr && !listener.first->waiting.empty()) {
            sockets_[next_fd_] = Socket{.end = listener.first->waiting.front(), .outbound = false};
            listener.first->waiting.pop_front();
            complete(*listener.second, {next_fd_++, false, 0});
        }
    }
    for (auto& [fd, socket] : sockets_) {
        if (socket.receiving != nullptr && socket.end) receive_one(socket);
        if (socket.waiting) finish_send(socket);
    }
}

void SimRing::turn(uint64_t deadline_ns, uint64_t) {
    deadline_ns_ = deadline_ns;
    now_ns_ = net_.now_ns;
    look();
    if (wake_pending_ && wake_op_ != nullptr) {
        wake_pending_ = false;
        wake_op_->done(*wake_op_, {1, false, 0});
    }
    auto batch = std::move(ready_);
    ready_.clear();
    batch.insert(batch.end(), quiet_.begin(), quiet_.end());
    quiet_.clear();
    while (!batch.empty()) {
        const Ready ready = batch.front();
        batch.pop_front();
        if (ready.done.last) ready.op->with_kernel = false;
        ready.op->done(*ready.op, ready.done);
    }
}

ring::Slab SimRing::adopt(const ring::Completion& done) {
    const auto number = static_cast<uint16_t>(done.slab - 1);
    return {*this, number, memory_.data() + size_t{number} * slab_bytes_, static_cast<uint32_t>(done.result)};
}

void SimRing::give_back(uint16_t slab) {
    WEIR_ASSERT(std::ranges::find(free_slabs_, slab) == free_slabs_.end());
    free_slabs_.push_back(slab);
}

} // namespace weir::sim
