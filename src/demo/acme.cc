// demo/acme.cc - the sockets of acme: one thread, one poll, keep-alive, delayed answers and event streams.
#include "demo/acme.h"

#include "base/clock.h"
#include "demo/protocol.h"
#include "http/body.h"
#include "http/sse.h"
#include "http/write.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <thread>
#include <vector>

namespace weir::demo {
namespace {

constexpr size_t connections_max = 1024, body_bytes_max = 1 << 20;
constexpr uint64_t idle_ns_max = 60 * s_ns, never = UINT64_MAX;

struct Connection {
    Connection(int descriptor, BufferPool& pool) : fd(descriptor), in(pool), out(pool) {}
    int fd;
    PaddedBytes in;
    PaddedBytes out;
    Plan plan;
    bool answering = false; // a plan waits for `due_ns`
    bool ending = false;    // close once `out` is sent
    bool keep_alive = true;
    bool continued = false;  // 100 was said for the request that is arriving
    uint32_t step = 0;       // of the plan's stream
    uint64_t due_ns = never; // of the answer or its next step; otherwise when idle for too long
};

} // namespace

class Acme::Server {
  public:
    Server(int listener, int stop, uint16_t port, uint64_t seed)
        : listener_(listener), stop_(stop), protocol_(port, seed), thread_([this] { serve(); }) {}
    ~Server() {
        const uint64_t one = 1;
        while (write(stop_, &one, sizeof one) < 0 && errno == EINTR) {}
        thread_.join();
        for (Connection& each : connections_) close(each.fd);
        close(listener_);
        close(stop_);
    }
    const Protocol& protocol() const { return protocol_; }

  private:
    void serve();
    bool receive(Connection& connection);
    bool read_request(Connection& connection);
    void begin(Connection& connection, const http::RequestHead& head, PaddedView body);
    void advance(Connection& connection, uint64_t now);
    void write_answer(Connection& connection);
    void refuse(Connection& connection, uint16_t status);
    bool flush(Connection& connection);

    int listener_, stop_;
    BufferPool pool_;
    Protocol protocol_;
    std::vector<Connection> connections_;
    std::thread thread_; // last: it uses all of the above
};

void Acme::Server::serve() {
    std::vector<pollfd> waits;
    for (;;) {
        uint64_t next = never;
        waits.assign({{stop_, POLLIN, 0}, {listener_, POLLIN, 0}});
        for (const Connection& each : connections_) {
            waits.push_back({each.fd, static_cast<short>(POLLIN | (each.out.empty() ? 0 : POLLOUT)), 0});
            next = std::min(next, each.due_ns);
        }
        const uint64_t before = monotonic_ns();
        const int patience = next == never ? -1 : next <= before ? 0 : static_cast<int>((next - before) / ms_ns + 1);
        if (poll(waits.data(), waits.size(), patience) < 0 && errno != EINTR) return;
        if (waits[0].revents != 0) return;
        const uint64_t now = monotonic_ns();
        for (size_t i = 0; i < connections_.size(); ++i) {
            Connection& each = connections_[i];
            const short seen = waits[i + 2].revents;
            bool alive = (seen & POLLIN) == 0 || receive(each);
            if (alive && each.due_ns <= now) {
                if (each.answering) advance(each, now);
                else if (each.out.empty()) alive = false; // idle for too long
            }
            alive = alive && (seen & (POLLERR | POLLNVAL)) == 0 && flush(each);
            if (!alive) {
                close(each.fd);
                each.fd = -1;
            }
        }
        std::erase_if(connections_, [](const Connection& each) { return each.fd < 0; });
        while (waits[1].revents != 0) {
            const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (fd < 0) break;
            if (connections_.size() == connections_max) {
                close(fd);
                continue;
            }
            connections_.emplace_back(fd, pool_).due_ns = now + idle_ns_max;
        }
    }
}

/// Takes what arrived. False: the connection is over (which ends a running answer too: closing means cancelling).
bool Acme::Server::receive(Connection& connection) {
    for (;;) {
        if (connection.in.size() > body_bytes_max * 2) return false;
        connection.in.reserve(16 << 10);
        const ssize_t got = recv(connection.fd, connection.in.data() + connection.in.size(), connection.in.room(), 0);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) return false;
        if (got < 0 && errno == EAGAIN) break;
        if (got > 0) connection.in.grew(static_cast<size_t>(got));
    }
    while (!connection.answering && !connection.ending && read_request(connection)) {}
    return true;
}

/// Reads one whole request and begins its answer. False: more octets are needed, or no further request is wanted.
bool Acme::Server::read_request(Connection& connection) {
    if (connection.in.empty()) return false;
    std::array<http::Field, 64> room;
    const auto head = http::read_request_head(connection.in.text(), room, http::HeadLimits());
    if (!head) {
        if (head.error() != Error::incomplete) refuse(connection, row_of(head.error()).status);
        return false;
    }
    const std::string_view rest = connection.in.text().substr(head->size);
    if (head->framing == http::Framing::length && head->content_length > body_bytes_max) {
        refuse(connection, 413);
        return false;
    }
    if (head->framing == http::Framing::chunked) {
        PaddedBytes body(pool_);
        http::ChunkedReader chunks;
        size_t used = 0;
        while (used < rest.size() && !chunks.done()) {
            const auto piece = chunks.next(rest.substr(used));
            if (!piece || body.size() > body_bytes_max) {
                refuse(connection, piece ? 413 : 400);
                return false;
            }
            body.append(piece->payload);
            used += piece->consumed;
            if (piece->consumed == 0) break;
        }
        if (chunks.done()) {
            begin(connection, *head, body.padded());
            connection.in.drop_front(head->size + used);
            return true;
        }
    } else if (rest.size() >= head->content_length) {
        begin(connection, *head, {rest.data(), static_cast<size_t>(head->content_length)});
        connection.in.drop_front(head->size + static_cast<size_t>(head->content_length));
        return true;
    }
    if (head->expect_continue && !connection.continued) connection.out.append("HTTP/1.1 100 Continue\r\n\r\n");
    connection.continued = true;
    return false;
}

void Acme::Server::begin(Connection& connection, const http::RequestHead& head, PaddedView body) {
    connection.plan = protocol_.answer(head, body);
    connection.keep_alive = head.keep_alive;
    connection.continued = false;
    connection.answering = true;
    connection.step = 0;
    if (connection.plan.steps > 0) {
        http::HeadWriter out(connection.out);
        out.answer(200);
        out.lines(
            "Content-Type: text/event-stream\r\nCache-Control: no-cache, no-transform\r\nX-Accel-Buffering: no\r\n"
            "Transfer-Encoding: chunked\r\n");
        (void)out.finish(); // Constant lines cannot be refused.
    }
    connection.due_ns = monotonic_ns() + connection.plan.delay_ms * ms_ns;
    if (connection.plan.delay_ms == 0) advance(connection, connection.due_ns);
}

/// The answer, or the next step of a stream, is due.
void Acme::Server::advance(Connection& connection, uint64_t now) {
    Plan& plan = connection.plan;
    if (plan.steps == 0) return write_answer(connection);
    PaddedBytes event(pool_);
    do {
        ++connection.step;
        const bool last = connection.step > plan.steps;
        const bool told = last || !plan.progress_token.empty();
        event.clear();
        const std::string message = last ? plan.body : Protocol::progress(plan, connection.step);
        if (told && http::write_event(event, {.id = {}, .retry_ms = {}, .type = {}, .data = message})) {
            http::write_chunk(connection.out, event.text());
        }
        if (last) {
            http::write_last_chunk(connection.out);
            connection.answering = false;
            connection.ending = !connection.keep_alive;
            connection.due_ns = now + idle_ns_max;
            return;
        }
    } while (plan.delay_ms == 0 && connection.out.size() < 256 << 10);
    connection.due_ns = now + std::max<uint64_t>(plan.delay_ms, 1) * ms_ns;
}

void Acme::Server::write_answer(Connection& connection) {
    const Plan& plan = connection.plan;
    http::HeadWriter out(connection.out);
    out.answer(plan.status);
    if (!plan.body.empty()) out.lines("Content-Type: application/json\r\n");
    if (!plan.session_id.empty()) out.field("Mcp-Session-Id", plan.session_id);
    if (plan.allow) out.lines("Allow: POST, DELETE\r\n");
    if (!connection.keep_alive) out.lines("Connection: close\r\n");
    out.field("Content-Length", plan.body.size());
    (void)out.finish(); // Session ids are hexadecimal: nothing can be refused.
    connection.out.append(plan.body);
    connection.answering = false;
    connection.ending = !connection.keep_alive;
    connection.due_ns = monotonic_ns() + idle_ns_max;
}

void Acme::Server::refuse(Connection& connection, uint16_t status) {
    connection.plan = {};
    connection.plan.status = status;
    connection.keep_alive = false;
    write_answer(connection);
}

/// Sends what there is. False: the connection is over.
bool Acme::Server::flush(Connection& connection) {
    for (;;) {
        while (!connection.out.empty()) {
            const ssize_t sent = send(connection.fd, connection.out.data(), connection.out.size(), MSG_NOSIGNAL);
            if (sent < 0 && errno == EAGAIN) return true;
            if (sent < 0 && errno != EINTR) return false;
            if (sent > 0) connection.out.drop_front(static_cast<size_t>(sent));
        }
        if (connection.ending) return false;
        if (connection.answering || !read_request(connection)) return true; // one that came while the last was answered
    }
}

Acme::Acme(std::unique_ptr<Server> server, uint16_t port) : server_(std::move(server)), port_(port) {}
Acme::~Acme() = default;

Result<std::unique_ptr<Acme>> Acme::start(uint16_t port) {
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    const int one = 1;
    socklen_t size = sizeof address;
    const int stop = eventfd(0, EFD_CLOEXEC);
    if (listener < 0 || stop < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener, 128) != 0 ||
        getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
        const int error = errno;
        if (listener >= 0) close(listener);
        if (stop >= 0) close(stop);
        errno = error;
        return fail(Error::io_failed);
    }
    const uint16_t bound = ntohs(address.sin_port);
    return std::unique_ptr<Acme>(new Acme(std::make_unique<Server>(listener, stop, bound, monotonic_ns()), bound));
}

std::string Acme::url() const { return fmt::format("http://127.0.0.1:{}/mcp", port_); }
uint64_t Acme::calls(std::string_view tool) const { return server_->protocol().calls(tool); }

} // namespace weir::demo
