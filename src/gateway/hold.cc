// gateway/hold.cc - waiting for people, consuming what they granted, and telling the client meanwhile.
#include "gateway/hold.h"

#include "approve/digest.h"
#include "crypto/hex.h"
#include "gateway/authentication.h"
#include "gateway/local.h"
#include "gateway/packing.h"
#include "gateway/people.h"
#include "gateway/record_entries.h"
#include "gateway/requests.h"
#include "gateway/stream.h"
#include "gateway/worker.h"
#include "http/sse.h"
#include "json/canonical.h"
#include "json/edit.h"
#include "json/escape.h"
#include "mcp/reply.h"
#include "mcp/rewrite.h"

#include <algorithm>

namespace weir::gateway {
namespace {

using post::TicketState;

// An answer of the store takes a sync of the disk. Beyond this it is as good as away.
constexpr uint64_t store_answer_ns_max = 10 * s_ns;
constexpr uint64_t progress_every_ns = 10 * s_ns;
// The SDKs give up after ten rounds of input_required; one is left for the server's own.
constexpr uint64_t rounds_max = 9;
constexpr size_t canonical_bytes_max = 8 << 20;

bool client_gone(const Exchange& exchange) {
    const net::Link* link = exchange.client_link;
    return link == nullptr || link->ended() || link->broken();
}

bool ask(Exchange& exchange, post::ApprovalAsk&& question) {
    Hold& hold = *exchange.hold;
    question.worker = exchange.worker.options.index;
    question.waiter = exchange.worker.ref_of(exchange);
    if (question.kind != post::ApprovalAsk::Kind::submit) question.ticket = hold.news.ticket;
    hold.asked_ns = exchange.worker.now_ns();
    return exchange.worker.options.calls.approvals && exchange.worker.options.calls.approvals(std::move(question));
}

/// What of the call is approved, written as the ticket keeps it.
std::string stored_call(Exchange& exchange) {
    const mcp::Message& message = exchange.message;
    PaddedBytes out(exchange.worker.buffers);
    out.append(R"({"method":)");
    json::quote(exchange.method_text, out);
    out.append(R"(,"params":)");
    if (message.params) {
        mcp::Edits edits(exchange.space);
        for (const json::Value left_out : {message.meta, message.request_state, message.input_responses})
            if (left_out) edits.add(json::Edit::drop(left_out));
        json::serialise(message.params, edits.sorted(), out);
    } else {
        out.append("{}");
    }
    out.append('}');
    return std::string(out.text());
}

/// The digest of what `stored` asks for. Scans: the views into the request's own document end here.
Result<std::array<uint8_t, 32>> digest_of(Exchange& exchange, std::string_view stored) {
    PaddedBytes text(exchange.worker.buffers), canonical(exchange.worker.buffers);
    text.append(stored);
    const auto document = exchange.worker.scanner.scan(text.padded());
    if (!document) return fail(document.error());
    // A tool or a prompt is called with its arguments; of anything else all params are what it is about.
    const bool called = exchange.method == mcp::Method::tools_call || exchange.method == mcp::Method::prompts_get;
    json::Value arguments = json::Value::root(*document).find("params");
    if (called) arguments = arguments.find("arguments");
    if (!arguments) canonical.append("{}"); // absent arguments are empty ones
    else if (const auto written = json::canonical(arguments, canonical_bytes_max, exchange.space, canonical); !written)
        return fail(written.error());
    return approve::digest_of({.principal = exchange.principal->key,
                               .server = exchange.server->config->name,
                               .method = exchange.method_text,
                               .name = exchange.name,
                               .arguments = canonical.text()});
}

/// What the request brings because its server asked for it (MCP 2026-07-28, multi round-trip requests).
std::string_view input_of(Exchange& exchange) {
    const mcp::Message& message = exchange.message;
    PaddedBytes out(exchange.worker.buffers);
    const auto add = [&](std::string_view name, json::Value value) {
        out.append(",\"");
        out.append(name);
        out.append("\":");
        json::serialise(value, {}, out);
    };
    if (message.input_responses) add("inputResponses", message.input_responses);
    const json::Value state = message.request_state;
    if (state && !(state.is(json::Kind::string) && mcp::Sealer::is_approval(state.string(exchange.space))))
        add("requestState", state);
    return exchange.space.copy(out.text());
}

/// Whether the answer `body` asks its client for something first.
bool asks_for_input(Exchange& exchange, std::string_view body) {
    if (exchange.era != mcp::Era::modern) return false;
    PaddedBytes text(exchange.worker.buffers);
    text.append(body);
    json::Scanner scanner{json::ScanLimits{}}; // The worker's own has the answer that is being relayed.
    const auto document = scanner.scan(text.padded());
    return document && json::Value::root(*document).find("result").find("resultType").equals("input_required");
}

/// What the called tool is known as now; zeros: it is not.
std::array<uint8_t, 32> definition_now(const Exchange& exchange) {
    if (exchange.method != mcp::Method::tools_call) return {};
    const auto* tool = exchange.worker.catalog.find(exchange.server->index, exchange.name);
    return tool == nullptr ? std::array<uint8_t, 32>{} : tool->hash;
}

/// Whether the tool is known to be another than when the call was asked for.
bool tool_changed(const Exchange& exchange) {
    const std::array<uint8_t, 32> unknown{}, now = definition_now(exchange), then = exchange.hold->definition;
    return then != unknown && now != unknown && then != now;
}

/// A requestState of weir's own must be this call's: same principal, server, digest, and not out of date.
Result<void> check_state(Exchange& exchange, std::string_view given) {
    Hold& hold = *exchange.hold;
    if (!mcp::Sealer::is_approval(given)) return {}; // the upstream's own, or none
    const auto state = exchange.worker.sealer.open_approval(given, bond_of(exchange, {}), exchange.space);
    const std::string_view digest(reinterpret_cast<const char*>(hold.digest.data()), hold.digest.size());
    if (!state || state->digest != digest || state->expires_unix_ns < exchange.worker.ring.wall_ns()) {
        exchange.refusal.detail = "this requestState was not issued for this call";
        return fail(Error::rpc_params);
    }
    hold.round = state->round;
    return {};
}

std::string_view expiry_text(Exchange& exchange) {
    const auto seconds = static_cast<time_t>(exchange.hold->news.expires_unix_ns / s_ns);
    if (seconds == 0) return {};
    tm parts{};
    gmtime_r(&seconds, &parts);
    char* const text = exchange.space.take(32, 1);
    return {text, strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

/// The wait of this request is over and nobody has decided: another round, or the pending result.
Next answer_pending(Exchange& exchange) {
    Worker& worker = exchange.worker;
    Hold& hold = *exchange.hold;
    PaddedBytes body(worker.buffers);
    const std::string_view digest(reinterpret_cast<const char*>(hold.digest.data()), hold.digest.size());
    bool another = exchange.era == mcp::Era::modern && hold.round < rounds_max && !worker.draining();
    if (another) {
        PaddedBytes state(worker.buffers); // Good for as long as the ticket's end is told to who asks again.
        another = worker.sealer
                      .seal_approval({.ticket = hold.news.ticket,
                                      .digest = digest,
                                      .round = hold.round + 1,
                                      .expires_unix_ns = hold.news.expires_unix_ns + worker.limits.answer_kept_ns_max},
                                     bond_of(exchange, {}), state)
                      .has_value();
        if (another) mcp::write_input_required(body, exchange.id.raw, state.text());
    }
    if (!another) {
        if (exchange.method != mcp::Method::tools_call) exchange.answer_code = row_of(Error::approval_pending).code;
        char* const hex = exchange.space.take(2 * digest.size(), 1);
        crypto::write_hex(digest, hex);
        mcp::write_pending(body, {.id = exchange.id.raw,
                                  .era = exchange.era,
                                  .method = exchange.method,
                                  .ticket = hold.news.ticket,
                                  .reason = hold.reason,
                                  .expires = expiry_text(exchange),
                                  .digest = {hex, 2 * digest.size()}});
    }
    record_told(exchange, body.text(), !another);
    write_answer(exchange, 200, body.text());
    return go(exchange, Step::settle);
}

/// The ticket says no, or says that nobody knows.
Next answer_refused(Exchange& exchange, Error error, std::string_view text) {
    PaddedBytes body(exchange.worker.buffers);
    if (exchange.method != mcp::Method::tools_call) exchange.answer_code = row_of(error).code;
    mcp::write_denial(body, {.id = exchange.id.raw,
                             .era = exchange.era,
                             .method = exchange.method,
                             .name = exchange.name,
                             .code = row_of(error).name,
                             .text = text.empty() ? row_of(error).text : text,
                             .rpc_code = row_of(error).code});
    record_told(exchange, body.text(), true);
    write_answer(exchange, 200, body.text());
    return go(exchange, Step::settle);
}

/// An answer that was kept for whoever asks again: the same message under this request's id.
Next deliver_kept(Exchange& exchange) {
    Worker& worker = exchange.worker;
    Hold& hold = *exchange.hold;
    PaddedBytes kept(worker.buffers), body(worker.buffers);
    kept.append(hold.news.body);
    const auto document = worker.scanner.scan(kept.padded());
    const auto id = document ? json::Value::root(*document).find("id") : json::Value();
    if (!id)
        return answer_refused(exchange, Error::approval_ambiguous,
                              "this call was approved and has run; its answer was too large to be kept");
    const json::Edit edit = json::Edit::replace(id, exchange.id.raw);
    json::serialise(*document, {&edit, 1}, body);
    hold.claim = Hold::Claim::settled;
    record_told(exchange, body.text(), false);
    write_answer(exchange, 200, body.text());
    return go(exchange, Step::settle);
}

/// Still undecided: signs of life at their times, until the wait is over.
Next keep_waiting(Exchange& exchange) {
    Worker& worker = exchange.worker;
    Hold& hold = *exchange.hold;
    const uint64_t now = worker.now_ns(), end = hold.since_ns + worker.limits.hold_ns_max;
    if (token_over(exchange)) return refuse_ended_token(exchange); // The ticket stays for who comes with a new one.
    if (worker.draining() || now >= end) return answer_pending(exchange);
    if (!hold.progress_token.empty() && now >= hold.next_progress_ns) {
        PaddedBytes message(worker.buffers), event(worker.buffers);
        const bool runs = hold.news.state == TicketState::executing; // for somebody else, who asked the same
        mcp::write_progress(
            message, hold.progress_token, ++hold.progress,
            worker.scratch.join({runs ? "approved and running: " : "waiting for approval ", hold.news.ticket}));
        WEIR_ASSERT(http::write_event(event, {.id = {}, .retry_ms = {}, .type = "message", .data = message.text()}));
        send_event(exchange, event.text());
        hold.next_progress_ns = now + progress_every_ns;
    }
    if (now >= std::max(exchange.heartbeat_ns, hold.since_ns) + worker.limits.heartbeat_ns) {
        PaddedBytes beat(worker.buffers);
        http::write_comment(beat, "");
        send_event(exchange, beat.text());
    }
    uint64_t next = std::min(end, std::max(exchange.heartbeat_ns, hold.since_ns) + worker.limits.heartbeat_ns);
    if (!hold.progress_token.empty()) next = std::min(next, hold.next_progress_ns);
    exchange.client_link->set_deadline(std::min(next, exchange.token_ends_ns));
    return Next::wait;
}

/// Whether the store has had its time. Waits for it otherwise.
bool store_late(Exchange& exchange) {
    const uint64_t end = exchange.hold->asked_ns + store_answer_ns_max;
    if (exchange.worker.now_ns() >= end) return true;
    net::Link* const link = exchange.client_link != nullptr ? exchange.client_link : exchange.upstream;
    if (link == nullptr) return true; // Nobody waits any more. A grant that comes after all goes back.
    link->set_deadline(end);
    return false;
}

/// A name in approve{by}: `{server}` in it stands for the server's name.
std::string for_server(std::string_view name, std::string_view server) {
    constexpr std::string_view place = "{server}";
    std::string out(name);
    for (size_t at = 0; (at = out.find(place, at)) != std::string::npos; at += server.size())
        out.replace(at, place.size(), server);
    return out;
}

} // namespace

Result<void> begin_hold(Exchange& exchange, const policy::Verdict& verdict) {
    Worker& worker = exchange.worker;
    exchange.hold = worker.holds.make();
    if (exchange.hold == nullptr) return fail(Error::approval_unavailable);
    Hold& hold = *exchange.hold;
    hold.since_ns = worker.now_ns();
    hold.next_progress_ns = hold.since_ns; // The first says at once which ticket it is.
    hold.generation = worker.generation().number;
    hold.policies = verdict.policies;
    for (const auto& approve : verdict.approve)
        if (!approve.reason.empty())
            hold.reason = hold.reason.empty() ? exchange.space.copy(approve.reason)
                                              : exchange.space.join({hold.reason, "; ", approve.reason});
    const mcp::Message& message = exchange.message;
    if (message.meta) {
        PaddedBytes meta(worker.buffers);
        json::serialise(message.meta, {}, meta);
        hold.meta = exchange.space.copy(meta.text());
    }
    if (message.progress_token) {
        PaddedBytes token(worker.buffers);
        json::serialise(message.progress_token, {}, token);
        hold.progress_token = exchange.space.copy(token.text());
    }
    hold.input = input_of(exchange);
    std::string_view state; // into the body, which is gone once the call waits
    if (message.request_state.is(json::Kind::string)) state = message.request_state.string(exchange.space);
    hold.definition = definition_now(exchange);
    std::string stored = stored_call(exchange);
    const auto digest = digest_of(exchange, stored);
    if (!digest) return fail(digest.error());
    hold.digest = *digest;
    if (const auto checked = check_state(exchange, state); !checked) return checked;

    auto call = std::make_unique<post::HeldCall>();
    call->digest = hold.digest;
    call->principal = exchange.principal->key;
    call->person = exchange.principal->display;
    call->asker = asker_of(*exchange.principal);
    call->client = exchange.client_text;
    call->server = exchange.server->config->name;
    call->method = exchange.method_text;
    call->name = exchange.name;
    call->definition = hold.definition;
    call->body = std::move(stored);
    for (const auto& approve : verdict.approve) {
        auto& names = call->by.emplace_back();
        for (const std::string_view name : approve.by) names.push_back(for_server(name, call->server));
        call->policies.emplace_back(approve.policy);
    }
    call->generation = hold.generation;
    call->reason = hold.reason;
    call->within_ns = verdict.within_ns;
    call->session_key = exchange.session->id();
    if (!ask(exchange, {.kind = post::ApprovalAsk::Kind::submit, .call = std::move(call)}))
        return fail(Error::approval_unavailable);
    return {};
}

void restore_call(Exchange& exchange) {
    const Hold& hold = *exchange.hold;
    PaddedBytes& out = exchange.body;
    out.release();
    out.append(R"({"jsonrpc":"2.0","id":)");
    out.append(exchange.id.raw);
    out.append(R"(,"method":)");
    json::quote(exchange.method_text, out);
    out.append(R"(,"params":{)");
    // The ticket's text begins with the same members; what follows of it are the params behind their brace.
    PaddedBytes head(exchange.worker.buffers);
    head.append(R"({"method":)");
    json::quote(exchange.method_text, head);
    head.append(R"(,"params":{)");
    WEIR_ASSERT(std::string_view(hold.news.body).starts_with(head.text()));
    const auto rest = std::string_view(hold.news.body).substr(head.size());
    if (!hold.meta.empty()) {
        out.append(R"("_meta":)");
        out.append(hold.meta);
        if (!rest.starts_with('}')) out.append(',');
    }
    if (hold.input.empty()) {
        out.append(rest);
    } else {
        WEIR_ASSERT(rest.ends_with("}}")); // of the params and of the whole
        const auto params = rest.substr(0, rest.size() - 2);
        const bool first = params.empty() && hold.meta.empty();
        out.append(params);
        out.append(hold.input.substr(first ? 1 : 0));
        out.append("}}");
    }
    exchange.body_view = out.padded();
}

namespace {

/// What the ticket says by now, and what follows from it.
Next look_at_ticket(Exchange& exchange) {
    Hold& hold = *exchange.hold;
    exchange.expired = false;
    if (client_gone(exchange)) return go(exchange, Step::settle); // The ticket stays; a retry joins it.
    if (!hold.heard)
        return store_late(exchange) ? answer_refused(exchange, Error::approval_unavailable, {}) : Next::wait;
    if (!hold.told && hold.news.state != TicketState::unavailable) {
        hold.told = true;
        if (!record_held(exchange, hold.news.ticket)) return refuse(exchange, Error::record_unavailable);
    }
    switch (hold.news.state) {
        case TicketState::pending:
        case TicketState::executing: return keep_waiting(exchange);
        case TicketState::approved:
            if (tool_changed(exchange)) // Who asks again asks about the tool as it is now.
                return answer_refused(exchange, Error::approval_denied, "the tool was changed while this call waited");
            exchange.client_link->clear_deadline(); // of its signs of life
            if (const auto refused = judge_token_again(exchange)) return *refused;
            return go(exchange, Step::judge);
        case TicketState::answered:
            if (const auto refused = judge_token_again(exchange)) return *refused;
            return deliver_kept(exchange);
        case TicketState::unavailable:
            return answer_refused(exchange, Error::approval_unavailable, exchange.space.copy(hold.news.text));
        case TicketState::ambiguous:
            return answer_refused(exchange, Error::approval_ambiguous, exchange.space.copy(hold.news.text));
        case TicketState::expired:
            return answer_refused(exchange, Error::approval_expired, exchange.space.copy(hold.news.text));
        case TicketState::denied:
        case TicketState::withdrawn:
        case TicketState::revoked:
            return answer_refused(exchange, Error::approval_denied, exchange.space.copy(hold.news.text));
    }
    return refuse(exchange, Error::rpc_internal);
}

} // namespace

Next step_hold(Exchange& exchange) {
    const Next next = look_at_ticket(exchange);
    if (next == Next::wait) pack(exchange);
    return next;
}

Next step_consume(Exchange& exchange) {
    if (exchange.hold == nullptr) return go(exchange, Step::forward);
    Hold& hold = *exchange.hold;
    exchange.expired = false;
    if (hold.claim == Hold::Claim::granted) return go(exchange, Step::forward); // again, on a new connection
    if (hold.claim == Hold::Claim::none) {
        if (client_gone(exchange)) return go(exchange, Step::settle);  // Nobody waits: nothing runs, the grant stays.
        if (token_over(exchange)) return refuse_ended_token(exchange); // It took long to get here.
        hold.heard = false;
        hold.claim = Hold::Claim::asked;
        if (!ask(exchange, {.kind = post::ApprovalAsk::Kind::claim}))
            return answer_refused(exchange, Error::approval_unavailable, {});
        return Next::wait;
    }
    if (!hold.heard)
        return store_late(exchange) ? answer_refused(exchange, Error::approval_unavailable, {}) : Next::wait;
    if (!hold.news.granted) { // Somebody else's claim came first, or the grant is gone: wait with the rest.
        hold.claim = Hold::Claim::none;
        return go(exchange, Step::hold);
    }
    hold.claim = Hold::Claim::granted;
    if (client_gone(exchange)) {
        put_grant_back(exchange);
        return go(exchange, Step::settle);
    }
    if (exchange.upstream == nullptr || !exchange.upstream->usable() || exchange.upstream->ended()) {
        put_grant_back(exchange);
        return refuse(exchange, Error::upstream_unreachable);
    }
    return go(exchange, Step::forward);
}

void hear(Worker& worker, post::ApprovalNews&& news) {
    Exchange* exchange = worker.find_exchange(news.waiter);
    if (exchange == nullptr || exchange->hold == nullptr || exchange->step == Step::settle) {
        // It may have gone before it knew its ticket.
        if (worker.options.calls.approvals)
            worker.options.calls.approvals(
                {.kind = news.granted ? post::ApprovalAsk::Kind::put_back : post::ApprovalAsk::Kind::leave,
                 .worker = worker.options.index,
                 .waiter = news.waiter,
                 .ticket = std::move(news.ticket)});
        return;
    }
    // Until what was asked is answered, nothing else counts: the answer knows of every change before it.
    if (!exchange->hold->heard && !news.answer) return;
    exchange->hold->news = std::move(news);
    exchange->hold->heard = true;
    worker.wake(*exchange);
}

void note_answer(Exchange& exchange, std::string_view body) {
    if (exchange.hold == nullptr || exchange.hold->claim != Hold::Claim::granted) return;
    if (asks_for_input(exchange, body)) {
        exchange.hold->claim = Hold::Claim::none;
        ask(exchange, {.kind = post::ApprovalAsk::Kind::put_back, .body = "the server asks for input first"});
        return;
    }
    exchange.hold->claim = Hold::Claim::settled;
    ask(exchange, {.kind = post::ApprovalAsk::Kind::finish, .body = std::string(body)});
}

void put_grant_back(Exchange& exchange) {
    if (exchange.hold == nullptr || exchange.hold->claim != Hold::Claim::granted) return;
    exchange.hold->claim = Hold::Claim::none;
    ask(exchange, {.kind = post::ApprovalAsk::Kind::put_back});
}

void end_hold(Exchange& exchange) {
    if (exchange.hold == nullptr) return;
    Hold& hold = *exchange.hold;
    if (!exchange.forwarded) put_grant_back(exchange);
    if (hold.claim == Hold::Claim::granted) // It ran, and nobody knows how it ended.
        ask(exchange, {.kind = post::ApprovalAsk::Kind::finish, .ambiguous = true});
    else if (hold.claim == Hold::Claim::settled && exchange.committed && exchange.client_link != nullptr &&
             exchange.client_link->flushed())
        ask(exchange, {.kind = post::ApprovalAsk::Kind::delivered});
    else ask(exchange, {.kind = post::ApprovalAsk::Kind::leave});
    exchange.worker.holds.free(hold);
    exchange.hold = nullptr;
}

bool detached(const Exchange& exchange) {
    if (exchange.parting) return true;
    return exchange.hold != nullptr &&
           (exchange.hold->claim == Hold::Claim::granted || exchange.hold->claim == Hold::Claim::settled);
}

} // namespace weir::gateway
