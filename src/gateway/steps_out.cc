// gateway/steps_out.cc - the second half of an exchange's way: to the upstream, and its answer back.
//
// credential, dial, forward, relay; consume is in hold.cc. Event streams are relayed in stream.cc. Whatever goes wrong here is the
// upstream's or the network's: a clear 502 or 504 for the client, `ambiguous` in the record if the request had left.
#include "gateway/answers.h"
#include "gateway/exchange.h"
#include "gateway/hold.h"
#include "gateway/parting.h"
#include "gateway/record_entries.h"
#include "gateway/stream.h"
#include "gateway/worker.h"

#include <algorithm>

namespace weir::gateway {
namespace {

/// The client is gone, or it wants this one no more. On a stateless revision closing the stream is how a client cancels (MCP 2026-07-28);
/// before that it is not, nor is it of a session's end, but nobody is left to read a GET stream.
bool cancelled(const Exchange& exchange) {
    if (detached(exchange)) return false;
    if (exchange.asked == Asked::end_session || (exchange.asked == Asked::message && exchange.era == mcp::Era::legacy))
        return false;
    return exchange.client_link == nullptr || exchange.client_link->ended() || exchange.client_link->broken();
}

/// The deadline of the upstream link has passed (a passed deadline is cleared).
bool upstream_late(Exchange& exchange) {
    if (!exchange.expired) return false;
    exchange.expired = false;
    return exchange.upstream->deadline_ns() == UINT64_MAX;
}

/// Lets go of the upstream link: into the pool if it may carry another request, else closed.
void release_upstream(Exchange& exchange) {
    net::Link* link = exchange.upstream;
    if (link == nullptr) return;
    exchange.upstream = nullptr;
    link->owner = nullptr;
    const bool reusable = exchange.answer_complete && exchange.answer_keep_alive && link->flushed();
    if (reusable) exchange.worker.keep_upstream(*link, exchange.upstream_idle_ns);
    else link->close();
}

/// The upstream failed before the answer was whole.
Next upstream_failed(Exchange& exchange, Error error) {
    const bool nothing_written =
        exchange.upstream != nullptr && exchange.upstream->nothing_sent_since(exchange.sent_before);
    release_upstream(exchange);
    // Nothing of the request reached the upstream's socket: a pooled connection had died. Once more, on a new one.
    if (exchange.forwarded && exchange.answer == Answer::awaited && nothing_written && !exchange.fresh_upstream &&
        !exchange.retried && error != Error::draining) {
        exchange.retried = true;
        return go(exchange, Step::dial);
    }
    if (nothing_written && exchange.forwarded) put_grant_back(exchange);
    if (exchange.forwarded && !nothing_written && exchange.expects_answer && !exchange.response_seen &&
        !opens_stream(exchange))
        record_ambiguous(exchange, error);
    if (exchange.answer == Answer::stream) return end_stream(exchange, error);
    // What was forwarded may have been done: no word of trying again.
    const bool given_up = error == Error::overloaded && exchange.forwarded;
    return refuse(exchange, error,
                  given_up ? "weir has no memory left for the MCP server's answer" : std::string_view());
}

/// Reads the answer's head off the upstream link. Error::incomplete: wait.
Result<void> read_answer(Exchange& exchange) {
    Worker& worker = exchange.worker;
    for (;;) {
        const auto input = exchange.upstream->input();
        const auto head = http::read_answer_head(input.text(), worker.fields, worker.limits);
        if (!head) return fail(head.error());
        if (head->informational()) {
            if (++exchange.informational > worker.limits.informational_max) return fail(Error::upstream_malformed);
            exchange.upstream->consume(head->size);
            continue;
        }
        return take_answer_head(exchange, *head);
    }
}

/// Gathers the body of an answer that is not a stream. Error::incomplete: wait.
Result<void> gather_body(Exchange& exchange) {
    net::Link& link = *exchange.upstream;
    const uint64_t body_max = exchange.worker.limits.answer_bytes_max;
    switch (exchange.answer_framing) {
        case http::Framing::none: exchange.body_view = {}; return {};
        case http::Framing::length:
            if (exchange.answer_left > body_max) return fail(Error::upstream_too_large);
            if (link.input().size < exchange.answer_left) {
                if (link.ended()) return fail(Error::upstream_cut);
                if (exchange.worker.memory_full()) return fail(Error::overloaded);
                link.set_window(exchange.answer_left);
                return fail(Error::incomplete);
            }
            exchange.body_view = {link.input().data, exchange.answer_left};
            return {};
        case http::Framing::chunked:
            while (!exchange.chunks.done()) {
                if (link.input().size == 0) return fail(link.ended() ? Error::upstream_cut : Error::incomplete);
                const auto piece = exchange.chunks.next(link.input().text());
                if (!piece) return fail(Error::upstream_malformed);
                exchange.body.append(piece->payload);
                if (exchange.body.size() > body_max) return fail(Error::upstream_too_large);
                if (exchange.worker.memory_full()) return fail(Error::overloaded);
                link.consume(piece->consumed);
            }
            break;
        case http::Framing::until_close:
            exchange.body.append(link.input().text());
            link.consume(link.input().size);
            if (exchange.body.size() > body_max) return fail(Error::upstream_too_large);
            if (exchange.worker.memory_full()) return fail(Error::overloaded);
            if (link.error() != 0) return fail(Error::upstream_cut);
            if (!link.ended()) return fail(Error::incomplete);
            break;
    }
    exchange.body_view = exchange.body.padded();
    return {};
}

/// The octets of a body of known length are done with.
void consume_body(Exchange& exchange) {
    if (exchange.answer_framing == http::Framing::length) exchange.upstream->consume(exchange.answer_left);
    exchange.answer_complete = true;
}

/// What upstreams get. The credential goes from its owner to the link alone: what is judged, held and recorded never had it.
void append_with_credential(const Exchange& exchange, PaddedBytes& out) {
    const std::string_view request = exchange.outgoing.text();
    const size_t first_line = request.find('\n') + 1;
    out.append(request.substr(0, first_line));
    out.append(exchange.worker.credential_of(*exchange.server));
    out.append(request.substr(first_line));
}

} // namespace

constexpr std::string_view no_credential = "weir can get no credential for it now";

Next step_credential(Exchange& exchange) {
    // Those that are read from files and variables are there since the start; only one that a provider gives is waited for.
    Worker& worker = exchange.worker;
    const auto& credential = exchange.server->config->credential;
    if (!credential || !credential->granted() || !worker.credential_of(*exchange.server).empty()) [[likely]]
        return go(exchange, Step::dial);
    if (cancelled(exchange)) return go(exchange, Step::settle);
    if (worker.gives_up(exchange)) return refuse(exchange, Error::draining);
    const uint64_t news = worker.credential_news(*exchange.server);
    if (exchange.credential_news == UINT64_MAX) {
        exchange.credential_news = news;
        if (!worker.options.calls.want_credential) return refuse(exchange, Error::upstream_unreachable, no_credential);
        worker.options.calls.want_credential(exchange.server->index);
    } else if (exchange.credential_news != news) {
        return refuse(exchange, Error::upstream_unreachable, no_credential); // Its provider was asked, and gave none.
    }
    return Next::wait;
}

Next step_dial(Exchange& exchange) {
    Worker& worker = exchange.worker;
    if (exchange.awaited_seq != 0) { // strict: the verdict is durable before anything leaves
        if (worker.record().failed()) return refuse(exchange, Error::record_unavailable);
        if (worker.record().durable_seq() < exchange.awaited_seq) return Next::wait;
        exchange.awaited_seq = 0;
    }
    if (worker.has_last_words()) return upstream_failed(exchange, Error::draining);
    if (exchange.upstream == nullptr) {
        if (cancelled(exchange)) return go(exchange, Step::settle);
        const auto link = worker.dial(*exchange.server, exchange.fresh_upstream);
        if (!link) {
            if (link.error() == Error::upstream_unreachable) worker.address_failed(*exchange.server);
            return refuse(exchange, link.error());
        }
        exchange.upstream = *link;
        exchange.upstream->owner = &exchange;
        if (exchange.fresh_upstream)
            exchange.upstream->set_deadline(worker.now_ns() + exchange.server->config->connect_ns_max);
    }
    net::Link& link = *exchange.upstream;
    if (exchange.no_handshake) return upstream_failed(exchange, Error::overloaded);
    if (link.ended() || upstream_late(exchange)) {
        worker.address_failed(*exchange.server);
        return upstream_failed(exchange, Error::upstream_unreachable);
    }
    if (link.state() == net::Link::State::connecting) {
        if (!cancelled(exchange)) return Next::wait;
        release_upstream(exchange);
        return go(exchange, Step::settle);
    }
    return go(exchange, Step::consume);
}

Next step_forward(Exchange& exchange) {
    Worker& worker = exchange.worker;
    net::Link& link = *exchange.upstream;
    if (!exchange.forwarded) {
        if (!record_forwarded(exchange)) return refuse(exchange, Error::record_unavailable);
        exchange.forwarded = true;
        exchange.forwarded_ns = worker.now_ns();
        worker.counters.forwarded.add();
    }
    ++link.carried;
    exchange.sent_before = link.bytes_out();
    append_with_credential(exchange, link.out());
    link.after_seq = exchange.verdict_seq;
    const uint64_t most = exchange.server->config->first_octet_ns_max;
    link.set_deadline(worker.now_ns() + (exchange.parting ? std::min(most, parting_ns_max) : most));
    worker.flush_later(link);
    return go(exchange, Step::relay);
}

Next step_relay(Exchange& exchange) {
    Worker& worker = exchange.worker;
    if (exchange.answer == Answer::stream) return relay_stream(exchange);
    if (cancelled(exchange)) {
        if (exchange.expects_answer) record_ambiguous(exchange, Error::upstream_cut);
        release_upstream(exchange);
        return go(exchange, Step::settle);
    }
    if (exchange.upstream == nullptr) return upstream_failed(exchange, Error::upstream_cut);
    if (worker.gives_up(exchange) && !exchange.committed) return upstream_failed(exchange, Error::draining);
    net::Link& link = *exchange.upstream;
    if (upstream_late(exchange)) return upstream_failed(exchange, Error::upstream_timeout);
    if (link.broken() && link.input().size == 0) return upstream_failed(exchange, Error::upstream_cut);
    if (exchange.answer == Answer::awaited) {
        if (link.input().size == 0) return link.ended() ? upstream_failed(exchange, Error::upstream_cut) : Next::wait;
        const auto head = read_answer(exchange);
        if (!head && head.error() == Error::incomplete)
            return link.ended() ? upstream_failed(exchange, Error::upstream_cut) : Next::wait;
        if (!head) return upstream_failed(exchange, head.error());
        exchange.outgoing.release();
        if (exchange.answer == Answer::stream) return begin_stream(exchange);
    }
    if (exchange.awaited_seq == 0) { // else the answer stands in the client's out() and waits for its entry
        const uint64_t before = exchange.answer_bytes;
        const auto body = gather_body(exchange);
        exchange.answer_bytes = link.bytes_in();
        if (!body && body.error() == Error::incomplete) {
            if (exchange.answer_bytes != before && !exchange.parting)
                link.set_deadline(worker.now_ns() + exchange.server->config->silence_ns_max);
            return Next::wait;
        }
        if (!body) return upstream_failed(exchange, body.error());
        const auto answered = answer_whole(exchange);
        consume_body(exchange);
        release_upstream(exchange);
        if (!answered) return refuse(exchange, answered.error());
    }
    return go(exchange, Step::settle);
}

} // namespace weir::gateway
