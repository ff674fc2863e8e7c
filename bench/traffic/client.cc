// bench/traffic/client.cc - asking, and reading answers.
#include "client.h"

#include "answer_reader.h"

#include <algorithm>
#include <cstring>

namespace weir::bench {
namespace {

constexpr uint32_t held_at_once = 16;

double quantile(std::vector<uint32_t>& of, double share) {
    if (of.empty()) return 0;
    const auto at = std::min(of.size() - 1, static_cast<size_t>(static_cast<double>(of.size()) * share));
    std::nth_element(of.begin(), of.begin() + static_cast<std::ptrdiff_t>(at), of.end());
    return of[at] / 10.0;
}

} // namespace

class Client::Connection final : public Socket {
  public:
    Connection(Loop& on, Client& client) : Socket(on), client_(client), octets_(client.request_.octets) {}

    void begin(uint64_t due_ns, uint32_t id) {
        busy_ = true;
        due_ns_ = due_ns;
        answer_.begin();
        seen_ = id_seen_ = false;
        write_id(octets_.data() + client_.request_.id_at, id);
        if (client_.request_.token_at != std::string::npos) write_id(octets_.data() + client_.request_.token_at, id);
        if (fd() < 0) {
            ++client_.open_;
            connect(Place(client_.load_.port));
        } else {
            send(octets_);
        }
    }
    bool busy() const { return busy_; }

  private:
    void connected() override {
        if (busy_) send(octets_);
    }
    void received(uint16_t buffer, std::string_view bytes) override {
        client_.bytes_ += bytes.size();
        if (busy_ && read(bytes)) {
            busy_ = false;
            if (!answer_.chunked() && !id_seen_) ++client_.errors_;
            client_.took_.push_back(static_cast<uint32_t>((clock_ns() - due_ns_) / 100));
            if (!client_.load_.fresh) client_.answered(*this);
        }
        loop.give_back(buffer);
    }
    void ended() override {
        if (busy_) {
            ++client_.errors_;
            failed_ = true;
        }
        close();
    }
    void gone() override {
        --client_.open_;
        const bool answered = client_.load_.fresh ? !failed_ : false;
        if (failed_ || answered) {
            busy_ = failed_ = false;
            client_.answered(*this);
        }
    }

    bool read(std::string_view bytes);

    Client& client_;
    std::string octets_; // the request, with this connection's id
    AnswerReader answer_;
    uint64_t due_ns_ = 0;
    bool busy_ = false, failed_ = false, seen_ = false, id_seen_ = false;
};

/// Takes what came of an answer. True once it is whole.
bool Client::Connection::read(std::string_view bytes) {
    const bool whole = answer_.read(bytes);
    if (!seen_ && !answer_.body_piece().empty()) {
        seen_ = true;
        if (answer_.status() != client_.load_.status) ++client_.errors_;
        client_.first_.push_back(static_cast<uint32_t>((loop.now_ns() - due_ns_) / 100));
        // An answer that is not ours would be the proxy's worst mistake; ids lie where they lay in the request.
        const auto body = answer_.body_piece();
        if (client_.load_.status != 200) id_seen_ = true; // A refusal comes before the body is looked at.
        else
            id_seen_ = body.size() >= id_at + id_digits &&
                       std::memcmp(body.data() + id_at, octets_.data() + client_.request_.id_at, id_digits) == 0;
    }
    return whole;
}

Client::Client(Loop& loop, Load load)
    : loop_(loop), load_(std::move(load)),
      request_(make_request(load_.era, load_.path, load_.port, load_.tool, load_.fresh, load_.token)),
      began_ns_(clock_ns()), ends_ns_(began_ns_ + load_.ms * ms_ns) {
    took_.reserve(load_.ms * 250);
    first_.reserve(load_.ms * 250);
    for (uint32_t i = 0; i < load_.connections; ++i) {
        connections_.push_back(std::make_unique<Connection>(loop, *this));
        idle_.push_back(connections_.back().get());
    }
}

Client::~Client() = default;

void Client::ask(Connection& connection, uint64_t due_ns) {
    ++asked_;
    connection.begin(due_ns, next_id_);
    next_id_ = next_id_ == id_last ? id_first : next_id_ + 1;
}

void Client::answered(Connection& connection) {
    ++answers_;
    if (over_) return connection.close();
    if (load_.hold) return;
    if (load_.rate == 0 && (load_.requests == 0 || asked_ < load_.requests)) return ask(connection, clock_ns());
    idle_.push_back(&connection);
}

uint64_t Client::due_ns() const {
    if (load_.rate == 0 || idle_.empty() || over_) return ends_ns_;
    return std::min(ends_ns_, began_ns_ + asked_ * s_ns / load_.rate);
}

void Client::stop() {
    over_ = true;
    ended_ns_ = loop_.now_ns();
    if (load_.hold) return;
    for (auto& connection : connections_)
        if (connection->fd() >= 0) connection->close();
}

bool Client::step() {
    if (over_) return open_ != 0 && !load_.hold;
    const uint64_t now_ns = loop_.now_ns();
    const uint64_t wanted = load_.hold ? load_.connections : load_.requests;
    if (now_ns >= ends_ns_ || (wanted != 0 && answers_ >= wanted)) {
        stop();
        return step();
    }
    while (!idle_.empty() && (wanted == 0 || asked_ < wanted)) {
        const uint64_t due = load_.rate == 0 ? now_ns : began_ns_ + asked_ * s_ns / load_.rate;
        if (due > now_ns || (load_.hold && asked_ - answers_ >= held_at_once)) break;
        Connection& next = *idle_.front();
        idle_.pop_front();
        ask(next, due);
    }
    return true;
}

void Client::release() {
    for (auto& connection : connections_)
        if (connection->fd() >= 0) connection->close();
}

Figures Client::figures() {
    return {.requests = took_.size(),
            .errors = errors_,
            .bytes = bytes_,
            .us = static_cast<double>(ended_ns_ - began_ns_) / 1000.0,
            .p50 = quantile(took_, 0.5),
            .p90 = quantile(took_, 0.9),
            .p99 = quantile(took_, 0.99),
            .most = quantile(took_, 1),
            .first_p50 = quantile(first_, 0.5)};
}

} // namespace weir::bench
