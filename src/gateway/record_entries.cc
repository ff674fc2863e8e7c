// gateway/record_entries.cc - an exchange's entries: asked, decided, forwarded, answered, and what went wrong.
#include "gateway/record_entries.h"

#include "gateway/hold.h"
#include "gateway/verdicts.h"
#include "gateway/worker.h"

namespace weir::gateway {
namespace {

bool strict(const Exchange& exchange) {
    return exchange.worker.generation().config.record.durability == Durability::strict;
}

/// Appends `entry` and remembers its seq as the one that must be on its way (or, strict, durable) before the next act.
template <class Entry> bool append(Exchange& exchange, const Entry& entry) {
    const auto seq = exchange.worker.record().append(exchange.number, entry);
    if (!seq) return false;
    exchange.last_seq = *seq;
    return true;
}

} // namespace

bool enter_session(Exchange& exchange) {
    Worker& worker = exchange.worker;
    const std::string_view upstream_session =
        exchange.legacy_session ? exchange.legacy_session->upstream_id : std::string_view();
    exchange.session = worker.sessions.find({.principal = exchange.principal->key,
                                             .client = exchange.client_text,
                                             .server = exchange.server->config->name,
                                             .revision = exchange.revision,
                                             .mcp_session = upstream_session,
                                             .who = exchange.principal},
                                            worker.now_ns());
    return exchange.session != nullptr;
}

bool record_asked(Exchange& exchange, std::string_view body) {
    Worker& worker = exchange.worker;
    worker.counters.asked.add();
    std::array<char, IpAddress::text_bytes_max> address;
    if (exchange.method == mcp::Method::tools_call) ++exchange.session->calls;
    return append(exchange, record::Asked{.session = exchange.session->opened_seq,
                                          .principal = exchange.principal->key,
                                          .client = exchange.client_text,
                                          .server = exchange.server->config->name,
                                          .method = exchange.method_text,
                                          .name = exchange.name,
                                          .body = body,
                                          .trace = exchange.head.value(http::FieldId::traceparent),
                                          .wire_bytes = exchange.body_view.size,
                                          .revision = exchange.revision,
                                          .mcp_session = {},
                                          .request_id = exchange.id.raw,
                                          .session_key = exchange.session->id(),
                                          .address = exchange.from.text(address)});
}

bool record_decided(Exchange& exchange, const policy::Verdict& verdict, int64_t code) {
    Worker& worker = exchange.worker;
    if (verdict.error) worker.counters.policy_errors.add();
    const bool by_people = exchange.hold != nullptr && verdict.decision == policy::Decision::approve;
    const std::string_view reason = by_people            ? "approved"
                                    : verdict.error      ? "error"
                                    : verdict.by_default ? "default"
                                                         : "policy";
    const record::Decided decided{.policies = verdict.policies,
                                  .code = code,
                                  .text = verdict.error ? verdict.detail : verdict.text,
                                  .generation = worker.generation().number,
                                  .status = 0,
                                  .reason = reason,
                                  .ticket = by_people ? exchange.hold->news.ticket : std::string_view()};
    bool appended = false;
    if (verdict.goes_on() || by_people) {
        worker.counters.allowed.add();
        appended = append(exchange, record::Allowed{decided});
    } else {
        worker.counters.blocked.add();
        appended = append(exchange, record::Blocked{decided});
    }
    if (!appended) return false;
    exchange.verdict_seq = exchange.last_seq;
    if (strict(exchange)) exchange.awaited_seq = exchange.last_seq;
    return true;
}

bool record_parting(Exchange& exchange) {
    if (!record_asked(exchange, {})) return false;
    exchange.worker.counters.allowed.add();
    if (!append(exchange, record::Allowed{{.policies = {},
                                           .code = 0,
                                           .text = {},
                                           .generation = exchange.worker.generation().number,
                                           .status = 0,
                                           .reason = row_of(Error::protocol_unsupported).name,
                                           .ticket = {}}}))
        return false;
    exchange.verdict_seq = exchange.last_seq;
    if (strict(exchange)) exchange.awaited_seq = exchange.last_seq;
    return true;
}

bool record_held(Exchange& exchange, std::string_view ticket) {
    Worker& worker = exchange.worker;
    worker.counters.held.add();
    return append(exchange, record::Held{{.policies = exchange.hold->policies,
                                          .code = 0,
                                          .text = exchange.hold->reason,
                                          .generation = exchange.hold->generation,
                                          .status = 0,
                                          .reason = "policy",
                                          .ticket = ticket}});
}

bool record_forwarded(Exchange& exchange) {
    if (!append(exchange,
                record::Forwarded{
                    .server = exchange.server->config->name, .body = {}, .wire_bytes = exchange.outgoing_body_bytes}))
        return false;
    exchange.verdict_seq = exchange.last_seq; // What is sent waits for this one too.
    return true;
}

void record_masked(Exchange& exchange, const policy::MaskField& field, uint64_t values, uint64_t copies) {
    append(exchange, record::Masked{.policy = field.policy,
                                    .path = field.path.text(),
                                    .count = values,
                                    .copies = copies,
                                    .generation = exchange.worker.generation().number});
}

void record_answer_blocked(Exchange& exchange, const policy::Verdict& verdict, mcp::Method method) {
    Worker& worker = exchange.worker;
    worker.counters.blocked.add();
    if (verdict.error) worker.counters.policy_errors.add();
    exchange.answer_code = denial_code(verdict, method);
    append(exchange, record::Blocked{{.policies = verdict.policies,
                                      .code = exchange.answer_code,
                                      .text = verdict.error ? verdict.detail : verdict.text,
                                      .generation = worker.generation().number,
                                      .status = 0,
                                      .reason = verdict.error ? "error" : "policy",
                                      .ticket = {}}});
}

void record_answered(Exchange& exchange, std::string_view body, bool is_error) {
    if (exchange.answered || exchange.verdict_seq == 0) return;
    exchange.answered = true;
    Worker& worker = exchange.worker;
    worker.counters.answered.add();
    // The effect has happened; a record that takes no entry now tells of a gap later.
    if (append(exchange, record::Answered{.body = body,
                                          .status = exchange.status,
                                          .latency_ns = worker.now_ns() - exchange.began_ns,
                                          .wire_bytes = body.size(),
                                          .code = exchange.answer_code,
                                          .is_error = is_error,
                                          .mcp_session = {}}) &&
        strict(exchange))
        exchange.awaited_seq = exchange.last_seq;
    note_answer(exchange, body);
}

void record_told(Exchange& exchange, std::string_view body, bool is_error) {
    if (exchange.answered) return;
    exchange.answered = true;
    Worker& worker = exchange.worker;
    worker.counters.local_answers.add();
    if (append(exchange, record::Answered{.body = body,
                                          .status = 200,
                                          .latency_ns = worker.now_ns() - exchange.began_ns,
                                          .wire_bytes = body.size(),
                                          .code = exchange.answer_code,
                                          .is_error = is_error,
                                          .mcp_session = {}}) &&
        strict(exchange))
        exchange.awaited_seq = exchange.last_seq;
}

void record_stream_event(Exchange& exchange, std::string_view data, std::string_view id, bool is_response,
                         bool is_error) {
    if (exchange.verdict_seq == 0) return;
    if (is_response) return record_answered(exchange, data, is_error);
    append(exchange, record::StreamEvent{.body = data, .event_id = id, .event_type = {}, .method = {}});
}

void record_ambiguous(Exchange& exchange, Error error) {
    if (exchange.answered || !exchange.forwarded) return;
    exchange.answered = true;
    Worker& worker = exchange.worker;
    worker.counters.ambiguous.add();
    append(exchange, record::Ambiguous{.reason = row_of(error).name,
                                       .latency_ns = worker.now_ns() - exchange.began_ns,
                                       .text = row_of(error).text});
}

void record_refused(Exchange& exchange, uint16_t status, int64_t code, std::string_view body) {
    if (exchange.answered || exchange.verdict_seq == 0) return;
    exchange.answered = true;
    if (append(exchange, record::Answered{.body = body,
                                          .status = status,
                                          .latency_ns = exchange.worker.now_ns() - exchange.began_ns,
                                          .wire_bytes = body.size(),
                                          .code = code,
                                          .is_error = true,
                                          .mcp_session = {}}) &&
        strict(exchange))
        exchange.awaited_seq = exchange.last_seq;
}

} // namespace weir::gateway
