// bench/traffic/server.cc - requests in, prepared answers out.
#include "server.h"

#include <strings.h>
#include <algorithm>
#include <charconv>
#include <cstring>

namespace weir::bench {

class Server::Connection final : public Socket {
  public:
    Connection(Loop& on, Server& server) : Socket(on), server_(server) {}
    size_t next_event = 0; // of the paced stream

    /// Sends event `number`, unless the one before it is still leaving. Whether it did.
    bool send_event(size_t number) {
        if (sending()) return false;
        const std::string& event = server_.answers_.events[number];
        out_.assign(event);
        if (number + 1 == events_count) write_id(out_.data() + server_.answers_.event_id_at, id_);
        send(out_);
        return true;
    }

  private:
    void received(uint16_t buffer, std::string_view bytes) override;
    void sent() override {
        if (!last_ || next_event != 0) return;
        close();
    }
    void ended() override { close(); }
    void gone() override {
        server_.forget(*this);
        delete this;
    }
    /// Answers the request at the front of `bytes`; its size, or 0 when it is not whole yet.
    size_t take_request(std::string_view bytes);
    void answer(std::string_view path);
    void burst();

    Server& server_;
    std::string in_;  // what came of a request that came in pieces
    std::string out_; // what is being sent
    uint32_t id_ = 0;
    bool last_ = false; // the connection ends with this answer
};

void Server::Connection::received(uint16_t buffer, std::string_view bytes) {
    size_t used = in_.empty() ? take_request(bytes) : 0;
    if (!in_.empty() || used < bytes.size()) {
        in_.append(bytes.substr(used));
        while (!in_.empty() && (used = take_request(in_)) != 0) in_.erase(0, used);
    }
    loop.give_back(buffer);
}

size_t Server::Connection::take_request(std::string_view bytes) {
    const size_t end = bytes.find("\r\n\r\n");
    if (end == std::string_view::npos) return 0;
    size_t length = 0;
    bool last = false;
    for (size_t at = bytes.find("\r\n"); at < end; at = bytes.find("\r\n", at + 2)) {
        const auto line = bytes.substr(at + 2, end - at);
        const auto starts = [&](std::string_view name) {
            return line.size() > name.size() && strncasecmp(line.data(), name.data(), name.size()) == 0;
        };
        constexpr std::string_view length_name = "content-length: ", close_line = "connection: close";
        if (starts(length_name)) std::from_chars(line.data() + length_name.size(), line.data() + line.size(), length);
        else if (starts(close_line)) last = true;
    }
    const size_t size = end + 4 + length;
    if (bytes.size() < size) return 0;
    id_ = id_first;
    if (length > id_at + id_digits)
        std::from_chars(bytes.data() + end + 4 + id_at, bytes.data() + end + 4 + id_at + id_digits, id_);
    last_ = last;
    const size_t path = bytes.find(' ') + 1;
    answer(bytes.substr(path, bytes.find(' ', path) - path));
    return size;
}

void Server::Connection::answer(std::string_view path) {
    ++server_.arrived_;
    const Answers& answers = server_.answers_;
    if (path == "/sse") {
        next_event = 0;
        out_ = answers.stream_head;
        send(out_);
        return server_.begin_stream(*this);
    }
    if (path == "/burst") return burst();
    const Answer& answer = path == "/large" ? answers.large : path == "/mask" ? answers.secret : answers.plain;
    out_.assign(answer.front);
    write_id(out_.data() + answer.id_at, id_);
    send(out_, answer.rest);
}

/// One system call an event, so that they leave one by one.
void Server::Connection::burst() {
    const auto now = [this](std::string_view bytes) { ::send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL); };
    now(server_.answers_.stream_head);
    for (size_t i = 0; i + 1 < events_count; ++i) now(server_.answers_.events[i]);
    out_.assign(server_.answers_.events.back());
    write_id(out_.data() + server_.answers_.event_id_at, id_);
    now(out_);
    if (last_) close();
}

Server::Server(Loop& loop, int listener) : loop_(loop) {
    loop.accept(listener, [this](int fd) { (new Connection(loop_, *this))->adopt(fd); });
}

Server::~Server() = default;

void Server::begin_stream(Connection& connection) {
    if (streams_.empty()) due_ns_ = loop_.now_ns() + ms_ns;
    streams_.push_back(&connection);
}

void Server::forget(Connection& connection) { std::erase(streams_, &connection); }

void Server::tick() {
    if (streams_.empty() || loop_.now_ns() < due_ns_) return;
    due_ns_ = std::max(due_ns_ + ms_ns, loop_.now_ns()); // What is late stays late: no event catches up.
    std::erase_if(streams_, [](Connection* connection) {
        if (connection->closing()) return true;
        if (!connection->send_event(connection->next_event)) return false;
        if (++connection->next_event < events_count) return false;
        connection->next_event = 0;
        return true;
    });
}

} // namespace weir::bench
