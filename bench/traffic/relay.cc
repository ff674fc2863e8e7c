// bench/traffic/relay.cc - the floor: a relay of raw octets. bench_relay LISTEN UPSTREAM
//
// What moving the bytes costs and nothing else: one upstream connection for each client connection, nothing read of what
// goes by. It does what a relay can do best with io_uring: a received buffer is what is sent on; who finds no buffer
// left moves bulk, and is drained through one hot buffer that stays in the cache.
#include "loop.h"

#include <unistd.h>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <deque>
#include <string>

namespace {

using namespace weir::bench;

constexpr unsigned buffers = 64, buffer_bytes = 16 << 10;
constexpr uint16_t no_buffer = UINT16_MAX;

class Half;
std::array<char, 256 << 10> hot;

struct Pair;

class Half final : public Socket {
  public:
    Half(Loop& on, Pair& pair) : Socket(on), pair_(pair) {}
    Half* other = nullptr;

    void drop_queue() {
        for (const Piece& piece : queue_)
            if (piece.buffer != no_buffer) loop.give_back(piece.buffer);
        queue_.clear();
    }

  private:
    struct Piece {
        uint16_t buffer;
        std::string_view bytes;
        std::string copy; // where `bytes` lie when they are in no buffer
    };
    void received(uint16_t buffer, std::string_view bytes) override {
        other->queue_.push_back({buffer, bytes, {}});
        other->pump();
    }
    void sent() override {
        if (queue_.front().buffer != no_buffer) loop.give_back(queue_.front().buffer);
        queue_.pop_front();
        if (queue_.empty() && other->over_) return close_both();
        pump();
    }
    void ended() override {
        over_ = true;
        if (other->queue_.empty()) close_both(); // Else once what came before has left.
    }
    void close_both();
    void gone() override;
    bool drain() override;

    void pump() {
        if (queue_.empty() || sending() || closing()) return;
        Piece& next = queue_.front();
        if (next.buffer == no_buffer) next.bytes = next.copy;
        send(next.bytes);
    }

    Pair& pair_;
    std::deque<Piece> queue_; // to be sent here
    bool over_ = false;       // nothing more comes from here
};

struct Pair {
    explicit Pair(Loop& loop) : client(loop, *this), upstream(loop, *this) {
        client.other = &upstream;
        upstream.other = &client;
    }
    Half client, upstream;
    int alive = 2;
};

void Half::close_both() {
    pair_.client.close();
    pair_.upstream.close();
}

void Half::gone() {
    if (--pair_.alive != 0) return;
    pair_.client.drop_queue();
    pair_.upstream.drop_queue();
    delete &pair_;
}

bool Half::drain() {
    if (other->sending() || !other->queue_.empty()) return false; // What came first goes first.
    for (;;) {
        const ssize_t got = ::recv(fd(), hot.data(), hot.size(), MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN) return true;
        if (got <= 0) {
            ended();
            return true;
        }
        const auto size = static_cast<size_t>(got);
        const ssize_t put = ::send(other->fd(), hot.data(), size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (put < 0 && errno != EAGAIN) {
            ended();
            return true;
        }
        const size_t done = put < 0 ? 0 : static_cast<size_t>(put);
        if (done < size) {
            other->queue_.push_back({no_buffer, {}, std::string(hot.data() + done, size - done)});
            other->pump();
            return false;
        }
        if (size < hot.size()) return true;
    }
}

} // namespace

int main(int count, char** arguments) {
    if (count != 3) return 2;
    Loop loop(buffers, buffer_bytes);
    const Place upstream(static_cast<uint16_t>(std::atoi(arguments[2])));
    loop.accept(listen_on(static_cast<uint16_t>(std::atoi(arguments[1]))), [&](int fd) {
        auto* pair = new Pair(loop);
        // Blocking, but on loopback it is done when it returns.
        const int to = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (::connect(to, reinterpret_cast<const sockaddr*>(&upstream.address), upstream.size) != 0)
            give_up("connect", errno);
        pair->upstream.adopt(to);
        pair->client.adopt(fd);
    });
    for (;;) loop.turn();
}
