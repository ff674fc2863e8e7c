// demo/protocol.cc - the methods of both eras over the tools of the shop.
#include "demo/protocol.h"

#include <fmt/format.h>
#include <algorithm>

namespace weir::demo {
namespace {

constexpr std::string_view modern = "2026-07-28";
constexpr std::string_view legacy[] = {"2025-11-25", "2025-06-18", "2025-03-26"};
constexpr std::string_view meta_protocol = "io.modelcontextprotocol/protocolVersion";
constexpr std::string_view meta_capabilities = "io.modelcontextprotocol/clientCapabilities";
constexpr std::string_view server_info = R"({"name":"acme","title":"Acme shop","version":"1.0.0"})";
constexpr size_t sessions_max = 1000;

std::string tools_json() {
    std::string out;
    for (const ToolDefinition& tool : tool_definitions) out.append(out.empty() ? "" : ",").append(tool.json);
    return out;
}

int64_t integer_or(json::Value value, int64_t otherwise) { return value.integer().value_or(otherwise); }

std::string supported_detail(std::string_view requested) {
    json::Text out;
    out.begin_object().name("supported").begin_array().string(modern);
    for (const std::string_view revision : legacy) out.string(revision);
    out.end_array().name("requested").string(requested).end_object();
    return out.text();
}

} // namespace

Protocol::Protocol(uint16_t port, uint64_t seed)
    : hosts_{fmt::format("127.0.0.1:{}", port), fmt::format("localhost:{}", port)}, random_(seed), space_(pool_),
      scanner_(json::ScanLimits{}) {}

uint64_t Protocol::calls(std::string_view tool) const {
    for (size_t i = 0; i < tool_definitions.size(); ++i) {
        if (tool_definitions[i].name == tool) return calls_[i].load(std::memory_order_relaxed);
    }
    return 0;
}

bool Protocol::known_session(std::string_view id) const {
    return std::find(sessions_.begin(), sessions_.end(), id) != sessions_.end();
}

Plan Protocol::error(uint16_t status, json::Value id, int64_t code, std::string_view text, std::string_view detail) {
    json::Text out;
    out.begin_object().name("jsonrpc").string("2.0").name("id").raw(id ? id.raw() : "null");
    out.name("error").begin_object().name("code").number(code).name("message").string(text);
    if (!detail.empty()) out.name("data").raw(detail);
    out.end_object().end_object();
    Plan plan;
    plan.status = status;
    plan.body = out.text();
    return plan;
}

/// A result whose object has `members`; the stateless era says that it is complete.
Plan Protocol::result(const Message& message, std::string_view members) const {
    const std::string_view complete = message.era == Era::modern ? R"("resultType":"complete")" : "";
    Plan plan;
    plan.body = fmt::format(R"({{"jsonrpc":"2.0","id":{},"result":{{{}{}{}}}}})", message.id.raw(), complete,
                            complete.empty() || members.empty() ? "" : ",", members);
    return plan;
}

Plan Protocol::answer(const http::RequestHead& head, PaddedView body) {
    const std::string host = fmt::format("{}:{}", head.authority.host, head.authority.port);
    Plan plan;
    if ((host != hosts_[0] && host != hosts_[1]) || head.has(http::FieldId::origin)) {
        plan.status = 403;
    } else if (head.path != "/mcp") {
        plan.status = 404;
    } else if (head.method == http::Method::delete_) {
        const std::string_view id = head.value(http::FieldId::mcp_session_id);
        plan.status = known_session(id) ? 200 : 404;
        std::erase(sessions_, id);
    } else if (head.method != http::Method::post) {
        plan.status = 405;
        plan.allow = true;
    } else if (head.content_type != http::MediaType::json) {
        plan.status = 415;
    } else {
        plan = post(head, body);
    }
    return plan;
}

Plan Protocol::post(const http::RequestHead& head, PaddedView body) {
    space_.reset();
    const auto scanned = scanner_.scan(body);
    if (!scanned) return error(400, {}, -32700, row_of(scanned.error()).text);
    const json::Document document = *scanned;
    const json::Value root = json::Value::root(document);
    Message message;
    message.id = root.find("id");
    message.params = root.find("params");
    message.method = root.find("method").string(space_);
    if (!root.is(json::Kind::object) || !root.find("jsonrpc").equals("2.0")) {
        return error(400, message.id, -32600, "not a JSON-RPC 2.0 message");
    }
    const json::Value claim = message.params.find("_meta").find(meta_protocol);
    message.era = claim ? Era::modern : Era::legacy;
    if (!message.id || message.method.empty()) { // a notification, or an answer nobody asked for
        Plan plan;
        plan.status = 202;
        return plan;
    }
    if (message.era == Era::modern) {
        const std::string wrong = check_modern(head, message);
        if (!wrong.empty()) return error(400, message.id, -32020, wrong);
        const std::string_view requested = claim.string(space_);
        if (requested != modern) {
            return error(400, message.id, -32022, "unsupported protocol version", supported_detail(requested));
        }
        if (!message.params.find("_meta").find(meta_capabilities).is(json::Kind::object)) {
            return error(400, message.id, -32602, fmt::format("_meta lacks {}", meta_capabilities));
        }
        return dispatch(message, {});
    }
    if (message.method == "initialize") return initialize(message);
    const std::string_view named = head.value(http::FieldId::mcp_protocol_version);
    if (named == modern) return error(400, message.id, -32602, fmt::format("_meta lacks {}", meta_protocol));
    if (!named.empty() && std::find(std::begin(legacy), std::end(legacy), named) == std::end(legacy)) {
        return error(400, message.id, -32600, "unsupported protocol version");
    }
    if (!head.has(http::FieldId::mcp_session_id)) return error(400, message.id, -32600, "initialize comes first");
    if (!known_session(head.value(http::FieldId::mcp_session_id)))
        return error(404, message.id, -32600, "unknown session");
    return dispatch(message, {});
}

/// What is wrong between headers and body of a stateless request; empty: nothing. Only plain header values are compared.
std::string Protocol::check_modern(const http::RequestHead& head, const Message& message) {
    if (head.value(http::FieldId::mcp_protocol_version) !=
        message.params.find("_meta").find(meta_protocol).string(space_)) {
        return "MCP-Protocol-Version and the body disagree";
    }
    if (head.value(http::FieldId::mcp_method) != message.method) return "Mcp-Method and the body disagree";
    const bool named = message.method == "tools/call";
    const std::string_view name = message.params.find("name").string(space_);
    const std::string_view value = head.value(http::FieldId::mcp_name);
    if (named && value != name && !value.starts_with("=?base64?")) return "Mcp-Name and the body disagree";
    return {};
}

Plan Protocol::initialize(const Message& message) {
    const std::string_view wanted = message.params.find("protocolVersion").string(space_);
    const auto known = std::find(std::begin(legacy), std::end(legacy), wanted);
    const std::string_view agreed = known == std::end(legacy) ? legacy[0] : *known;
    Plan plan = result(message, fmt::format(R"("protocolVersion":"{}","capabilities":{{"tools":{{}}}},"serverInfo":{},)"
                                            R"("instructions":"An imaginary shop. Everything in it is made up.")",
                                            agreed, server_info));
    plan.session_id = fmt::format("{:016x}{:016x}", random_.next(), random_.next());
    sessions_.push_back(plan.session_id);
    if (sessions_.size() > sessions_max) sessions_.pop_front();
    return plan;
}

Plan Protocol::dispatch(const Message& message, Plan) {
    const bool stateless = message.era == Era::modern;
    if (message.method == "tools/list") {
        return result(message, fmt::format(R"("tools":[{}]{})", tools_json(),
                                           stateless ? R"(,"ttlMs":60000,"cacheScope":"public")" : ""));
    }
    if (message.method == "tools/call") return call(message);
    if (message.method == "ping" && !stateless) return result(message, "");
    if (message.method == "server/discover" && stateless) {
        return result(message,
                      fmt::format(R"("supportedVersions":["{}"],"capabilities":{{"tools":{{}}}},"ttlMs":60000,)"
                                  R"("cacheScope":"public","_meta":{{"io.modelcontextprotocol/serverInfo":{}}})",
                                  modern, server_info));
    }
    return error(stateless ? 404 : 200, message.id, -32601, "unknown method");
}

Plan Protocol::call(const Message& message) {
    const std::string_view name = message.params.find("name").string(space_);
    const auto found = std::find_if(tool_definitions.begin(), tool_definitions.end(),
                                    [&](const ToolDefinition& each) { return each.name == name; });
    if (found == tool_definitions.end()) return error(200, message.id, -32602, fmt::format("Unknown tool: {}", name));
    const auto index = static_cast<size_t>(found - tool_definitions.begin());
    calls_[index].fetch_add(1, std::memory_order_relaxed);
    Plan plan;
    const ToolAnswer answer = run(static_cast<Tool>(index), message.params.find("arguments"), plan);
    json::Text content;
    content.begin_array()
        .begin_object()
        .name("type")
        .string("text")
        .name("text")
        .string(answer.text)
        .end_object()
        .end_array();
    std::string members = fmt::format(R"("content":{},"isError":{})", content.text(), answer.failed);
    if (!answer.structured.empty()) members += fmt::format(R"(,"structuredContent":{})", answer.structured);
    plan.body = result(message, members).body;
    if (const json::Value token = message.params.find("_meta").find("progressToken")) plan.progress_token = token.raw();
    return plan;
}

ToolAnswer Protocol::run(Tool tool, json::Value arguments, Plan& plan) {
    switch (tool) {
        case Tool::list_customers: return shop_.list_customers(integer_or(arguments.find("limit"), 3));
        case Tool::query: return shop_.query(arguments.find("sql").string(space_));
        case Tool::refund:
            return shop_.refund(integer_or(arguments.find("order"), 0), integer_or(arguments.find("amount"), 0));
        case Tool::delete_customer: return shop_.delete_customer(integer_or(arguments.find("id"), 0));
        case Tool::slow:
            plan.delay_ms =
                static_cast<uint32_t>(std::clamp<int64_t>(integer_or(arguments.find("ms"), 2000), 0, 60'000));
            return {false, fmt::format("that took {} ms", plan.delay_ms), {}};
        case Tool::countdown:
            plan.steps = static_cast<uint32_t>(std::clamp<int64_t>(integer_or(arguments.find("from"), 5), 1, 10'000));
            plan.delay_ms =
                static_cast<uint32_t>(std::clamp<int64_t>(integer_or(arguments.find("ms"), 200), 0, 60'000));
            return {false, fmt::format("counted down from {}", plan.steps), {}};
        case Tool::help: break;
    }
    return {false,
            "Acme is an imaginary shop: list_customers, query, refund, slow and countdown are there to be tried.",
            {}};
}

std::string Protocol::progress(const Plan& plan, uint32_t step) {
    return fmt::format(
        R"({{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":{},"progress":{},)"
        R"("total":{},"message":"{}"}}}})",
        plan.progress_token, step, plan.steps, plan.steps - step + 1);
}

} // namespace weir::demo
