// gateway/answers.cc - checking what an upstream says, and writing what the client gets of it.
#include "gateway/answers.h"

#include "base/uri.h"
#include "gateway/local.h"
#include "gateway/parting.h"
#include "gateway/record_entries.h"
#include "gateway/requests.h"
#include "gateway/responses.h"
#include "gateway/verdicts.h"
#include "gateway/worker.h"
#include "json/edit.h"
#include "mcp/reply.h"
#include "mcp/rewrite.h"

#include <algorithm>
#include <optional>

namespace weir::gateway {
namespace {

constexpr std::string_view allow_post = "Allow: POST\r\n";
constexpr size_t passed_bytes_min = 32 << 10; // less is copied faster than it is kept where it is

/// The method that a response answers: of the request itself, of one of a batch, or of the stream that is resumed.
struct Answered {
    bool known = false;
    mcp::Method method = mcp::Method::unknown;
    BatchRequest* of_batch = nullptr;
};

Answered answered_by(Exchange& exchange, const mcp::Id& id) {
    if (exchange.batch) {
        for (auto& request : exchange.batch_requests)
            if (!request.answered && id == request.id) return {true, request.method, &request};
        return {};
    }
    if (exchange.resumed) return {static_cast<bool>(id), exchange.method, nullptr};
    if (!exchange.expects_answer) return {};
    return {id == exchange.id, exchange.method, nullptr};
}

/// Whether clients can ask for the entry of `list` that is called `name`: URIs are refused in other than their normal form.
bool is_asked_so(mcp::Method list, std::string_view name) {
    if (list == mcp::Method::resources_list) return uri_problem(name).empty();
    return list != mcp::Method::resources_templates_list || uri_problem(name, UriForm::with_holes).empty();
}

/// What policies may know about one entry of a catalogue.
policy::Facts facts_of(const Exchange& exchange, mcp::Method list, const mcp::Entry& entry) {
    policy::Facts facts;
    facts.on = policy::On::list;
    facts.server = exchange.server->index;
    facts.method = mcp::name_of(list);
    if (list == mcp::Method::tools_list) facts.tool = entry.name;
    else if (list == mcp::Method::prompts_list) facts.prompt = entry.name;
    else facts.resource = entry.name;
    facts.principal = exchange.principal;
    facts.ip = exchange.from;
    facts.session_id = exchange.session->id();
    facts.session_calls = exchange.session->calls;
    facts.client_name = exchange.client_text;
    facts.time_unix_ns = exchange.worker.ring.wall_ns();
    return facts;
}

/// Whether this client may read the resource `uri`: else it is not told of its changes either.
bool may_read(Exchange& exchange, std::string_view uri) {
    if (!uri_problem(uri).empty()) return false; // refused where it is asked for
    Worker& worker = exchange.worker;
    auto facts = facts_of(exchange, mcp::Method::resources_list, {.name = uri, .value = {}});
    facts.on = policy::On::request;
    facts.method = mcp::name_of(mcp::Method::resources_read);
    return worker.judge().judge(facts, worker.scratch).goes_on();
}

/// Adds to `edits` what one response must not say to this client; notes what it agrees on.
Result<void> edit_response(Exchange& exchange, mcp::Method method, json::Value result, mcp::Edits& edits) {
    Worker& worker = exchange.worker;
    if (method == mcp::Method::initialize) {
        const auto agreed = mcp::agreed_revision(result, worker.scratch);
        if (!agreed) {
            exchange.strange_revision = exchange.space.copy(result.find("protocolVersion").string(worker.scratch));
            return fail(agreed.error());
        }
        exchange.answer_revision = *agreed;
        return {};
    }
    if (method == mcp::Method::tools_list) worker.learn_tools(exchange.server->index, result.find("tools"));
    const bool relaxed = method == mcp::Method::tools_list && relax_tools(exchange, result, edits);
    if (method == mcp::Method::server_discover) return mcp::narrow_discovery(result, false, edits);
    if (mcp::list_shape(method).entries.empty() || !worker.generation().policies->filters_lists()) {
        if (relaxed && exchange.era == mcp::Era::modern) mcp::make_private(result, edits);
        return {};
    }
    // The same judgement as for a call by that name: what is refused there is not shown here.
    const auto keep = [&](const mcp::Entry& entry) {
        return is_asked_so(method, entry.name) &&
               !worker.judge().hides(facts_of(exchange, method, entry), worker.scratch);
    };
    const auto filtered = mcp::filter_list(result, method, exchange.era, true, edits, keep);
    return filtered ? Result<void>() : fail(filtered.error());
}

/// The text to send on: as it came, or with `edits`.
std::string_view edited(const json::Document& document, mcp::Edits& edits, std::string_view text,
                        PaddedBytes& rewritten) {
    if (edits.empty()) return text;
    json::serialise(document, edits.sorted(), rewritten);
    return rewritten.text();
}

/// isError of a result, or the code of an error.
void note_outcome(Exchange& exchange, const mcp::Message& message, Vetted& vetted) {
    if (message.kind == mcp::Kind::error) {
        vetted.is_error = true;
        exchange.answer_code = message.error.find("code").integer().value_or(0);
    } else {
        vetted.is_error = message.result.find("isError").boolean();
    }
}

bool is_said(const mcp::Message& message) {
    return message.kind == mcp::Kind::notification || message.kind == mcp::Kind::request;
}

/// Whether an HTTP error without a JSON-RPC message may go on under its own status.
bool relays_status(uint16_t status) { return status >= 400 && status < 500; }

std::string_view status_digits(Exchange& exchange, uint16_t status) {
    char* digits = exchange.space.take(3, 1);
    for (int i = 2; i >= 0; --i, status = static_cast<uint16_t>(status / 10))
        digits[i] = static_cast<char>('0' + status % 10);
    return {digits, 3};
}

/// The upstream does not know the session any more: nor does weir, on any worker. The client opens a new one.
void note_lost_session(Exchange& exchange) {
    if (exchange.legacy_session) exchange.worker.end_session(exchange.session_digest);
}

/// The upstream said nothing that can be relayed as it is: its status with a message of ours.
void answer_status(Exchange& exchange, uint16_t status, std::string_view more = {}) {
    if (status == 404) note_lost_session(exchange);
    PaddedBytes body(exchange.worker.buffers);
    mcp::write_error(
        body,
        {.id = exchange.id.raw,
         .era = exchange.era,
         .code = row_of(Error::rpc_internal).code,
         .message = exchange.space.join({"the MCP server answered with HTTP status ", status_digits(exchange, status)}),
         .data = {}});
    record_answered(exchange, body.text(), true);
    write_answer(exchange, status, body.text(), more);
}

Result<void> answer_bodyless(Exchange& exchange) {
    const uint16_t status = exchange.status;
    if (exchange.asked == Asked::end_session) {
        if (exchange.legacy_session) exchange.worker.end_session(exchange.session_digest);
        if (status >= 500) return fail(Error::upstream_malformed);
        record_answered(exchange, {}, status >= 400);
        write_answer(exchange, status == 204 ? 200 : status, {}, status == 405 ? allow_post : std::string_view());
        return {};
    }
    if (!relays_status(status)) return fail(Error::upstream_malformed); // a GET whose answer is no stream
    answer_status(exchange, status, status == 405 ? allow_post : std::string_view());
    return {};
}

/// Adds weir's own answers of a batch to what the upstream said of the rest.
std::string_view merge_denied(Exchange& exchange, std::string_view text, PaddedBytes& merged) {
    if (exchange.denied.empty()) return text;
    const bool array = text.starts_with('[');
    merged.append('[');
    merged.append(exchange.denied.text());
    const auto inside = array ? text.substr(1, text.size() - 2) : text;
    if (!inside.empty()) merged.append(',');
    merged.append(inside);
    merged.append(']');
    return merged.text();
}

/// The answers of a batch, each judged by itself. What none of its requests asked for goes.
Result<void> vet_elements(Exchange& exchange, json::Value array, mcp::Edits& edits) {
    for (const auto element : array.elements()) {
        const auto message = mcp::read_message(element, exchange.worker.scratch);
        if (!message) return fail(Error::upstream_malformed);
        if (is_said(*message)) {
            const auto outcome = judge_said(exchange, *message, edits);
            if (!outcome) return fail(outcome.error());
            if (*outcome == Outcome::dropped) edits.add(json::Edit::drop(element));
            continue;
        }
        const auto answered = answered_by(exchange, message->id);
        if (answered.of_batch == nullptr) {
            edits.add(json::Edit::drop(element));
            continue;
        }
        BatchRequest& request = *answered.of_batch;
        request.answered = true;
        --exchange.answers_missing;
        if (judge_answer(exchange, request.facts, *message, request.method, request.id.raw, edits) ==
                Outcome::replaced ||
            message->kind != mcp::Kind::result)
            continue;
        if (const auto ok = edit_response(exchange, request.method, message->result, edits); !ok)
            return fail(ok.error());
    }
    return {};
}

/// A notification or request of the server.
Result<Vetted> vet_said(Exchange& exchange, const mcp::Message& message, std::string_view text,
                        PaddedBytes& rewritten) {
    Vetted vetted{.text = text};
    vetted.asks = message.kind == mcp::Kind::request;
    vetted.drop = vetted.asks ? exchange.era == mcp::Era::modern // This revision has no requests of servers.
                              : message.method == mcp::Method::resources_updated && !may_read(exchange, message.name);
    if (vetted.drop) return vetted;
    mcp::Edits edits(exchange.worker.scratch);
    const auto outcome = judge_said(exchange, message, edits);
    if (!outcome) return fail(outcome.error());
    vetted.drop = *outcome == Outcome::dropped;
    vetted.text = edited(*message.object.document(), edits, text, rewritten);
    return vetted;
}

/// `body` with what it was received into, if it is large and is all that stands there: then it need not be copied.
std::optional<net::Link::Taken> take_body(Exchange& exchange, std::string_view body) {
    if (body.size() < passed_bytes_min) return {};
    if (!exchange.body.empty() && body.data() == exchange.body.data() && body.size() == exchange.body.size())
        return net::Link::Taken{std::move(exchange.body), 0};
    const auto input = exchange.upstream->input();
    if (body.data() != input.data || body.size() != input.size) return {};
    exchange.answer_left = 0;
    return exchange.upstream->take_input();
}

} // namespace

Result<void> take_answer_head(Exchange& exchange, const http::AnswerHead& head) {
    const Limits& limits = exchange.worker.limits;
    exchange.status = head.status;
    exchange.answer_framing = head.framing;
    exchange.answer_left = head.content_length;
    exchange.answer_keep_alive = head.keep_alive;
    exchange.answer_json = head.content_type == http::MediaType::json;
    exchange.upstream_idle_ns = limits.upstream_idle_ns_max;
    if (head.keep_alive_timeout_s) // The peer closes at that time: a second of margin, so that no request crosses its close.
        exchange.upstream_idle_ns =
            std::min(exchange.upstream_idle_ns, (std::max(*head.keep_alive_timeout_s, 1U) - 1) * s_ns);
    if (exchange.method == mcp::Method::initialize && head.has(http::FieldId::mcp_session_id))
        exchange.answer_session = exchange.space.copy(head.value(http::FieldId::mcp_session_id));
    exchange.retry_after = exchange.space.copy(head.value(http::FieldId::retry_after));
    const bool stream = head.content_type == http::MediaType::event_stream && head.status == 200;
    exchange.upstream->consume(head.size);
    exchange.chunks = http::ChunkedReader(limits);
    if (head.status >= 300 && head.status < 400) return fail(Error::upstream_redirect);
    // Its challenge is about weir's credential: the client has none that would help.
    // It did nothing then; but what was sent is not sent again (a call runs once at most): the next call has another token.
    if (head.status == 401) exchange.worker.credential_refused(*exchange.server);
    if (head.status == 401 || head.status == 403 || head.status == 407) return fail(Error::upstream_refused);
    exchange.answer =
        stream && (exchange.expects_answer || exchange.asked == Asked::open_stream) ? Answer::stream : Answer::whole;
    return {};
}

Result<Vetted> vet_message(Exchange& exchange, std::string_view text, PaddedBytes& rewritten) {
    const auto document = exchange.worker.scanner.scan({text.data(), text.size()});
    if (!document) return fail(Error::upstream_malformed);
    const auto root = json::Value::root(*document);
    Vetted vetted{.text = text};
    if (root.is(json::Kind::array) && !exchange.batch) return fail(Error::upstream_malformed);
    mcp::Edits edits(exchange.worker.scratch);
    if (root.is(json::Kind::array)) {
        if (const auto ok = vet_elements(exchange, root, edits); !ok) return fail(ok.error());
        vetted.response = exchange.answers_missing == 0;
        exchange.response_seen = vetted.response;
        vetted.text = edited(*document, edits, text, rewritten);
        return vetted;
    }
    const auto message = mcp::read_message(root, exchange.worker.scratch);
    if (!message) return fail(Error::upstream_malformed);
    if (is_said(*message)) return vet_said(exchange, *message, text, rewritten);
    const auto answered = answered_by(exchange, message->id);
    const bool nameless_error = message->kind == mcp::Kind::error && !message->id &&
                                exchange.answer != Answer::stream && exchange.expects_answer;
    if (!answered.known && !nameless_error) {
        vetted.drop = true; // An answer that nobody here asked for.
        return vetted;
    }
    note_outcome(exchange, *message, vetted);
    if (answered.of_batch != nullptr) {
        answered.of_batch->answered = true;
        --exchange.answers_missing;
    }
    vetted.response = !exchange.batch || exchange.answers_missing == 0;
    auto outcome = Outcome::goes_on;
    if (exchange.batch && nameless_error) { // It may be the answer to any of them.
        const auto said = judge_said(exchange, *message, edits);
        if (!said || *said == Outcome::dropped) return fail(Error::upstream_malformed);
    } else {
        const AnswerFacts* facts = exchange.batch ? answered.of_batch->facts : exchange.answer_facts;
        const auto id = exchange.batch     ? answered.of_batch->id.raw
                        : exchange.resumed ? message->id.raw
                                           : exchange.id.raw;
        outcome = judge_answer(exchange, facts, *message, answered.method, id, edits);
    }
    if (outcome == Outcome::replaced) {
        vetted.is_error = true;
    } else if (message->kind == mcp::Kind::result) {
        if (const auto ok = edit_response(exchange, answered.method, message->result, edits); !ok)
            return fail(ok.error());
    }
    vetted.text = edited(*document, edits, text, rewritten);
    exchange.response_seen = vetted.response && !exchange.resumed;
    return vetted;
}

bool disagrees(const Exchange& exchange, Error error) {
    return error == Error::protocol_unsupported && exchange.method == mcp::Method::initialize;
}

void write_disagreement(const Exchange& exchange, PaddedBytes& body) {
    PaddedBytes data(exchange.worker.buffers);
    mcp::write_versions(data, mcp::legacy_revisions, exchange.wanted_revision);
    mcp::write_error(body, {.id = exchange.id.raw,
                            .era = exchange.era,
                            .code = row_of(Error::rpc_params).code,
                            .message = "the MCP server agrees on a protocol version that weir does not speak",
                            .data = data.text()});
}

Result<void> answer_whole(Exchange& exchange) {
    if (exchange.asked != Asked::message) return answer_bodyless(exchange);
    const uint16_t status = exchange.status;
    const auto text = exchange.body_view.text();
    if (!exchange.expects_answer) { // A notification or a response: accepted, or the upstream says why not.
        if (status < 300) {
            record_answered(exchange, {}, false);
            write_answer(exchange, 202, {});
            return {};
        }
        if (!relays_status(status)) return fail(Error::upstream_malformed);
        answer_status(exchange, status);
        return {};
    }
    if (exchange.batch && exchange.batch_requests.empty()) { // All its requests were denied; notifications went on.
        PaddedBytes merged(exchange.worker.buffers);
        const auto body = merge_denied(exchange, "[]", merged);
        record_answered(exchange, body, false);
        write_answer(exchange, 200, body);
        return {};
    }
    if (!exchange.answer_json || text.empty()) {
        // 202 to a request would leave its client waiting for ever.
        if (!relays_status(status)) return fail(Error::upstream_malformed);
        answer_status(exchange, status);
        return {};
    }
    if (status == 404) note_lost_session(exchange);
    exchange.worker.scratch.reset();
    PaddedBytes rewritten(exchange.worker.buffers), merged(exchange.worker.buffers);
    const auto vetted = vet_message(exchange, text, rewritten);
    exchange.worker.scanner.trim();
    if (!vetted && disagrees(exchange, vetted.error())) {
        write_disagreement(exchange, merged);
        record_answered(exchange, merged.text(), true);
        write_answer(exchange, 200, merged.text());
        part(exchange);
        return {};
    }
    if (!vetted) return fail(vetted.error());
    if (vetted->drop || !vetted->response) return fail(Error::upstream_malformed);
    const auto body = merge_denied(exchange, vetted->text, merged);
    record_answered(exchange, body, vetted->is_error);
    PaddedBytes lines(exchange.worker.buffers);
    append_session_line(exchange, lines);
    if (status == 429 || status == 503) append_retry_after(exchange, lines);
    if (auto as_it_came = take_body(exchange, body))
        pass_answer(exchange, status, std::move(*as_it_came), lines.text());
    else write_answer(exchange, status, body, lines.text());
    return {};
}

void append_session_line(Exchange& exchange, PaddedBytes& out) {
    if (exchange.answer_session.empty() || exchange.answer_revision.empty()) return;
    const size_t before = out.size();
    out.append("Mcp-Session-Id: ");
    const auto sealed = exchange.worker.sealer.seal_session(
        {.upstream_id = exchange.answer_session, .revision = exchange.answer_revision, .client = exchange.client_text},
        bond_of(exchange, {}), out);
    if (!sealed) return out.resize_down(before); // An id that is too long to seal is none: the client goes on without.
    out.append("\r\n");
}

void append_retry_after(const Exchange& exchange, PaddedBytes& out) {
    if (exchange.retry_after.empty()) return;
    out.append("Retry-After: ");
    out.append(exchange.retry_after);
    out.append("\r\n");
}

std::string_view sealed_event_id(Exchange& exchange, std::string_view id) {
    if (id.empty()) return {};
    const std::string_view session =
        exchange.legacy_session ? exchange.legacy_session->upstream_id : exchange.answer_session;
    PaddedBytes sealed(exchange.worker.buffers);
    if (!exchange.worker.sealer.seal_event({.upstream_id = id, .method = exchange.method, .name = exchange.name},
                                           bond_of(exchange, session), sealed))
        return {};
    return exchange.worker.scratch.copy(sealed.text());
}

} // namespace weir::gateway
