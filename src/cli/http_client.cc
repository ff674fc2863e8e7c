// cli/http_client.cc - connect, send, receive; heads and chunks are read by http.
#include "cli/http_client.h"

#include "http/write.h"

#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>

namespace weir::cli {

Result<Endpoint> read_endpoint(std::string_view url) {
    const auto parsed = http::read_url(url);
    if (!parsed) return fail(parsed.error());
    if (parsed->tls) return fail(Error::invalid);
    std::string_view host = parsed->host;
    if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
    return Endpoint{std::string(host), parsed->port, std::string(parsed->authority), std::string(parsed->target)};
}

HttpExchange::~HttpExchange() {
    if (fd_ >= 0) close(fd_);
}

std::unexpected<Error> HttpExchange::failed(std::string_view what) {
    why_ = fmt::format("{}: {}", what, std::strerror(errno));
    return fail(Error::io_failed);
}

Result<void> HttpExchange::wait(short events) {
    pollfd one{fd_, events, 0};
    int ready = 0;
    do ready = poll(&one, 1, static_cast<int>(silence_ns_max_ / ms_ns));
    while (ready < 0 && errno == EINTR);
    if (ready < 0) return failed("poll");
    if (ready == 0) {
        why_ = "no answer in time";
        return fail(Error::request_timeout);
    }
    return {};
}

Result<void> HttpExchange::connect(const Endpoint& to) {
    if (!to.socket.empty()) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        if (to.socket.size() >= sizeof address.sun_path) {
            why_ = to.socket + ": the path is too long for a socket";
            return fail(Error::io_failed);
        }
        std::memcpy(address.sun_path, to.socket.data(), to.socket.size());
        fd_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd_ < 0 || ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
            return failed(to.socket);
        return {};
    }
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV;
    addrinfo* list = nullptr;
    if (const int error = getaddrinfo(to.host.c_str(), std::to_string(to.port).c_str(), &hints, &list); error != 0) {
        why_ = fmt::format("{}: {}", to.host, gai_strerror(error));
        return fail(Error::io_failed);
    }
    Result<void> outcome = fail(Error::io_failed);
    for (const addrinfo* each = list; each != nullptr && !outcome; each = each->ai_next) {
        if (fd_ >= 0) close(fd_);
        fd_ = socket(each->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd_ < 0) {
            outcome = failed("socket");
        } else if (::connect(fd_, each->ai_addr, each->ai_addrlen) == 0) {
            outcome = {};
        } else if (errno != EINPROGRESS) {
            outcome = failed(to.authority);
        } else if (outcome = wait(POLLOUT); outcome) {
            int error = 0;
            socklen_t size = sizeof error;
            if (getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) {
                errno = error;
                outcome = failed(to.authority);
            }
        }
    }
    freeaddrinfo(list);
    return outcome;
}

Result<void> HttpExchange::send(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) {
            bytes.remove_prefix(static_cast<size_t>(sent));
        } else if (errno == EAGAIN) {
            if (auto ready = wait(POLLOUT); !ready) return ready;
        } else if (errno == EPIPE || errno == ECONNRESET) {
            return {}; // The server answered before it had read all: its answer says why.
        } else if (errno != EINTR) {
            return failed("send");
        }
    }
    return {};
}

Result<bool> HttpExchange::receive() {
    for (;;) {
        raw_.reserve(16 << 10);
        const ssize_t got = recv(fd_, raw_.data() + raw_.size(), raw_.room(), MSG_DONTWAIT);
        if (got > 0) {
            raw_.grew(static_cast<size_t>(got));
            return true;
        }
        if (got == 0) return false;
        if (errno == EAGAIN) {
            if (auto ready = wait(POLLIN); !ready) return fail(ready.error());
        } else if (errno != EINTR) {
            return failed("receive");
        }
    }
}

Result<void> HttpExchange::start(const Endpoint& to, const HttpRequest& request, uint64_t silence_ns_max) {
    silence_ns_max_ = silence_ns_max;
    if (auto connected = connect(to); !connected) return connected;
    http::HeadWriter head(raw_);
    head.request(request.method, to.target);
    head.field("Host", to.authority);
    head.lines("Connection: close\r\n");
    for (const auto& [name, value] : request.fields) head.field(name, value);
    if (request.method == http::Method::post) head.field("Content-Length", request.body.size());
    if (auto finished = head.finish(); !finished) {
        why_ = "a header cannot be written";
        return finished;
    }
    raw_.append(request.body);
    if (auto sent = send(raw_.text()); !sent) return sent;
    raw_.clear();

    std::array<http::Field, 128> room;
    Result<http::AnswerHead> answer = fail(Error::incomplete);
    for (;;) {
        answer = http::read_answer_head(raw_.text(), room, http::HeadLimits());
        if (answer && !answer->informational()) break;
        if (answer) {
            raw_.drop_front(answer->size);
            continue;
        }
        if (answer.error() != Error::incomplete) {
            why_ = std::string(row_of(answer.error()).text);
            return fail(answer.error());
        }
        const auto more = receive();
        if (!more) return fail(more.error());
        if (!*more) {
            why_ = "the connection was closed before an answer came";
            return fail(Error::upstream_cut);
        }
    }
    status_ = answer->status;
    framing_ = answer->framing;
    left_ = answer->content_length;
    content_type_ = answer->content_type;
    session_id_ = answer->value(http::FieldId::mcp_session_id);
    complete_ = framing_ == http::Framing::none;
    raw_.drop_front(answer->size);
    return {};
}

Result<void> HttpExchange::take_payload() {
    if (framing_ == http::Framing::chunked) {
        while (!raw_.empty() && !chunks_.done()) {
            const auto piece = chunks_.next(raw_.text());
            if (!piece) {
                why_ = std::string(row_of(piece.error()).text);
                return fail(piece.error());
            }
            body_.append(piece->payload);
            raw_.drop_front(piece->consumed);
            if (piece->consumed == 0) break;
        }
        complete_ = chunks_.done();
        return {};
    }
    const size_t size =
        framing_ == http::Framing::length && left_ < raw_.size() ? static_cast<size_t>(left_) : raw_.size();
    body_.append(raw_.text().substr(0, size));
    raw_.drop_front(size);
    left_ -= framing_ == http::Framing::length ? size : 0;
    complete_ = framing_ == http::Framing::length && left_ == 0;
    return {};
}

Result<bool> HttpExchange::read_more() {
    if (complete_) return false;
    if (raw_.empty()) {
        const auto more = receive();
        if (!more) return more;
        if (!*more) {
            complete_ = true;
            if (framing_ == http::Framing::until_close) return false;
            why_ = "the answer was broken off";
            return fail(Error::upstream_cut);
        }
    }
    if (auto taken = take_payload(); !taken) return fail(taken.error());
    return true;
}

Result<void> HttpExchange::read_all(size_t bytes_max) {
    for (;;) {
        const auto more = read_more();
        if (!more) return fail(more.error());
        if (!*more) return {};
        if (body_.size() > bytes_max) return fail(Error::upstream_too_large);
    }
}

} // namespace weir::cli
