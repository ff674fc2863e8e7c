// tests/sim/client.cc - a client that asks well and badly, leaves when it likes, and reads its answers closely.
#include "actors.h"

#include <algorithm>
#include <cstdlib>

namespace weir::sim {
namespace {

constexpr std::string_view modern_revision = "2026-07-28";
constexpr std::string_view modern_meta =
    R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}})";

size_t count_of(std::string_view text, std::string_view wanted) {
    size_t count = 0;
    for (size_t at = text.find(wanted); at != std::string_view::npos; at = text.find(wanted, at + wanted.size()))
        ++count;
    return count;
}

} // namespace

Client::Client(Stage& stage, uint16_t port, bool modern, uint32_t number)
    : stage_(stage), port_(port), modern_(modern), path_(stage.net.random.chance(1, 2) ? "/mcp/alpha" : "/mcp/beta"),
      wake_ns_(stage.net.now_ns), id_((number + 1) * 10'000'000) {}

std::string Client::waits_for() const {
    std::string text;
    for (const Asked& asked : asked_)
        text += " " + std::to_string(static_cast<int>(asked.kind)) + ":" + Ledger::mark_text(asked.mark);
    return text;
}

void Client::leave() {
    if (!end_) return;
    stage_.net.shut(end_);
    end_->closed = true;
    end_ = nullptr;
    unread_.clear();
    asked_.clear();
    closing_ = false;
}

void Client::step() {
    if (end_ && stage_.net.now_ns >= read_again_ns_) receive();
    if (stage_.net.now_ns >= wake_ns_) act();
}

void Client::receive() {
    if (end_->unread().empty() && !end_->reset && !end_->peer_closed) return;
    unread_ += end_->unread();
    end_->read(end_->unread().size());
    Received answer;
    while (answer.read(unread_)) {
        unread_.erase(0, answer.size);
        if (answer.status < 200) continue;
        check_unanswered(answer);
        if (asked_.empty()) broken("an answer that nobody asked for: " + answer.head + answer.body.substr(0, 200));
        const Asked asked = asked_.front();
        asked_.pop_front();
        ++stage_.answers;
        check(asked, answer);
        if (answer.closes) closing_ = true;
    }
    if (end_->reset || end_->peer_closed) { // Its link closes: that is an answer to whatever was not answered.
        leave();
        wake_ns_ = stage_.net.now_ns + stage_.net.delay();
    }
}

/// What it says is the response to no request that had its response already.
void Client::check_unanswered(const Received& answer) {
    if (answer.event_stream || !answer.body.starts_with('{')) return;
    const size_t at = answer.body.find("\"id\":");
    if (at == std::string::npos) return;
    const auto id = static_cast<uint32_t>(std::strtoul(answer.body.c_str() + at + 5, nullptr, 10));
    if (id >= 10'000'000 && !answered_.insert(id).second)
        broken("request " + std::to_string(id) + " was answered twice: " + answer.body.substr(0, 200));
}

void Client::check(const Asked& asked, const Received& answer) {
    const std::string about = Ledger::mark_text(asked.mark);
    if (path_ == "/mcp/beta" && answer.body.find(std::string_view(veiled).substr(0, 5)) != std::string::npos)
        broken("an answer holds what a policy masks: " + about);
    if (answer.body.find("secret_tool") != std::string::npos && asked.kind == Kind::list)
        broken("a list shows what a policy hides: " + about);
    for (const uint32_t mark : Ledger::marks_in(answer.body))
        if (mark != asked.mark && asked.kind != Kind::batch)
            broken(about + " was answered with what belongs to " + Ledger::mark_text(mark));
    switch (asked.kind) {
        case Kind::malformed:
        case Kind::cut:
            if (answer.status < 400) broken("a malformed request was taken: " + answer.head);
            return;
        case Kind::stopped:
            if (answer.body.find("echo-") != std::string::npos)
                broken("a call that must not pass was answered by an upstream: " + about);
            return;
        case Kind::notification:
            if (answer.status == 200) broken("a notification was answered with a message: " + about);
            return;
        case Kind::end_session:
            if (answer.status < 300) session_.clear(), revision_.clear();
            return;
        case Kind::stream: return;
        case Kind::initialize:
            if (answer.status == 200) {
                session_ = answer.field("mcp-session-id");
                const size_t at = answer.body.find("\"protocolVersion\":\"");
                revision_ = at == std::string::npos ? std::string() : answer.body.substr(at + 19, 10);
            }
            break;
        case Kind::call:
        case Kind::held:
        case Kind::list:
        case Kind::batch: break;
    }
    if (answer.status == 404) session_.clear(), revision_.clear(); // ended, here or on another worker
    if (answer.status != 200 || asked.kind == Kind::batch) return;
    if (!answer.event_stream) return check_response(asked, answer.body);
    // Of a stream: the events are framed as weir does it, the data of each on one line.
    size_t responses = 0;
    const bool resumable = answer.body.find("\nid: ") != std::string::npos || answer.body.starts_with("id: ");
    for (size_t at = 0; at < answer.body.size();) {
        const size_t end = std::min(answer.body.find('\n', at), answer.body.size());
        const std::string_view line = std::string_view(answer.body).substr(at, end - at);
        at = end + 1;
        if (!line.starts_with("data: ") || line.find("\"id\":") == std::string_view::npos) continue;
        ++responses;
        check_response(asked, line.substr(6));
    }
    if (responses > 1) broken(about + " was answered " + std::to_string(responses) + " times in one stream");
    if (responses == 0 && !resumable) broken(about + ": a stream ended without the response");
}

void Client::check_response(const Asked& asked, std::string_view text) {
    const std::string about = Ledger::mark_text(asked.mark);
    if (count_of(text, "\"jsonrpc\"") != 1)
        broken(about + ": not one message is the answer: " + std::string(text.substr(0, 200)));
    const std::string id = "\"id\":" + std::to_string(asked.id);
    const size_t at = text.find(id);
    if (at == std::string_view::npos || (text[at + id.size()] >= '0' && text[at + id.size()] <= '9'))
        broken(about + " was answered under another id: " + std::string(text.substr(0, 200)));
    const bool result = text.find("\"result\"") != std::string_view::npos;
    if (asked.kind == Kind::held) check_held(asked, text);
    if (asked.kind == Kind::call && text.find("approval is needed") != std::string_view::npos)
        broken(about + " needs nobody's approval and was refused for want of one");
    if (asked.kind == Kind::call && result && text.find("echo-" + about) == std::string_view::npos &&
        text.find("isError") == std::string_view::npos)
        broken(about + " was answered with somebody else's result: " + std::string(text.substr(0, 200)));
}

void Client::act() {
    Random& random = stage_.net.random;
    if (stage_.quiet) {
        wake_ns_ = UINT64_MAX;
        const bool unanswerable = std::ranges::any_of(
            asked_, [](const Asked& asked) { return asked.kind == Kind::stream || asked.kind == Kind::cut; });
        if (unanswerable) leave();
        return;
    }
    wake_ns_ = stage_.net.now_ns + random.below(random.chance(1, 10) ? 50 * ms_ns : 2 * ms_ns);
    if (end_ && !asked_.empty()) { // waiting: sometimes it loses patience, half closes, or stops reading
        const bool stream = asked_.front().kind == Kind::stream;
        if (random.chance(1, stream ? 10 : 150)) {
            if (random.chance(1, 3)) stage_.net.reset(end_);
            leave();
        } else if (random.chance(1, 300)) {
            stage_.net.shut(end_);
            closing_ = true;
        } else if (random.chance(1, 200)) {
            read_again_ns_ = stage_.net.now_ns + random.below(3 * s_ns);
        }
        if (stream || asked_.size() >= 3 || !random.chance(1, 6)) return;
    }
    if (stage_.calls_left == 0) return;
    if (!end_) {
        end_ = stage_.net.connect(port_);
        if (!end_) return;
    }
    if (!closing_) ask();
    else if (asked_.empty()) leave();
}

std::string Client::head(const std::string& line, const std::string& more, size_t body_bytes) const {
    return line +
           " HTTP/1.1\r\nHost: 127.0.0.1:7070\r\nContent-Type: application/json\r\nAccept: application/json, "
           "text/event-stream\r\n" +
           more + "Content-Length: " + std::to_string(body_bytes) + "\r\n\r\n";
}

void Client::send(Asked asked, std::string bytes) {
    --stage_.calls_left;
    ++stage_.calls;
    asked_.push_back(asked);
    if (stage_.net.roll(3, 1000)) { // it breaks off in the middle of a request
        bytes.resize(1 + stage_.net.random.below(bytes.size() - 1));
        asked_.back().kind = asked.kind == Kind::stopped ? Kind::stopped : Kind::cut;
        closing_ = true;
        stage_.net.transmit(end_, std::move(bytes));
        if (stage_.net.random.chance(1, 2)) stage_.net.shut(end_);
        return;
    }
    stage_.net.transmit(end_, std::move(bytes));
}

void Client::post(Asked asked, const std::string& method, const std::string& name, const std::string& params,
                  bool with_id) {
    asked.id = ++id_;
    std::string body = R"({"jsonrpc":"2.0",)" + (with_id ? "\"id\":" + std::to_string(asked.id) + "," : std::string()) +
                       R"("method":")" + method + R"(","params":{)" + params;
    std::string more;
    if (modern_) {
        body += "," + std::string(modern_meta);
        more = "MCP-Protocol-Version: " + std::string(modern_revision) + "\r\nMcp-Method: " + method + "\r\n";
        if (!name.empty()) more += "Mcp-Name: " + name + "\r\n";
    } else if (method != "initialize") {
        if (!revision_.empty()) more += "MCP-Protocol-Version: " + revision_ + "\r\n";
        if (!session_.empty()) more += "Mcp-Session-Id: " + session_ + "\r\n";
    }
    body += "}}";
    send(asked, head("POST " + path_, more, body.size()) + body);
}

void Client::ask() {
    Random& random = stage_.net.random;
    Ledger& ledger = stage_.ledger;
    const uint64_t what = random.below(100);
    if (random.below(100) < stage_.held_percent) return ask_held();
    const auto marked = [&](Kind kind, Fate fate) { return Asked{.kind = kind, .id = 0, .mark = ledger.issue(fate)}; };
    const auto arguments = [&](const Asked& asked, const std::string& more) {
        const std::string pad(random.chance(1, 25) ? random.below(60'000) : random.below(200), 'p');
        return R"("arguments":{"mark":")" + Ledger::mark_text(asked.mark) + "\"" + more + R"(,"pad":")" + pad + "\"}";
    };
    if (what < 5) return ask_malformed();
    if (!modern_ && session_.empty() && what < 30) {
        const Asked asked = marked(Kind::initialize, Fate::free);
        return post(asked, "initialize", {},
                    R"("protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":")" +
                        Ledger::mark_text(asked.mark) + R"(","version":"1"})");
    }
    if (what < 15) { // a handler looks inside and refuses
        const Asked asked = marked(Kind::stopped, Fate::stopped);
        return post(asked, "tools/call", "fine_tool",
                    R"("name":"fine_tool",)" + arguments(asked, R"(,"danger":"yes")"));
    }
    if (what < 20) {
        const Asked asked = marked(Kind::stopped, Fate::stopped);
        return post(asked, "tools/call", "secret_tool", R"("name":"secret_tool",)" + arguments(asked, {}));
    }
    if (what < 27) {
        const Asked asked = marked(Kind::list, Fate::free);
        return post(asked, "tools/list", {}, R"("cursor":")" + Ledger::mark_text(asked.mark) + "\"");
    }
    if (what < 34) {
        const Asked asked = marked(Kind::notification, Fate::free);
        return post(asked, "notifications/progress", {},
                    R"("progressToken":")" + Ledger::mark_text(asked.mark) + R"(","progress":1)", false);
    }
    if (!modern_ && what < 42) {
        const std::string session = session_.empty() ? std::string() : "Mcp-Session-Id: " + session_ + "\r\n";
        if (what < 38 && !session_.empty())
            return send({.kind = Kind::end_session, .id = 0, .mark = ledger.issue(Fate::stopped)},
                        "DELETE " + path_ + " HTTP/1.1\r\nHost: 127.0.0.1:7070\r\n" + session + "\r\n");
        const std::string text =
            "GET " + path_ + " HTTP/1.1\r\nHost: 127.0.0.1:7070\r\nAccept: text/event-stream\r\n" + session + "\r\n";
        return send({.kind = Kind::stream, .id = 0, .mark = ledger.issue(Fate::stopped)}, text);
    }
    if (!modern_ && what < 50 && revision_ == "2025-03-26" && !session_.empty()) {
        std::string body = "[";
        const uint64_t count = 1 + random.below(4);
        for (uint64_t i = 0; i < count; ++i) {
            const bool stopped = random.chance(1, 4);
            const Asked one = marked(Kind::batch, stopped ? Fate::stopped : Fate::free);
            body += (i == 0 ? "" : ",") + (R"({"jsonrpc":"2.0","id":)" + std::to_string(++id_)) +
                    R"(,"method":"tools/call","params":{"name":"fine_tool",)" +
                    arguments(one, stopped ? R"(,"danger":"yes")" : "") + "}}";
        }
        body += "]";
        return send(
            {.kind = Kind::batch, .id = 0, .mark = 0},
            head("POST " + path_, "MCP-Protocol-Version: " + revision_ + "\r\nMcp-Session-Id: " + session_ + "\r\n",
                 body.size()) +
                body);
    }
    const Asked asked = marked(Kind::call, Fate::free);
    const std::string danger = random.chance(1, 3) ? R"(,"danger":"no")" : "";
    post(asked, "tools/call", "fine_tool", R"("name":"fine_tool",)" + arguments(asked, danger));
}

void Client::ask_malformed() {
    Random& random = stage_.net.random;
    const Asked asked{.kind = Kind::malformed, .id = 0, .mark = stage_.ledger.issue(Fate::stopped)};
    const std::string mark = Ledger::mark_text(asked.mark);
    const std::string body = R"({"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":")" + mark + "\"}}";
    const std::string whole = head("POST " + path_, {}, body.size()) + body;
    const auto replaced = [](std::string text, std::string_view from, std::string_view to) {
        const size_t at = text.find(from);
        return text.replace(at, from.size(), to);
    };
    switch (random.below(9)) {
        case 0: send(asked, replaced(whole, "\"id\":1", "\"id\":,")); break;
        case 1: { // one name twice
            const std::string twice = replaced(body, "\"id\":1", "\"id\":1,\"id\":1");
            send(asked, head("POST " + path_, {}, twice.size()) + twice);
            break;
        }
        case 2:
            send(asked, replaced(whole, "127.0.0.1:7070", "elsewhere.test"));
            closing_ = true;
            break;
        case 3:
            send(asked, replaced(whole, path_, "/nowhere"));
            closing_ = true;
            break;
        case 4:
            send(asked, replaced(whole, "Accept: application/json, ", "Accept: "));
            closing_ = true;
            break;
        case 5:
            send(asked, replaced(whole, "Content-Length", "Content-Length: 1\r\nContent-Length"));
            closing_ = true;
            break;
        case 6:
            send(asked, replaced(whole, " HTTP/1.1", " HTTP/9.9"));
            closing_ = true;
            break;
        case 7: send(asked, replaced(whole, "\"jsonrpc\":\"2.0\"", "\"jsonrpc\":\"1.0\"")); break;
        default:
            send(asked, "\x16\x03\x01 " + mark + "\r\n\r\n");
            closing_ = true;
            break;
    }
}

} // namespace weir::sim
