// tests/sim/server.cc - HTTP as the actors read it, and a server that answers as the seed says.
#include "actors.h"

#include <algorithm>
#include <cstdlib>

namespace weir::sim {
namespace {

std::string lower(std::string text) {
    for (char& c : text)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 32);
    return text;
}

std::string chunk(const std::string& bytes) {
    char size[32];
    std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
    return size + bytes + "\r\n";
}

/// The ids of the requests in `body`, as JSON text. Bodies here say "id":N once for each request.
std::vector<std::string> ids_in(const std::string& body) {
    std::vector<std::string> ids;
    for (size_t at = body.find("\"id\":"); at != std::string::npos; at = body.find("\"id\":", at + 1)) {
        const size_t begin = at + 5, end = body.find_first_not_of("0123456789", begin);
        ids.push_back(body.substr(begin, end - begin));
    }
    return ids;
}

std::string response(const std::string& id, const std::string& result) {
    return R"({"jsonrpc":"2.0","id":)" + id + R"(,"result":)" + result + "}";
}

} // namespace

std::string Received::field(std::string_view name) const {
    const std::string all = lower(head), wanted = "\r\n" + std::string(name) + ": ";
    const size_t at = all.find(wanted);
    if (at == std::string::npos) return {};
    const size_t begin = at + wanted.size();
    return head.substr(begin, head.find("\r\n", begin) - begin);
}

bool Received::read(std::string_view bytes) {
    const size_t end = bytes.find("\r\n\r\n");
    if (end == std::string_view::npos) return false;
    head = bytes.substr(0, end + 2);
    status = head.starts_with("HTTP/1.1 ") ? std::atoi(head.c_str() + 9) : 0;
    method = head.substr(0, head.find(' '));
    closes = lower(field("connection")) == "close";
    event_stream = field("content-type").starts_with("text/event-stream");
    body.clear();
    size_t at = end + 4;
    if (lower(field("transfer-encoding")) == "chunked") {
        for (;;) {
            const size_t line = bytes.find("\r\n", at);
            if (line == std::string_view::npos) return false;
            const size_t count = std::strtoul(std::string(bytes.substr(at, line - at)).c_str(), nullptr, 16);
            if (bytes.size() < line + 2 + count + 2) return false;
            if (bytes.substr(line + 2 + count, 2) != "\r\n") broken("a chunk does not end where it says");
            body += bytes.substr(line + 2, count);
            at = line + 2 + count + 2;
            if (count == 0) break;
        }
    } else {
        const std::string length = field("content-length");
        if (length.empty() && status >= 200) broken("an answer whose end nobody can tell: " + head);
        const size_t count = std::strtoul(length.c_str(), nullptr, 10);
        if (bytes.size() < at + count) return false;
        body = bytes.substr(at, count);
        at += count;
    }
    size = at;
    return true;
}

Server::Server(Stage& stage, uint16_t port) : stage_(stage) {
    auto& listener = stage.net.listeners[port];
    listener = std::make_shared<Net::Listener>();
    listener_ = listener;
}

void Server::step() {
    for (; !listener_->waiting.empty(); listener_->waiting.pop_front())
        connections_.push_back({.end = listener_->waiting.front(), .unread = {}});
    for (Connection& connection : connections_) {
        End& end = *connection.end;
        if (!end.unread().empty()) {
            if (!connection.spoiled) connection.unread += end.unread();
            end.read(end.unread().size());
        }
        Received request;
        while (!connection.spoiled && !end.reset && request.read(connection.unread)) {
            connection.unread.erase(0, request.size);
            handle(connection, request);
        }
        if (end.reset || end.peer_closed) finish(connection);
    }
    std::erase_if(connections_, [](const Connection& connection) { return connection.end->closed; });
}

void Server::finish(Connection& connection) {
    if (connection.end->closed) return;
    stage_.net.shut(connection.end);
    connection.end->closed = true;
    connection.spoiled = true;
}

void Server::end_streams() {
    for (Connection& connection : connections_)
        if (connection.streaming) finish(connection);
}

void Server::send_later(const std::shared_ptr<End>& end, uint64_t delay_ns, std::string bytes) {
    Net& net = stage_.net;
    net.after(delay_ns, [&net, end, bytes = std::move(bytes)] {
        if (!end->finished && !end->reset) net.transmit(end, bytes);
    });
}

void Server::answer_json(Connection& connection, int status, const std::string& body, const std::string& more) {
    Random& random = stage_.net.random;
    std::string head = "HTTP/1.1 " + std::to_string(status) + " Said\r\n" + more;
    if (!body.empty()) head += "Content-Type: application/json\r\n";
    const uint64_t think = stage_.quiet ? 1000 : random.below(random.chance(1, 50) ? 4 * s_ns : ms_ns);
    if (body.size() > 1 && random.chance(1, 4)) {
        const size_t half = 1 + random.below(body.size() - 1);
        send_later(connection.end, think,
                   head + "Transfer-Encoding: chunked\r\n\r\n" + chunk(body.substr(0, half)) +
                       chunk(body.substr(half)) + "0\r\n\r\n");
    } else {
        send_later(connection.end, think, head + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    }
}

void Server::answer_events(Connection& connection, const std::vector<std::string>& events) {
    Random& random = stage_.net.random;
    const bool ids = random.chance(1, 3);
    std::string head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    uint64_t delay = 1000;
    send_later(connection.end, delay, head);
    for (const std::string& event : events) {
        delay += stage_.quiet ? 1000 : random.below(random.chance(1, 20) ? s_ns : ms_ns);
        const std::string id = ids ? "id: e" + std::to_string(random.below(1000)) + "\n" : std::string();
        send_later(connection.end, delay, chunk("event: message\n" + id + "data: " + event + "\n\n"));
    }
    send_later(connection.end, delay + 1000, "0\r\n\r\n");
}

void Server::spoil(Connection& connection, const std::string& body) {
    Net& net = stage_.net;
    Random& random = net.random;
    const std::string head =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
        "\r\n\r\n";
    const auto say_and_close = [&](std::string bytes) {
        if (!bytes.empty() && !connection.end->finished && !connection.end->reset)
            net.transmit(connection.end, std::move(bytes));
        finish(connection);
    };
    switch (random.below(12)) {
        case 0: return say_and_close((head + body).substr(0, random.below(head.size() + body.size())));
        case 1: connection.spoiled = true; return; // never answers
        case 2: return net.reset(connection.end);
        case 3: { // no HTTP at all
            std::string noise(1 + random.below(300), 0);
            for (char& c : noise) c = static_cast<char>(random.below(256));
            return say_and_close(std::move(noise));
        }
        case 4:
            return answer_json(connection, 200,
                               response(std::to_string(1'000'000 + random.below(1000)), "{}")); // of another request
        case 5: return answer_json(connection, 200, body.substr(0, body.size() / 2)); // half a message, well framed
        case 6: // more than was asked for: the second answer is nobody's
            send_later(connection.end, 1000, head + body + head + body);
            return;
        case 7: return answer_json(connection, 202, {});
        case 8:
            return answer_json(connection, static_cast<int>(400 + random.below(200)),
                               random.chance(1, 2) ? std::string() : body);
        case 9: return answer_json(connection, 302, {}, "Location: http://127.0.0.1:1/\r\n");
        case 10: // a stream that ends before its response
            send_later(connection.end, 1000,
                       "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n" +
                           chunk("data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{}}\n\n") +
                           "0\r\n\r\n");
            return;
        default: // a stream that says its response twice, and goes on
            connection.streaming = true;
            send_later(connection.end, 1000,
                       "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n" +
                           chunk("data: " + body + "\n\ndata: " + body + "\n\n"));
            return;
    }
}

void Server::handle(Connection& connection, const Received& request) {
    Net& net = stage_.net;
    Random& random = net.random;
    if (request.method == "DELETE") return answer_json(connection, random.chance(1, 5) ? 405 : 200, {});
    if (request.method == "GET") {
        if (stage_.quiet || random.chance(1, 4)) return answer_json(connection, 405, {});
        connection.streaming = true;
        std::string events;
        for (uint64_t i = random.below(4); i != 0; --i)
            events += chunk("id: g" + std::to_string(i) +
                            "\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}\n\n");
        return send_later(
            connection.end, 1000,
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n" + events);
    }
    stage_.ledger.arrives(request.body);
    const auto ids = ids_in(request.body);
    const auto marks = Ledger::marks_in(request.body);
    const auto said = [&](size_t i) {
        if (i >= marks.size()) return std::string("echo");
        const uint32_t runs = stage_.ledger.cases.runs(marks[i]);
        return "echo-" + Ledger::mark_text(marks[i]) + (runs == 0 ? "" : " run-" + std::to_string(runs) + " ");
    };
    if (ids.empty()) return answer_json(connection, stage_.quiet || random.chance(9, 10) ? 202 : 400, {});
    if (request.body.find("\"initialize\"") != std::string::npos) {
        const std::string session =
            random.chance(2, 3) ? "Mcp-Session-Id: up-" + std::to_string(++sessions_) + "\r\n" : std::string();
        const char* revision = random.chance(1, 2) ? "2025-03-26" : "2025-11-25";
        return answer_json(connection, 200,
                           response(ids[0], std::string(R"({"protocolVersion":")") + revision +
                                                R"(","capabilities":{},"serverInfo":{"name":"sim","version":"1"}})"),
                           session);
    }
    const bool held = request.body.find("\"held_") != std::string::npos;
    const bool modern = request.body.find("2026-07-28") != std::string::npos;
    if (held && modern && request.body.find("inputResponses") == std::string::npos && random.chance(1, 8)) {
        stage_.ledger.cases.asked_for_input(marks.at(0));
        return answer_json(
            connection, 200,
            response(ids[0], R"({"resultType":"input_required","requestState":"server-state","inputRequests":{"sure":{)"
                             R"("method":"elicitation/create","params":{"mode":"form","message":"sure?",)"
                             R"("requestedSchema":{"type":"object","properties":{}}}}}})"));
    }
    std::string body;
    if (request.body.find("\"tools/list\"") != std::string::npos) {
        body = response(
            ids[0],
            R"({"tools":[{"name":"fine_tool","inputSchema":{"type":"object"}},{"name":"secret_tool","inputSchema":{"type":"object"}},)"
            R"({"name":"fine_other","inputSchema":{"type":"object"}}],"note":")" +
                said(0) + "\"}");
    } else {
        const bool bulky = random.chance(1, 60);
        const std::string pad(bulky ? random.below(400'000) : random.below(300), 'x');
        for (size_t i = 0; i < ids.size(); ++i)
            body += (i == 0 ? "" : ",") +
                    response(ids[i], R"({"content":[{"type":"text","text":")" + said(i) + pad + " of " + veiled +
                                         R"("}],"structuredContent":{"token":")" + veiled + "\"}}");
        if (request.body.starts_with('[')) body = "[" + body + "]";
    }
    if (!stage_.quiet && random.below(100) < stage_.hostile_percent) return spoil(connection, body);
    if (!request.body.starts_with('[') && random.chance(1, 5)) {
        std::vector<std::string> events(
            random.below(4),
            R"({"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":{"token":")" +
                std::string(veiled) + "\"}}}");
        events.push_back(body);
        return answer_events(connection, events);
    }
    answer_json(connection, 200, body);
}

} // namespace weir::sim
