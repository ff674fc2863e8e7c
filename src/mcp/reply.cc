// mcp/reply.cc - errors, denials and the little results that stand in for an upstream's.
#include "mcp/reply.h"

#include "json/escape.h"

namespace weir::mcp {
namespace {

void put_number(PaddedBytes& out, int64_t number) {
    if (number < 0) out.append('-');
    out.append_number(static_cast<uint64_t>(number < 0 ? -number : number));
}

void begin(PaddedBytes& out, std::string_view id, Era era) {
    out.append(R"({"jsonrpc":"2.0")");
    if (!id.empty()) {
        out.append(R"(,"id":)");
        out.append(id);
    } else if (era == Era::legacy) {
        out.append(R"(,"id":null)");
    }
}

/// {"weir":{"decision":"block","code":…,"hint":…,"retryAfterSeconds":…}} or the inside of it, for `_meta`.
void put_decision(PaddedBytes& out, const Denial& denial) {
    out.append(R"({"decision":"block","code":)");
    json::quote(denial.code, out);
    if (!denial.hint.empty()) {
        out.append(R"(,"hint":)");
        json::quote(denial.hint, out);
    }
    if (denial.retry_after_s != 0) {
        out.append(R"(,"retryAfterSeconds":)");
        out.append_number(denial.retry_after_s);
    }
    out.append('}');
}

/// One text that a model can act on: what was refused, why, and what would work.
void put_text(PaddedBytes& out, BufferPool& buffers, const Denial& denial) {
    PaddedBytes text(buffers);
    text.append("Blocked by policy: ");
    text.append(denial.text.empty() ? "this call is not allowed" : denial.text);
    if (!denial.hint.empty()) {
        text.append(" (");
        text.append(denial.hint);
        text.append(')');
    }
    if (denial.retry_after_s != 0) {
        text.append(" Try again in ");
        text.append_number(denial.retry_after_s);
        text.append(" s.");
    }
    text.append(" [");
    text.append(denial.code);
    text.append(']');
    json::quote(text.text(), out);
}

int32_t put_error(PaddedBytes& out, const Denial& denial, int32_t code, std::string_view before, std::string_view subject) {
    begin(out, denial.id, denial.era);
    out.append(R"(,"error":{"code":)");
    put_number(out, code);
    out.append(R"(,"message":)");
    BufferPool buffers(0);
    PaddedBytes message(buffers);
    message.append(before);
    message.append(subject);
    json::quote(message.text(), out);
    return code;
}

int32_t write_not_found(PaddedBytes& out, const Denial& denial) {
    const bool resource = named_by(denial.method) == Named::uri;
    if (resource) {
        const int32_t code = denial.era == Era::modern ? -32602 : -32002;
        put_error(out, denial, code, "Resource not found", {});
        out.append(R"(,"data":{"uri":)");
        json::quote(denial.name, out);
        out.append("}}}");
        return code;
    }
    put_error(out, denial, -32602, denial.method == Method::prompts_get ? "Unknown prompt: " : "Unknown tool: ", denial.name);
    out.append("}}");
    return -32602;
}

} // namespace

void write_error(PaddedBytes& out, const ErrorReply& reply) {
    begin(out, reply.id, reply.era);
    out.append(R"(,"error":{"code":)");
    put_number(out, reply.code);
    out.append(R"(,"message":)");
    json::quote(reply.message, out);
    if (!reply.data.empty()) {
        out.append(R"(,"data":)");
        out.append(reply.data);
    }
    out.append("}}");
}

void write_versions(PaddedBytes& out, std::string_view requested) {
    out.append(R"({"supported":[)");
    for (size_t i = 0; i < revisions.size(); ++i) {
        if (i != 0) out.append(',');
        json::quote(revisions[i], out);
    }
    out.append(R"(],"requested":)");
    json::quote(requested, out);
    out.append('}');
}

int32_t write_denial(PaddedBytes& out, const Denial& denial) {
    const bool modern = denial.era == Era::modern;
    if (denial.hidden && named_by(denial.method) != Named::none) return write_not_found(out, denial);
    if (denial.method == Method::tools_call && !denial.as_error) {
        begin(out, denial.id, denial.era);
        out.append(modern ? R"(,"result":{"resultType":"complete","content":[{"type":"text","text":)"
                          : R"(,"result":{"content":[{"type":"text","text":)");
        BufferPool buffers(0);
        put_text(out, buffers, denial);
        out.append(R"(}],"isError":true,"_meta":{"dev.weir/decision":)");
        put_decision(out, denial);
        out.append("}}}");
        return 0;
    }
    if (denial.method == Method::completion_complete) {
        begin(out, denial.id, denial.era);
        out.append(modern ? R"(,"result":{"resultType":"complete","completion":{"values":[],"total":0,"hasMore":false}}})"
                          : R"(,"result":{"completion":{"values":[],"total":0,"hasMore":false}}})");
        return 0;
    }
    if (denial.method == Method::resources_read && denial.text.empty()) return write_not_found(out, denial);
    const int32_t code = denial.rpc_code;
    begin(out, denial.id, denial.era);
    out.append(R"(,"error":{"code":)");
    put_number(out, code);
    out.append(R"(,"message":)");
    BufferPool buffers(0);
    put_text(out, buffers, denial);
    out.append(R"(,"data":{"weir":)");
    put_decision(out, denial);
    out.append("}}}");
    return code;
}

} // namespace weir::mcp
