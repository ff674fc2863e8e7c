// cli/http_client.cc - a head and a body sent, a head and a body received; read by http.
#include "cli/http_client.h"

#include "base/ip_address.h"
#include "http/write.h"

namespace weir::cli {

Result<Endpoint> read_endpoint(std::string_view url) {
    const auto parsed = http::read_url(url);
    if (!parsed) return fail(parsed.error());
    return Endpoint{std::string(without_brackets(parsed->host)),
                    parsed->port,
                    std::string(parsed->authority),
                    std::string(parsed->target),
                    {},
                    parsed->tls,
                    {}};
}

Result<bool> HttpExchange::receive() {
    raw_.reserve(16 << 10);
    const auto got = wire_.receive(raw_.data() + raw_.size(), raw_.room());
    if (!got) return fail(got.error());
    raw_.grew(*got);
    return *got != 0;
}

Result<void> HttpExchange::start(const Endpoint& to, const HttpRequest& request, uint64_t silence_ns_max) {
    if (auto connected = wire_.connect(to, silence_ns_max); !connected) return connected;
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
    if (auto sent = wire_.send(raw_.text()); !sent) return sent;
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
