// mcp/reply.cc - weir's own messages, written member by member.
#include "mcp/reply.h"

#include "base/result.h"
#include "json/escape.h"

namespace weir::mcp {
namespace {

constexpr int32_t invalid_params = -32602, method_not_found = -32601, resource_not_found_legacy = -32002;
// The code of the specification's own example (2025-11-25, "Sampling", error handling).
constexpr int32_t user_rejected = -1;

/// Writes members with the commas between them.
class Members {
  public:
    explicit Members(PaddedBytes& out) : out_(out) { out_.append('{'); }
    PaddedBytes& name(std::string_view name) {
        if (!first_) out_.append(',');
        first_ = false;
        out_.append('"');
        out_.append(name);
        out_.append("\":");
        return out_;
    }
    void text(std::string_view member, std::string_view value) { json::quote(value, name(member)); }
    void text_if_any(std::string_view member, std::string_view value) {
        if (!value.empty()) text(member, value);
    }
    void raw(std::string_view member, std::string_view json) { name(member).append(json); }
    void end() { out_.append('}'); }

  private:
    PaddedBytes& out_;
    bool first_ = true;
};

void append_signed(PaddedBytes& out, int64_t number) {
    if (number < 0) out.append('-');
    out.append_number(number < 0 ? static_cast<uint64_t>(-number) : static_cast<uint64_t>(number));
}

/// What may be told of a decision, for programs.
void write_decision(PaddedBytes& out, const Denial& denial) {
    Members decision(out);
    decision.text("decision", "block");
    decision.text_if_any("code", denial.code);
    decision.text_if_any("hint", denial.hint);
    if (denial.retry_after_s != 0) decision.name("retryAfterMs").append_number(uint64_t{denial.retry_after_s} * 1000);
    decision.end();
}

/// A result's beginning, up to where its own members go.
void begin_result(PaddedBytes& out, std::string_view id, Era era) {
    out.append(R"({"jsonrpc":"2.0","id":)");
    out.append(id);
    out.append(R"(,"result":{)");
    if (era == Era::modern) out.append(R"("resultType":"complete",)");
}

/// Appends to a string that is begun already.
void append_escaped(PaddedBytes& out, std::string_view text) {
    out.reserve(json::escaped_bytes_max(text.size()));
    char* const end = out.data() + out.size();
    out.grew(static_cast<size_t>(json::write_escaped(text, end) - end));
}

/// All of the denial in one text, for the model.
void write_denied_text(PaddedBytes& out, const Denial& denial) {
    out.append('"');
    const auto say = [&out](std::string_view text) { append_escaped(out, text); };
    say("Not executed: ");
    say(denial.text.empty() ? "this call is denied by policy." : denial.text);
    if (!denial.code.empty()) {
        say(" (");
        say(denial.code);
        say(")");
    }
    if (!denial.hint.empty()) {
        say("\n");
        say(denial.hint);
    }
    if (denial.retry_after_s != 0) {
        say("\nTry again in ");
        out.append_number(denial.retry_after_s);
        say(denial.retry_after_s == 1 ? " second." : " seconds.");
    }
    out.append('"');
}

void write_denied_tool(PaddedBytes& out, const Denial& denial) {
    begin_result(out, denial.id, denial.era);
    out.append(R"("content":[{"type":"text","text":)");
    write_denied_text(out, denial);
    out.append(R"(}],"isError":true,"_meta":{"dev.weir/decision":)");
    write_decision(out, denial);
    out.append("}}}");
}

/// An error's beginning, up to and with its message. The caller closes error and message with "}}".
void begin_error(PaddedBytes& out, std::string_view id, Era era, int32_t code) {
    out.append(R"({"jsonrpc":"2.0",)");
    if (!id.empty() || era == Era::legacy) {
        out.append(R"("id":)");
        out.append(id.empty() ? "null" : id);
        out.append(',');
    }
    out.append(R"("error":{"code":)");
    append_signed(out, code);
    out.append(R"(,"message":)");
}

/// The name of what is not there goes back to the one who said it, but not megabytes of it.
constexpr size_t shown_name_max = 1024;

void write_unknown(PaddedBytes& out, const Denial& denial, int32_t code, std::string_view what) {
    begin_error(out, denial.id, denial.era, code);
    out.append('"');
    out.append(what);
    if (denial.name.size() <= shown_name_max) {
        out.append(": ");
        append_escaped(out, denial.name);
    }
    out.append(R"("}})");
}

void write_denied_resource(PaddedBytes& out, const Denial& denial) {
    begin_error(out, denial.id, denial.era, denial.era == Era::modern ? invalid_params : resource_not_found_legacy);
    out.append(R"("Resource not found","data":)");
    Members data(out);
    data.text("uri", denial.name);
    if (!denial.hidden && !(denial.text.empty() && denial.code.empty() && denial.hint.empty()))
        write_decision(data.name("weir"), denial);
    data.end();
    out.append("}}");
}

void write_denied_error(PaddedBytes& out, const Denial& denial, int32_t code) {
    begin_error(out, denial.id, denial.era, code);
    json::quote(denial.text.empty() ? "denied by policy" : denial.text, out);
    out.append(R"(,"data":)");
    Members data(out);
    write_decision(data.name("weir"), denial);
    data.end();
    out.append("}}");
}

} // namespace

void write_error(PaddedBytes& out, const ErrorReply& error) {
    begin_error(out, error.id, error.era, error.code);
    json::quote(error.message, out);
    if (!error.data.empty()) {
        out.append(R"(,"data":)");
        out.append(error.data);
    }
    out.append("}}");
}

void write_denial(PaddedBytes& out, const Denial& denial) {
    const Method method = denial.method;
    if (method == Method::completion_complete) {
        begin_result(out, denial.id, denial.era);
        return out.append(R"("completion":{"values":[],"total":0,"hasMore":false}}})");
    }
    if (method == Method::resources_read) return write_denied_resource(out, denial);
    const bool subscribes = method == Method::resources_subscribe || method == Method::resources_unsubscribe;
    if (denial.hidden) {
        if (method == Method::tools_call) return write_unknown(out, denial, invalid_params, "Unknown tool");
        if (method == Method::prompts_get) return write_unknown(out, denial, invalid_params, "Unknown prompt");
        if (subscribes) return write_unknown(out, denial, invalid_params, "Unknown resource");
        return write_error(out, {denial.id, denial.era, method_not_found, "Method not found"});
    }
    if (method == Method::tools_call && !denial.as_error) return write_denied_tool(out, denial);
    const bool params = method == Method::prompts_get || subscribes;
    write_denied_error(out, denial, params ? invalid_params : denial.rpc_code);
}

void write_pending(PaddedBytes& out, const Pending& pending) {
    const auto facts = [&] {
        Members approval(out);
        approval.text("id", pending.ticket);
        approval.text("status", "pending");
        approval.name("retryAfterMs").append_number(uint64_t{pending.retry_after_s} * 1000);
        approval.text_if_any("expiresAt", pending.expires);
        if (!pending.digest.empty()) {
            approval.name("argumentsDigest").append("\"sha256:");
            out.append(pending.digest);
            out.append('"');
        }
        approval.end();
    };
    const auto say = [&out](std::string_view text) { append_escaped(out, text); };
    const auto text = [&] {
        out.append('"');
        say("Not executed: this call waits for the approval of a person (request ");
        say(pending.ticket);
        if (!pending.reason.empty()) {
            say("; ");
            say(pending.reason);
        }
        say("). Tell the user. Once it is approved, make the same call again with exactly the same arguments.");
        out.append('"');
    };
    if (pending.method != Method::tools_call) {
        begin_error(out, pending.id, pending.era, row_of(Error::approval_pending).code);
        text();
        out.append(R"(,"data":{"weir":)");
        facts();
        return out.append("}}}");
    }
    begin_result(out, pending.id, pending.era);
    out.append(R"("content":[{"type":"text","text":)");
    text();
    out.append(R"(}],"isError":true,"_meta":{"dev.weir/approval":)");
    facts();
    out.append("}}}");
}

void write_input_required(PaddedBytes& out, std::string_view id, std::string_view state) {
    out.append(R"({"jsonrpc":"2.0","id":)");
    out.append(id);
    out.append(R"(,"result":{"resultType":"input_required","requestState":)");
    json::quote(state, out);
    out.append("}}");
}

void write_progress(PaddedBytes& out, std::string_view token, uint64_t count, std::string_view message) {
    out.append(R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":)");
    out.append(token);
    out.append(R"(,"progress":)");
    out.append_number(count);
    out.append(R"(,"message":)");
    json::quote(message, out);
    out.append("}}");
}

void write_notice(PaddedBytes& out, std::string_view text) {
    out.append(
        R"({"jsonrpc":"2.0","method":"notifications/message","params":{"level":"notice","logger":"weir","data":)");
    json::quote(text, out);
    out.append("}}");
}

void write_declined(PaddedBytes& out, std::string_view id, Method method) {
    if (method == Method::sampling_create_message)
        return write_error(out, {id, Era::legacy, user_rejected, "User rejected sampling request"});
    if (method != Method::elicitation_create && method != Method::roots_list)
        return write_error(out, {id, Era::legacy, method_not_found, "Method not found"});
    begin_result(out, id, Era::legacy);
    out.append(method == Method::roots_list ? R"("roots":[]}})" : R"("action":"decline"}})");
}

void write_versions(PaddedBytes& out, std::span<const std::string_view> offered, std::string_view requested) {
    Members data(out);
    data.name("supported").append('[');
    for (const std::string_view revision : offered) {
        if (revision != offered.front()) out.append(',');
        json::quote(revision, out);
    }
    out.append(']');
    data.text("requested", requested);
    data.end();
}

void write_empty_result(PaddedBytes& out, std::string_view id, Era era) {
    out.append(R"({"jsonrpc":"2.0","id":)");
    out.append(id);
    out.append(era == Era::modern ? R"(,"result":{"resultType":"complete"}})" : R"(,"result":{}})");
}

void write_listen_end(PaddedBytes& out, std::string_view id) {
    begin_result(out, id, Era::modern);
    out.append(R"("_meta":{"io.modelcontextprotocol/subscriptionId":)");
    out.append(id);
    out.append("}}}");
}

} // namespace weir::mcp
