// gateway/verdicts.cc - judging a request, and building what goes on.
#include "gateway/verdicts.h"

#include "base/uri.h"
#include "gateway/hold.h"
#include "gateway/local.h"
#include "gateway/record_entries.h"
#include "gateway/responses.h"
#include "gateway/worker.h"
#include "json/edit.h"
#include "mcp/reply.h"
#include "mcp/rewrite.h"

#include <algorithm>

namespace weir::gateway {
namespace {

/// What policies may know about one message.
policy::Facts facts_of(const Exchange& exchange, const mcp::Message& message) {
    policy::Facts facts;
    facts.on = policy::On::request;
    facts.server = exchange.server->index;
    facts.method = message.method_text;
    switch (mcp::named_by(message.method)) {
        case mcp::Named::tool: facts.tool = message.name; break;
        case mcp::Named::prompt: facts.prompt = message.name; break;
        case mcp::Named::uri: facts.resource = message.name; break;
        case mcp::Named::reference: // what hides a prompt or a resource hides its completions
            (message.reference.find("uri") ? facts.resource : facts.prompt) = message.name;
            break;
        case mcp::Named::none:
        case mcp::Named::task: break;
    }
    facts.args = message.arguments;
    facts.principal = exchange.principal;
    facts.ip = exchange.from;
    facts.session_id = exchange.session->id();
    facts.session_calls = exchange.session->calls;
    facts.client_name = exchange.client_text;
    facts.time_unix_ns = exchange.worker.ring.wall_ns();
    facts.message_bytes = exchange.body_view.size;
    return facts;
}

/// What policies on answers need of `request`, which goes upstream.
const AnswerFacts* kept_of(Exchange& exchange, const mcp::Message& request) {
    if (!exchange.worker.generation().policies->judges_responses()) return nullptr;
    return keep_for_answer(exchange, facts_of(exchange, request));
}

policy::Verdict judge_message(Exchange& exchange, const mcp::Message& message) {
    return exchange.worker.judge().judge(facts_of(exchange, message), exchange.space);
}

/// Responses to a server's requests, and messages of no method, are nobody's to decide on yet: they pass.
bool is_judged(const mcp::Message& message) {
    return message.kind == mcp::Kind::request || message.kind == mcp::Kind::notification;
}

bool forwarded_by_name(const ServerConfig& server, std::string_view name) {
    return std::ranges::any_of(server.forward_headers, [&](const std::string& wanted) {
        return wanted.size() == name.size() &&
               std::equal(wanted.begin(), wanted.end(), name.begin(),
                          [](char w, char c) { return w == (c >= 'A' && c <= 'Z' ? c | 32 : c); });
    });
}

constexpr uint64_t goes_on = http::bit_of(http::FieldId::mcp_protocol_version) |
                             http::bit_of(http::FieldId::traceparent) | http::bit_of(http::FieldId::tracestate) |
                             http::bit_of(http::FieldId::baggage) | http::bit_of(http::FieldId::user_agent);
constexpr uint64_t goes_on_modern = goes_on | http::bit_of(http::FieldId::mcp_param);

/// Mcp-Method and Mcp-Name, written from the body that was judged and not taken from the head.
void append_routing_fields(const Exchange& exchange, PaddedBytes& out) {
    if (exchange.asked != Asked::message) return;
    out.append("Mcp-Method: ");
    out.append(exchange.method_text);
    out.append("\r\n");
    const mcp::Named named = mcp::named_by(exchange.method);
    if (named != mcp::Named::none && named != mcp::Named::reference && !exchange.name.empty()) {
        out.append("Mcp-Name: ");
        mcp::encode_header(exchange.name, out);
        out.append("\r\n");
    } else if (exchange.head.has(http::FieldId::mcp_name)) { // of a method that weir does not know
        out.append("Mcp-Name: ");
        out.append(exchange.head.value(http::FieldId::mcp_name));
        out.append("\r\n");
    }
}

/// The fields of the request that go on: those that MCP gives a meaning for servers and those of tracing (`goes_on`), and what
/// the operator named. Nothing else, so that no credential and no word of the way here reaches a server.
void append_fields(Exchange& exchange, PaddedBytes& out) {
    const uint64_t going = exchange.era == mcp::Era::modern ? goes_on_modern : goes_on;
    uint64_t dropped = 0;
    for (const auto& field : exchange.head.fields) {
        bool goes = (going & http::bit_of(field.id)) != 0;
        if (field.id == http::FieldId::other) {
            goes = forwarded_by_name(*exchange.server->config, field.name);
            if (!goes) ++dropped;
        }
        if (!goes) continue;
        out.append(field.name);
        out.append(": ");
        out.append(field.value);
        out.append("\r\n");
    }
    if (dropped != 0) exchange.worker.counters.fields_dropped.add(dropped);
    if (exchange.era == mcp::Era::modern) append_routing_fields(exchange, out);
    if (exchange.legacy_session && !exchange.legacy_session->upstream_id.empty()) {
        out.append("Mcp-Session-Id: ");
        out.append(exchange.legacy_session->upstream_id);
        out.append("\r\n");
    }
    if (!exchange.last_event.empty()) {
        out.append("Last-Event-ID: ");
        out.append(exchange.last_event);
        out.append("\r\n");
    }
}

void build_post(Exchange& exchange, std::string_view body) {
    PaddedBytes& out = exchange.outgoing;
    out.reserve(exchange.server->post_head.size() + exchange.head.size + body.size() + 256);
    out.append(exchange.server->post_head);
    out.append_number(body.size());
    out.append("\r\n");
    append_fields(exchange, out);
    out.append("\r\n");
    out.append(body);
    exchange.outgoing_body_bytes = body.size();
}

void build_bodyless(Exchange& exchange) {
    PaddedBytes& out = exchange.outgoing;
    out.append(exchange.asked == Asked::open_stream ? exchange.server->get_head : exchange.server->delete_head);
    append_fields(exchange, out);
    out.append("\r\n");
}

/// A notification that goes nowhere is accepted all the same: there is no way to answer one.
void answer_denied(Exchange& exchange, const policy::Verdict& verdict) {
    if (exchange.kind != mcp::Kind::request) return write_answer(exchange, 202, {});
    PaddedBytes body(exchange.worker.buffers);
    mcp::write_denial(body, denial_of(exchange, verdict, exchange.method, exchange.name, exchange.id.raw));
    write_answer(exchange, 200, body.text());
}

/// subscriptions/listen without the resources that this client may not read: the same judgement as for resources/read.
Result<void> filter_listened(Exchange& exchange, mcp::Edits& edits) {
    const auto keep = [&](std::string_view uri) {
        if (!uri_problem(uri).empty()) return false; // refused by resources/read
        auto facts = facts_of(exchange, exchange.message);
        facts.method = mcp::name_of(mcp::Method::resources_read);
        facts.resource = uri;
        return exchange.worker.judge().judge(facts, exchange.space).goes_on();
    };
    if (const auto filtered = mcp::filter_listen(exchange.message, edits, keep); !filtered)
        return fail(filtered.error());
    return {};
}

/// Whether the request brings a requestState that weir gave its client while a call waited.
bool own_state(Exchange& exchange) {
    const json::Value state = exchange.message.request_state;
    return state.is(json::Kind::string) && mcp::Sealer::is_approval(state.string(exchange.space));
}

Result<Judged> judge_one(Exchange& exchange) {
    policy::Verdict verdict;
    if (exchange.asked == Asked::message && is_judged(exchange.message))
        verdict = judge_message(exchange, exchange.message);
    // Waiting is for requests of a session: a notification has nobody who could be told, and the answer to an initialize
    // cannot wait behind signs of life, since its head has the session's id.
    if (verdict.decision == policy::Decision::approve &&
        (exchange.kind != mcp::Kind::request || exchange.method == mcp::Method::initialize))
        verdict.decision = policy::Decision::block;
    PaddedBytes rewritten(exchange.worker.buffers);
    std::string_view body = exchange.body_view.text();
    mcp::Edits edits(exchange.space);
    if (own_state(exchange)) edits.add(json::Edit::drop(exchange.message.request_state)); // No upstream's business.
    if (exchange.method == mcp::Method::subscriptions_listen && verdict.goes_on())
        if (const auto filtered = filter_listened(exchange, edits); !filtered) return fail(filtered.error());
    if (verdict.looked_inside ||
        !edits.empty()) { // What was judged is what is sent: one re-serialisation of the parsed view.
        json::serialise(exchange.document, edits.sorted(), rewritten);
        body = rewritten.text();
    }
    if (!record_asked(exchange, body)) return fail(Error::record_unavailable);
    if (verdict.decision == policy::Decision::approve) {
        if (const auto begun = begin_hold(exchange, verdict); !begun) return fail(begun.error());
        return Judged::held;
    }
    if (!record_decided(exchange, verdict, denial_code(verdict, exchange.method)))
        return fail(Error::record_unavailable);
    if (!verdict.goes_on()) {
        answer_denied(exchange, verdict);
        return Judged::answered;
    }
    if (exchange.resumed) exchange.answer_facts = keep_for_resumed(exchange);
    else if (exchange.expects_answer) exchange.answer_facts = kept_of(exchange, exchange.message);
    if (exchange.asked == Asked::message) build_post(exchange, body);
    else build_bodyless(exchange);
    return Judged::forward;
}

/// `request` of the batch goes upstream as its `index`th: the requests are in order, so it stands there or behind.
void keep_request(Exchange& exchange, size_t index, const mcp::Message& request) {
    const auto found = std::ranges::find(exchange.batch_requests, request.id, &BatchRequest::id);
    WEIR_ASSERT(found != exchange.batch_requests.end());
    found->facts = kept_of(exchange, request);
    std::swap(exchange.batch_requests[index], *found);
}

/// Each element by itself; what is denied is answered here and the rest goes on as a smaller batch.
Result<Judged> judge_batch(Exchange& exchange) {
    Worker& worker = exchange.worker;
    const auto root = json::Value::root(exchange.document);
    const auto edits = exchange.space.array<json::Edit>(root.count());
    size_t dropped = 0, kept_requests = 0;
    bool looked_inside = false;
    if (!record_asked(exchange, exchange.body_view.text())) return fail(Error::record_unavailable);
    for (const auto element : root.elements()) {
        const auto message = mcp::read_message(element, exchange.space);
        WEIR_ASSERT(message.has_value()); // read_request() has read each of them
        policy::Verdict verdict;
        if (is_judged(*message)) verdict = judge_message(exchange, *message);
        if (verdict.decision == policy::Decision::approve) { // One answer cannot wait while its neighbours go.
            verdict.decision = policy::Decision::block;
            verdict.code = "approval_needed";
            verdict.text = "this call needs the approval of a person; send it by itself, not in a batch";
        }
        looked_inside = looked_inside || verdict.looked_inside;
        if (!record_decided(exchange, verdict, 0)) return fail(Error::record_unavailable);
        if (verdict.goes_on()) {
            if (message->kind == mcp::Kind::request) keep_request(exchange, kept_requests++, *message);
            continue;
        }
        edits[dropped++] = json::Edit::drop(element);
        if (message->kind != mcp::Kind::request) continue;
        if (!exchange.denied.empty()) exchange.denied.append(denied_separator);
        mcp::write_denial(exchange.denied,
                          denial_of(exchange, verdict, message->method, message->name, message->id.raw));
    }
    exchange.batch_requests = exchange.batch_requests.first(kept_requests);
    exchange.answers_missing = static_cast<uint32_t>(kept_requests);
    if (dropped == root.count()) {
        PaddedBytes body(worker.buffers);
        if (!exchange.denied.empty()) {
            body.append('[');
            body.append(exchange.denied.text());
            body.append(']');
        }
        write_answer(exchange, body.empty() ? 202 : 200, body.text());
        return Judged::answered;
    }
    if (dropped == 0 && !looked_inside) {
        build_post(exchange, exchange.body_view.text());
        return Judged::forward;
    }
    PaddedBytes rewritten(worker.buffers);
    json::serialise(exchange.document, edits.first(dropped), rewritten);
    build_post(exchange, rewritten.text());
    return Judged::forward;
}

} // namespace

mcp::Denial denial_of(const Exchange& exchange, const policy::Verdict& verdict, mcp::Method method,
                      std::string_view name, std::string_view id) {
    return {.id = id,
            .era = exchange.era,
            .method = method,
            .name = name,
            .hidden = verdict.decision == policy::Decision::hide,
            .as_error = verdict.as == policy::As::error,
            .code = verdict.code,
            .text = verdict.text,
            .hint = verdict.hint,
            .retry_after_s = verdict.retry_after_s,
            .rpc_code = verdict.error ? row_of(Error::policy_error).code : row_of(Error::policy_denied).code};
}

int64_t denial_code(const policy::Verdict& verdict, mcp::Method method) {
    if (verdict.goes_on() || method == mcp::Method::tools_call) return 0;
    return verdict.error ? row_of(Error::policy_error).code : row_of(Error::policy_denied).code;
}

Result<Judged> judge_request(Exchange& exchange) {
    if (!enter_session(exchange)) return fail(Error::record_unavailable);
    return exchange.batch ? judge_batch(exchange) : judge_one(exchange);
}

Result<Judged> judge_again(Exchange& exchange) {
    restore_call(exchange);
    const auto document = exchange.worker.scanner.scan(exchange.body_view);
    if (!document) return fail(document.error());
    exchange.document = *document;
    const auto message = mcp::read_message(json::Value::root(exchange.document), exchange.space);
    if (!message) return fail(message.error());
    exchange.message = *message;
    const auto verdict = judge_message(exchange, exchange.message);
    const bool goes_on = verdict.goes_on() || verdict.decision == policy::Decision::approve;
    if (!record_decided(exchange, verdict, goes_on ? 0 : denial_code(verdict, exchange.method)))
        return fail(Error::record_unavailable);
    if (!goes_on) { // An approval never overrides a block.
        answer_denied(exchange, verdict);
        return Judged::answered;
    }
    exchange.answer_facts = kept_of(exchange, exchange.message);
    exchange.outgoing.clear();
    build_post(exchange, exchange.body_view.text());
    exchange.body.release();
    exchange.body_view = {};
    return Judged::forward;
}

} // namespace weir::gateway
