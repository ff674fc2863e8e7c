// bench/traffic/messages.cc - the texts.
#include "messages.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace weir::bench {
namespace {

constexpr std::string_view front_to_id = R"({"jsonrpc":"2.0","id":)";
static_assert(front_to_id.size() == id_at);
constexpr std::string_view any_id = "10000000";
constexpr size_t request_bytes = 600, answer_bytes = 800, large_bytes = 256 << 10;

/// `head`, then prose, then `tail`: `bytes` in all.
std::string padded(std::string head, std::string_view tail, size_t bytes) {
    static constexpr std::string_view prose =
        "which of the old dikes along the lower river were raised after the flood, and who paid for the clay? ";
    for (size_t i = 0; head.size() + tail.size() < bytes; ++i) head += prose[i % prose.size()];
    return head.append(tail);
}

Answer result(std::string_view text, size_t bytes, std::string_view structured = {}) {
    const auto body =
        padded(std::string(front_to_id).append(any_id).append(R"(,"result":{"content":[{"type":"text","text":")") +
                   std::string(text),
               std::string(R"("}])").append(structured).append(R"(,"isError":false,"resultType":"complete"}})"), bytes);
    const std::string head =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
        "\r\n\r\n";
    const size_t in_front = body.size() <= answer_bytes ? body.size() : id_at + id_digits;
    return {head + body.substr(0, in_front), head.size() + id_at, body.substr(in_front)};
}

std::string chunk(std::string_view data) {
    std::array<char, 16> size{};
    std::snprintf(size.data(), size.size(), "%zx\r\n", data.size());
    return std::string(size.data()).append(data).append("\r\n");
}

} // namespace

void write_id(char* at, uint32_t id) {
    for (size_t i = id_digits; i-- != 0; id /= 10) at[i] = static_cast<char>('0' + id % 10);
}

Request make_request(std::string_view era, std::string_view path, uint16_t port, std::string_view tool, bool last,
                     std::string_view token) {
    const bool modern = era == "modern";
    std::string body(front_to_id);
    body.append(any_id).append(R"(,"method":"tools/call","params":{"_meta":{"progressToken":"t1")");
    if (modern)
        body.append(R"(,"io.modelcontextprotocol/protocolVersion":"2026-07-28")")
            .append(R"(,"io.modelcontextprotocol/clientCapabilities":{})")
            .append(R"(,"io.modelcontextprotocol/clientInfo":{"name":"bench","version":"1"})");
    body.append(R"(},"name":")").append(tool).append(R"(","arguments":{"query":")");
    body = padded(std::move(body), R"(","limit":10,"filters":{"lang":"en","tags":["a","b"]}}}})", request_bytes);
    std::string octets("POST ");
    octets.append(path).append(" HTTP/1.1\r\nHost: 127.0.0.1:").append(std::to_string(port));
    octets.append("\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n");
    octets.append("MCP-Protocol-Version: ").append(modern ? "2026-07-28" : "2025-11-25");
    if (modern) octets.append("\r\nMcp-Method: tools/call\r\nMcp-Name: ").append(tool);
    if (last) octets.append("\r\nConnection: close");
    if (!token.empty()) octets.append("\r\nAuthorization: Bearer ").append(token);
    octets.append("\r\nUser-Agent: bench/1.0\r\nContent-Length: ").append(std::to_string(body.size()));
    octets.append("\r\n\r\n");
    const size_t token_at = octets.find("########"), at = octets.size() + id_at;
    return {octets.append(body), at, token_at};
}

Answers::Answers()
    : plain(result("", answer_bytes)),
      secret(result(
          "Write to jane.doe@example.com or billing+eu@corp.example.org; her number is 123-45-6789. ", answer_bytes,
          R"(,"structuredContent":{"mail":["jane.doe@example.com","billing+eu@corp.example.org"],"ssn":"123-45-6789"})")),
      large(result("", large_bytes)),
      stream_head(
          "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
          "Transfer-Encoding: chunked\r\n\r\n"),
      event_id_at(0) {
    for (unsigned i = 1; i < events_count; ++i)
        events[i - 1] = chunk(
            "event: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\","
            "\"params\":{\"progressToken\":\"t1\",\"progress\":" +
            std::to_string(i) + ",\"total\":50}}\n\n");
    std::string& last = events.back();
    last = chunk(std::string("event: message\ndata: ")
                     .append(front_to_id)
                     .append(any_id)
                     .append(",\"result\":{\"content\":[],\"resultType\":\"complete\"}}\n\n"));
    event_id_at = last.find(any_id);
    last.append("0\r\n\r\n");
}

} // namespace weir::bench
