// tests/live/crowd.cc - what clients and upstream do in each manner.
#include "crowd.h"

#include "traffic/answer_reader.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string_view>

namespace weir::live {
namespace {

constexpr uint32_t clients_count = 48;
constexpr uint64_t still_ns_max = 120 * bench::s_ns; // nothing moves for so long: it never will

struct Row {
    const char* name;
    uint32_t weight;
    int status; // of a whole answer; 0: none is waited for
};
constexpr std::array<Row, manners> rows = {{
    {"json", 400, 200},        {"stream", 30, 200},       {"large", 3, 200},        {"delete_it", 60, 200},
    {"ask_never", 40, 200},    {"ask_docs", 60, 200},     {"show_person", 60, 200}, {"not_json", 30, 400},
    {"elsewhere", 30, 404},    {"no_http", 15, 400},      {"half_a_head", 15, 0},   {"half_a_body", 15, 0},
    {"silent", 20, 0},         {"leave_large", 5, 0},     {"leave_stream", 20, 0},  {"listen", 10, 0},
    {"reset_before", 15, 502}, {"reset_within", 15, 502}, {"end_within", 15, 502},  {"reset_stream", 15, 200},
}};

Manner draw(Random& random) {
    uint64_t sum = 0;
    for (const Row& row : rows) sum += row.weight;
    uint64_t at = random.below(sum);
    for (size_t i = 0; i < manners; ++i) {
        if (at < rows[i].weight) return static_cast<Manner>(i);
        at -= rows[i].weight;
    }
    return Manner::json;
}

const Row& row_of(Manner manner) { return rows[static_cast<size_t>(manner)]; }

} // namespace

const char* name_of(Manner manner) { return row_of(manner).name; }

// The upstream: one of its connections.

class Crowd::Upstream final : public bench::Socket {
  public:
    Upstream(Crowd& crowd, int fd) : Socket(crowd.loop_), crowd_(crowd) {
        ++crowd_.upstream_connections_;
        adopt(fd);
    }

  private:
    void received(uint16_t buffer, std::string_view bytes) override {
        in_.append(bytes);
        loop.give_back(buffer);
        while (!sending() && !endless_ && !closing() && take_request()) {}
    }
    void sent() override {
        if (last_words_ == LastWords::reset) return reset();
        if (last_words_ == LastWords::end) return close();
        if (endless_) return say_event();
        while (!sending() && !closing() && take_request()) {}
    }
    void ended() override { close(); }
    void gone() override {
        --crowd_.upstream_connections_;
        delete this;
    }
    bool take_request();
    void answer(Manner manner, uint32_t id);
    void say_event() {
        out_ = crowd_.answers_.events.front();
        send(out_);
    }

    Crowd& crowd_;
    std::string in_, out_;
    enum class LastWords : uint8_t { none, reset, end } last_words_ = LastWords::none;
    bool endless_ = false;
};

bool Crowd::Upstream::take_request() {
    const size_t end = in_.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    constexpr std::string_view length_name = "Content-Length: ", tool_name = "\"name\":\"";
    size_t length = 0;
    const size_t at = in_.find(length_name);
    if (at < end) std::from_chars(in_.data() + at + length_name.size(), in_.data() + end, length);
    const size_t size = end + 4 + length;
    if (in_.size() < size) return false;
    const std::string_view body = std::string_view(in_).substr(end + 4, length);
    uint32_t id = bench::id_first;
    if (body.size() > bench::id_at + bench::id_digits)
        std::from_chars(body.data() + bench::id_at, body.data() + bench::id_at + bench::id_digits, id);
    auto manner = Manner::listen; // has no body
    const size_t named = body.rfind(tool_name);
    if (named != std::string_view::npos)
        for (size_t i = 0; i < manners; ++i)
            if (body.substr(named + tool_name.size()).starts_with(std::string(rows[i].name) + '"'))
                manner = static_cast<Manner>(i);
    in_.erase(0, size);
    answer(manner, id);
    return true;
}

void Crowd::Upstream::answer(Manner manner, uint32_t id) {
    const bench::Answers& answers = crowd_.answers_;
    const auto say = [&](const bench::Answer& answer, size_t bytes = SIZE_MAX) {
        out_ = answer.front + answer.rest;
        bench::write_id(out_.data() + answer.id_at, id);
        send(std::string_view(out_).substr(0, bytes));
    };
    const auto say_events = [&](size_t count) {
        out_ = answers.stream_head;
        for (size_t i = 0; i < count; ++i) out_ += answers.events[i];
        if (count == bench::events_count)
            bench::write_id(out_.data() + out_.size() - answers.events.back().size() + answers.event_id_at, id);
        send(out_);
    };
    switch (manner) {
        case Manner::stream: return say_events(bench::events_count);
        case Manner::large:
        case Manner::leave_large: return say(answers.large);
        case Manner::leave_stream:
        case Manner::listen: endless_ = true; return say_events(1);
        case Manner::silent: return;
        case Manner::reset_before: return reset();
        case Manner::reset_within: last_words_ = LastWords::reset; return say(answers.plain, 400);
        case Manner::end_within: last_words_ = LastWords::end; return say(answers.plain, 400);
        case Manner::reset_stream: last_words_ = LastWords::reset; return say_events(20);
        case Manner::show_person: return say(answers.secret);
        case Manner::json:
        case Manner::ask_docs:
        case Manner::delete_it:
        case Manner::ask_never:
        case Manner::not_json:
        case Manner::elsewhere:
        case Manner::no_http:
        case Manner::half_a_head:
        case Manner::half_a_body:
        case Manner::count: return say(answers.plain);
    }
}

// A client: one connection at a time, used again as long as it lives.

class Crowd::Client final : public bench::Socket {
  public:
    explicit Client(Crowd& crowd) : Socket(crowd.loop_), crowd_(crowd) {}

    void begin() {
        ++crowd_.busy_;
        next();
    }

  private:
    void next() {
        if (crowd_.left_ == 0) {
            if (fd() >= 0) return close();
            --crowd_.busy_;
            return;
        }
        --crowd_.left_;
        manner_ = draw(crowd_.random_);
        busy_ = true;
        answer_.begin();
        id_ = crowd_.next_id_++;
        id_seen_ = secret_seen_ = false;
        write_request();
        if (fd() < 0) connect(bench::Place(crowd_.port_));
        else send(out_);
    }
    void write_request();
    void connected() override { send(out_); }
    void sent() override {
        if (manner_ == Manner::half_a_head || manner_ == Manner::half_a_body || manner_ == Manner::silent) leave();
    }
    void received(uint16_t buffer, std::string_view bytes) override {
        if (busy_) {
            const bool whole = answer_.read(bytes);
            std::array<char, bench::id_digits> id{};
            bench::write_id(id.data(), id_);
            const std::string_view wanted(id.data(), id.size());
            if (answer_.body_piece().find(wanted) != std::string_view::npos) id_seen_ = true;
            if (bytes.find(bench::secret_text) != std::string_view::npos) secret_seen_ = true;
            const bool leaves =
                manner_ == Manner::leave_large || manner_ == Manner::leave_stream || manner_ == Manner::listen;
            if (leaves && answer_.in_body()) leave();
            else if (whole) finish();
        }
        loop.give_back(buffer);
    }
    void ended() override { close(); }
    void gone() override {
        if (busy_) finish(); // The connection ended with the call, or in place of its answer.
        else next();
    }
    /// The call is over for the client: it goes away, one time in two without a goodbye.
    void leave() {
        if (crowd_.random_.chance(1, 2)) reset();
        else close();
    }
    void finish() {
        busy_ = false;
        const int status = row_of(manner_).status;
        const bool good =
            status == 0 || (answer_.status() == status &&
                            (status != 200 || id_seen_ || manner_ == Manner::reset_stream) && !secret_seen_);
        crowd_.ended(manner_, good, "status " + std::to_string(answer_.status()));
        if (fd() >= 0 && answer_.last()) close();
        if (!closing() || fd() < 0) next(); // Else gone() goes on.
    }

    Crowd& crowd_;
    std::string out_;
    bench::AnswerReader answer_;
    Manner manner_ = Manner::json;
    uint32_t id_ = 0;
    bool busy_ = false, id_seen_ = false, secret_seen_ = false;
};

void Crowd::Client::write_request() {
    // Only who speaks 2026-07-28 calls a request off by going away.
    const bool modern = manner_ == Manner::silent || manner_ == Manner::leave_stream || crowd_.random_.chance(2, 5);
    const auto request =
        bench::make_request(modern ? "modern" : "legacy", "/mcp", crowd_.port_, name_of(manner_), false);
    out_ = request.octets;
    bench::write_id(out_.data() + request.id_at, id_);
    const size_t body = out_.find("\r\n\r\n") + 4;
    if (manner_ == Manner::not_json) out_.back() = ']';
    else if (manner_ == Manner::elsewhere) out_.replace(0, 9, "POST /els");
    else if (manner_ == Manner::no_http) out_ = "POST /mcp HTTP/1.1\r\nHost : 127.0.0.1\r\n\r\n";
    else if (manner_ == Manner::half_a_head) out_.resize(body / 2);
    else if (manner_ == Manner::half_a_body) out_.resize(body + 100);
    else if (manner_ == Manner::listen)
        out_ = "GET /mcp HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(crowd_.port_) +
               "\r\nAccept: text/event-stream\r\nMCP-Protocol-Version: 2025-11-25\r\n\r\n";
}

Crowd::Crowd(uint16_t port, int listener, uint64_t seed) : port_(port), random_(seed) {
    loop_.accept(listener, [this](int fd) { new Upstream(*this, fd); });
    for (uint32_t i = 0; i < clients_count; ++i) clients_.push_back(std::make_unique<Client>(*this));
}

Crowd::~Crowd() = default;

void Crowd::ended(Manner manner, bool good, const std::string& what) {
    ++calls_[static_cast<size_t>(manner)];
    if (good) return;
    ++wrong_[static_cast<size_t>(manner)];
    if (first_wrong_.empty()) first_wrong_ = std::string(name_of(manner)) + ": " + what;
}

bool Crowd::run(uint64_t calls) {
    left_ = calls;
    for (auto& client : clients_) client->begin();
    uint64_t moved_ns = loop_.now_ns(), before = left_ + busy_;
    while (busy_ != 0) {
        loop_.turn(loop_.now_ns() + bench::s_ns);
        if (left_ + busy_ != before) moved_ns = loop_.now_ns();
        before = left_ + busy_;
        if (loop_.now_ns() > moved_ns + still_ns_max) return false;
    }
    return true;
}

void Crowd::rest() { loop_.turn(loop_.now_ns() + 20 * bench::ms_ns); }

} // namespace weir::live
