// cli/mcp_client.cc - requests out, messages in; one scan of each.
#include "cli/mcp_client.h"

#include "catalog/mirrored.h"
#include "cli/output.h"
#include "cli/version.h"
#include "crypto/base64.h"
#include "http/sse.h"
#include "json/text.h"

#include <fmt/format.h>
#include <algorithm>

namespace weir::cli {
namespace {

constexpr std::string_view modern_protocol = "2026-07-28", legacy_protocol = "2025-11-25";
constexpr size_t message_bytes_max = 16 << 20;
constexpr int tools_pages_max = 1000;
constexpr int rounds_max = 10; // of input_required, as many as SDKs make

std::string client_info() {
    json::Text out;
    out.begin_object().name("name").string("weir").name("version").string(version()).end_object();
    return out.text();
}

/// Whether the same call is wanted again, with nothing but the state of its wait.
bool asks_again(json::Value result) {
    return result.find("resultType").equals("input_required") && result.find("requestState").is(json::Kind::string) &&
           result.find("inputRequests").count() == 0;
}

std::string base64(std::string_view octets) {
    std::string out(crypto::base64_size(octets.size()), '\0');
    crypto::encode_base64(octets, out.data());
    return out;
}

} // namespace

std::string header_value(std::string_view value) {
    const bool plain = std::all_of(value.begin(), value.end(), [](char byte) { return byte >= ' ' && byte <= '~'; });
    const bool framed = value.starts_with("=?base64?") && value.ends_with("?=");
    if (plain && !framed && !value.starts_with(' ') && !value.ends_with(' ')) return std::string(value);
    return "=?base64?" + base64(value) + "?=";
}

McpClient::McpClient(Endpoint endpoint, uint64_t silence_ns_max, std::function<void(json::Value)> notified)
    : endpoint_(std::move(endpoint)), silence_ns_max_(silence_ns_max), notified_(std::move(notified)), space_(pool_),
      scanner_(json::ScanLimits{}), kept_(pool_) {}

std::string McpClient::message(std::string_view method, std::string_view members, uint64_t id) const {
    std::string meta;
    if (era_ == Era::modern) {
        meta = fmt::format(
            R"("io.modelcontextprotocol/protocolVersion":"{}","io.modelcontextprotocol/clientCapabilities":{{}},)"
            R"("io.modelcontextprotocol/clientInfo":{},)",
            modern_protocol, client_info());
    }
    return fmt::format(R"({{"jsonrpc":"2.0","id":{},"method":"{}","params":{{{}{}"_meta":{{{}"progressToken":{}}}}}}})",
                       id, method, members, members.empty() ? "" : ",", meta, id);
}

HttpRequest McpClient::http_request(http::Method method, std::string_view body) const {
    HttpRequest request;
    request.method = method;
    request.body = body;
    request.fields = {{"Accept", "application/json, text/event-stream"},
                      {"User-Agent", fmt::format("weir/{}", version())}};
    if (method == http::Method::post) request.fields.emplace_back("Content-Type", "application/json");
    if (!token_.empty()) request.fields.emplace_back("Authorization", "Bearer " + token_);
    if (!protocol_.empty()) request.fields.emplace_back("MCP-Protocol-Version", protocol_);
    if (!session_id_.empty()) request.fields.emplace_back("Mcp-Session-Id", session_id_);
    return request;
}

/// Scans kept_; `answered` tells whether it is the answer to `id`. Requests and notifications are dealt with here.
Result<Reply> McpClient::reply_of(uint64_t id, bool& answered) {
    Reply reply;
    reply.status = status_;
    reply.text = kept_.text();
    space_.reset();
    const auto scanned = scanner_.scan(kept_.padded());
    if (!scanned) {
        why_ = fmt::format("the answer is not strict JSON: {}", row_of(scanned.error()).text);
        return fail(Error::upstream_malformed);
    }
    document_ = *scanned;
    const json::Value root = json::Value::root(document_);
    reply.result = root.find("result");
    reply.error = root.find("error");
    const json::Value given = root.find("id");
    const bool ours = given.integer() == static_cast<int64_t>(id) || !given || given.is(json::Kind::null);
    answered = (reply.result || reply.error) && ours;
    if (!answered && root.find("method")) {
        if (given) answer_server(root);
        else if (notified_) notified_(root);
    }
    return reply;
}

/// A request of the server inside a stream of the legacy era: ping is answered, all else was never offered.
void McpClient::answer_server(json::Value request) {
    const bool ping = request.find("method").equals("ping");
    const std::string body =
        fmt::format(R"({{"jsonrpc":"2.0","id":{},{}}})", request.find("id").raw(),
                    ping ? R"("result":{})" : R"("error":{"code":-32601,"message":"not offered"})");
    HttpExchange exchange(pool_);
    if (exchange.start(endpoint_, http_request(http::Method::post, body), silence_ns_max_))
        (void)exchange.read_all(1 << 20);
}

Result<Reply> McpClient::read_stream(HttpExchange& exchange, uint64_t id) {
    http::EventReader events;
    PaddedBytes joined(pool_);
    for (;;) {
        const auto event = events.next(exchange.body().text(), joined);
        if (!event) {
            if (event.error() != Error::incomplete) return fail(event.error());
            const auto more = exchange.read_more();
            if (!more || !*more) {
                why_ = more ? "the stream ended without an answer" : exchange.why();
                return fail(more ? Error::upstream_cut : more.error());
            }
            continue;
        }
        bool answered = false;
        if (!event->data.empty() && (event->type.empty() || event->type == "message")) {
            kept_.clear();
            kept_.append(event->data);
            const auto reply = reply_of(id, answered);
            if (!reply || answered) return reply;
        }
        exchange.body().drop_front(event->consumed);
    }
}

Result<Reply> McpClient::post(std::string_view body, std::string_view method, std::string_view name, uint64_t id) {
    HttpRequest request = http_request(http::Method::post, body);
    if (era_ == Era::modern) {
        request.fields.emplace_back("Mcp-Method", method);
        if (!name.empty()) request.fields.emplace_back("Mcp-Name", header_value(name));
        request.fields.insert(request.fields.end(), mirrored_.begin(), mirrored_.end());
    }
    HttpExchange exchange(pool_);
    status_ = 0;
    if (auto started = exchange.start(endpoint_, request, silence_ns_max_); !started) {
        why_ = exchange.why();
        return fail(started.error());
    }
    status_ = exchange.status();
    if (method == "initialize" && status_ == 200) session_id_ = exchange.session_id();
    if (status_ == 200 && exchange.content_type() == http::MediaType::event_stream) return read_stream(exchange, id);
    if (auto read = exchange.read_all(message_bytes_max); !read) {
        why_ = exchange.why();
        return fail(read.error());
    }
    kept_.clear();
    kept_.append(exchange.body().text());
    bool answered = false;
    if (exchange.content_type() == http::MediaType::json && !kept_.empty()) return reply_of(id, answered);
    Reply reply;
    reply.status = status_;
    reply.text = kept_.text();
    return reply;
}

Result<Reply> McpClient::request(std::string_view method, std::string_view members, std::string_view name) {
    const uint64_t id = next_id_++;
    return post(message(method, members, id), method, name, id);
}

Result<Reply> McpClient::tools(const std::string& cursor) {
    json::Text quoted;
    if (!cursor.empty()) quoted.string(cursor);
    return request("tools/list", cursor.empty() ? "" : "\"cursor\":" + quoted.text());
}

/// Which of `arguments` the schema of `tool` wants in fields too, into mirrored_.
Result<void> McpClient::mirror(std::string_view tool, std::string_view arguments) {
    PaddedBytes text(pool_);
    text.append(arguments);
    json::Scanner scanner{json::ScanLimits{}};
    const auto scanned = scanner.scan(text.padded());
    if (!scanned) return fail(scanned.error());
    std::string cursor;
    for (int page = 0; page < tools_pages_max; ++page) {
        const auto reply = tools(cursor);
        if (!reply) return fail(reply.error());
        const json::Value listed = reply->result.find("tools");
        if (!listed.is(json::Kind::array)) return {};
        for (const json::Value each : listed.elements()) {
            if (!each.find("name").equals(tool)) continue;
            const auto wanted = catalog::mirrored_arguments(each.find("inputSchema"), space_);
            if (!wanted) return {}; // What such annotations mean is not defined.
            for (const auto& one : *wanted) {
                const json::Value value = one.find(json::Value::root(*scanned));
                if (!value || value.is(json::Kind::null)) continue;
                mirrored_.emplace_back("Mcp-Param-" + one.header,
                                       header_value(value.is(json::Kind::string) ? value.string(space_) : value.raw()));
            }
            return {};
        }
        cursor = reply->result.find("nextCursor").string(space_);
        if (cursor.empty()) break;
    }
    return {};
}

Result<Reply> McpClient::call(std::string_view tool, std::string_view arguments) {
    json::Text quoted;
    quoted.string(tool);
    const std::string members = fmt::format(R"("name":{},"arguments":{})", quoted.text(), arguments);
    auto reply = request("tools/call", members, tool);
    if (!reply || era_ != Era::modern) return reply;
    if (reply->error.find("code").integer() == row_of(Error::header_mismatch).code) {
        if (const auto found = mirror(tool, arguments); !found) return fail(found.error());
        reply = request("tools/call", members, tool);
    }
    for (int round = 0; reply && round < rounds_max && asks_again(reply->result); ++round) {
        const std::string state(reply->result.find("requestState").raw());
        reply = request("tools/call", fmt::format(R"({},"requestState":{})", members, state), tool);
    }
    mirrored_.clear();
    return reply;
}

Result<void> McpClient::discover() {
    era_ = Era::modern;
    protocol_ = modern_protocol;
    const auto reply = request("server/discover", "");
    if (!reply) return fail(reply.error());
    for (const json::Value& revision : reply->result.find("supportedVersions").is(json::Kind::array)
                                           ? reply->result.find("supportedVersions").elements()
                                           : json::Value::Elements(nullptr, 0, 0)) {
        if (revision.equals(modern_protocol)) return {};
    }
    refusal_ = reply->error.raw();
    why_ = fmt::format("the server does not speak {}", modern_protocol);
    return fail(Error::protocol_unsupported);
}

Result<void> McpClient::initialize() {
    era_ = Era::legacy;
    protocol_.clear();
    const auto reply = request(
        "initialize",
        fmt::format(R"("protocolVersion":"{}","capabilities":{{}},"clientInfo":{})", legacy_protocol, client_info()));
    if (!reply) return fail(reply.error());
    const json::Value agreed = reply->result.find("protocolVersion");
    if (!agreed.is(json::Kind::string)) {
        refusal_ = reply->error.raw();
        why_ = reply->error ? printable(reply->error.find("message").string(space_))
                            : fmt::format("HTTP {} instead of an answer to initialize", reply->status);
        return fail(Error::protocol_unsupported);
    }
    protocol_ = agreed.string(space_);
    const auto noted =
        post(R"({"jsonrpc":"2.0","method":"notifications/initialized"})", "notifications/initialized", "", 0);
    if (!noted) return fail(noted.error());
    return {};
}

Result<void> McpClient::connect(Era era) {
    if (era != Era::legacy) {
        const auto found = discover();
        if (found || era == Era::modern || found.error() == Error::io_failed || found.error() == Error::request_timeout)
            return found;
    }
    return initialize();
}

void McpClient::end() {
    if (session_id_.empty()) return;
    HttpExchange exchange(pool_);
    if (exchange.start(endpoint_, http_request(http::Method::delete_, ""), silence_ns_max_))
        (void)exchange.read_all(1 << 20);
    session_id_.clear();
}

} // namespace weir::cli
