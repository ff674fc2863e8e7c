// gateway/stream.cc - event streams: read, checked, framed afresh, at the client's pace.
#include "gateway/stream.h"

#include "gateway/answers.h"
#include "gateway/authentication.h"
#include "gateway/hold.h"
#include "gateway/local.h"
#include "gateway/parting.h"
#include "gateway/record_entries.h"
#include "gateway/worker.h"
#include "http/write.h"
#include "mcp/reply.h"

#include <algorithm>

namespace weir::gateway {
namespace {

// After the response an upstream has this long to end its stream, so that its connection can be used again.
constexpr uint64_t after_response_ns = 250 * ms_ns;
// When clients of streams that end with weir are asked to come back: a restart takes a moment.
constexpr uint64_t retry_ms_min = 2000, retry_ms_spread = 4000;

bool client_left(const Exchange& exchange) {
    return exchange.client_link == nullptr || exchange.client_link->ended() || exchange.client_link->broken();
}

/// Whether leaving ends the exchange: on a stateless revision it is the cancel signal, a GET stream has no other reader.
bool leaving_cancels(const Exchange& exchange) {
    if (detached(exchange)) return false;
    return exchange.era == mcp::Era::modern || exchange.asked == Asked::open_stream;
}

void commit_stream_head(Exchange& exchange) {
    net::Link* link = exchange.client_link;
    if (exchange.committed || link == nullptr) return;
    exchange.committed = true;
    PaddedBytes& out = link->out();
    out.append(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache, no-transform\r\n"
        "X-Accel-Buffering: no\r\nTransfer-Encoding: chunked\r\n");
    append_session_line(exchange, out);
    append_cors_lines(exchange, out);
    if (!exchange.keep_alive) out.append("Connection: close\r\n");
    out.append("\r\n");
    exchange.heartbeat_ns = exchange.worker.now_ns();
    exchange.worker.flush_later(*link);
}

/// Puts `event` on the link, as a chunk. What comes before the result of an initialize is held until the session id can be
/// sealed with what it agrees on.
void send_to_client(Exchange& exchange, std::string_view event) {
    net::Link* link = exchange.client_link;
    if (link == nullptr || link->broken() || event.empty()) return;
    if (!exchange.committed && exchange.method == mcp::Method::initialize && !exchange.response_seen)
        return exchange.held.append(event);
    commit_stream_head(exchange);
    http::write_chunk(link->out(), exchange.held.text());
    exchange.held.release();
    http::write_chunk(link->out(), event);
    exchange.heartbeat_ns = exchange.worker.now_ns();
    exchange.worker.flush_later(*link);
}

/// A message of weir's own, as an event.
void send_message(Exchange& exchange, std::string_view message) {
    PaddedBytes event(exchange.worker.buffers);
    WEIR_ASSERT(http::write_event(event, {.id = {}, .retry_ms = {}, .type = "message", .data = message}).has_value());
    send_to_client(exchange, event.text());
}

/// The client has a full window that it does not read.
bool client_full(const Exchange& exchange) {
    return exchange.client_link != nullptr && !exchange.client_link->broken() &&
           exchange.client_link->unsent() >= exchange.worker.limits.write_queue_bytes_max;
}

/// One event of the upstream: checked, rewritten where it must be, framed, sent.
Result<void> relay_event(Exchange& exchange, const http::Event& event) {
    Worker& worker = exchange.worker;
    if (event.empty()) return {};
    worker.scratch.reset(); // A stream may be endless: nothing of an event outlives it.
    // Clients ignore other types; nobody has looked into them, so they do not pass.
    if (!event.type.empty() && event.type != "message") return {};
    PaddedBytes rewritten(worker.buffers), framed(worker.buffers);
    http::EventParts parts{.id = {}, .retry_ms = event.retry_ms, .type = event.type, .data = {}};
    if (event.has_data && !event.data.empty()) {
        if (exchange.response_seen) return {}; // Nothing may follow the response.
        const auto vetted = vet_message(exchange, event.data, rewritten);
        worker.scanner.trim();
        if (!vetted) return fail(vetted.error());
        if (vetted->drop) return {};
        parts.data = vetted->text;
        exchange.server_asks = vetted->asks;
        record_stream_event(exchange, vetted->text, event.id, vetted->response, vetted->is_error);
    } else if (event.has_data) {
        parts.data = std::string_view();
    }
    if (event.has_id) {
        parts.id = sealed_event_id(exchange, event.id);
        exchange.resumable = exchange.era == mcp::Era::legacy && !event.id.empty();
    }
    if (!http::write_event(framed, parts)) return fail(Error::upstream_malformed);
    worker.counters.stream_events.add();
    send_to_client(exchange, framed.text());
    return {};
}

/// What is unread of the stream, without the framing of its transfer. Chunked streams are unwrapped into `raw`.
Result<std::string_view> stream_octets(Exchange& exchange) {
    net::Link& link = *exchange.upstream;
    if (exchange.answer_framing != http::Framing::chunked) {
        const auto input = link.input().text();
        return exchange.answer_framing == http::Framing::length ? input.substr(0, exchange.answer_left) : input;
    }
    while (!exchange.chunks.done() && link.input().size != 0) {
        const auto piece = exchange.chunks.next(link.input().text());
        if (!piece) return fail(Error::upstream_malformed);
        exchange.raw.append(piece->payload);
        link.consume(piece->consumed);
    }
    return exchange.raw.text().substr(exchange.raw_at);
}

void consume_octets(Exchange& exchange, size_t count) {
    if (exchange.answer_framing == http::Framing::chunked) {
        exchange.raw_at += count;
        if (exchange.raw_at == exchange.raw.size()) {
            exchange.raw.clear();
            exchange.raw_at = 0;
        }
        return;
    }
    exchange.upstream->consume(count);
    if (exchange.answer_framing == http::Framing::length) exchange.answer_left -= count;
}

/// What is left of an event that has not come whole yet must not push out what comes: move it to the front.
void make_room(Exchange& exchange) {
    if (exchange.raw_at != 0) {
        exchange.raw.drop_front(exchange.raw_at);
        exchange.raw_at = 0;
    }
    const size_t unread = exchange.answer_framing == http::Framing::chunked ? 0 : exchange.upstream->input().size;
    exchange.upstream->set_window(unread == 0 ? 0 : unread * 2);
}

bool stream_over(const Exchange& exchange) {
    switch (exchange.answer_framing) {
        case http::Framing::chunked: return exchange.chunks.done();
        case http::Framing::length: return exchange.answer_left == 0;
        case http::Framing::none: return true;
        case http::Framing::until_close: return exchange.upstream->ended();
    }
    return true;
}

/// The stream is over, and so are the client's chunks. What it has not answered may have run.
Next finish_stream(Exchange& exchange) {
    if (exchange.expects_answer && !exchange.response_seen) record_ambiguous(exchange, Error::upstream_cut);
    else record_answered(exchange, {}, false);
    if (exchange.client_link != nullptr && exchange.client_link->usable() && !exchange.client_link->broken()) {
        commit_stream_head(exchange);
        http::write_last_chunk(exchange.client_link->out());
        exchange.worker.flush_later(*exchange.client_link);
    }
    exchange.answer = Answer::finished;
    exchange.worker.counters.streams_open.sub();
    if (exchange.upstream != nullptr) {
        net::Link* link = exchange.upstream;
        exchange.upstream = nullptr;
        link->owner = nullptr;
        if (exchange.answer_complete && exchange.answer_keep_alive)
            exchange.worker.keep_upstream(*link, exchange.upstream_idle_ns);
        else link->close();
    }
    return go(exchange, Step::settle);
}

/// Whether an end now leaves the client without its response. A stream with event ids may end early: the client takes it
/// up again with Last-Event-ID (2025-11-25, "polling").
bool response_missing(const Exchange& exchange) {
    // An initialize has no session yet in which it could be taken up.
    const bool taken_up = exchange.resumable && exchange.method != mcp::Method::initialize;
    return exchange.expects_answer && !exchange.response_seen && !taken_up;
}

/// Whether its server has said nothing for too long, where somebody waits for an answer. While it waits for its client (sampling,
/// elicitation), silence is not its own until it speaks again. While the client does not read, the server
/// is not read either: that is not its silence. (A passed deadline is cleared.)
bool server_silent(Exchange& exchange) {
    if (opens_stream(exchange) || exchange.response_seen || exchange.orphaned || exchange.server_asks) return false;
    net::Link& link = *exchange.upstream;
    const bool late = link.deadline_ns() == UINT64_MAX, came = link.bytes_in() != exchange.answer_bytes;
    if (late && !came && !client_full(exchange)) return true;
    exchange.answer_bytes = link.bytes_in();
    if (late || came) link.set_deadline(exchange.worker.now_ns() + exchange.server->config->silence_ns_max);
    return false;
}

/// Waits, with the deadlines that are due next: the heartbeat, and a client that does not read.
Next wait_on(Exchange& exchange) {
    Worker& worker = exchange.worker;
    if (net::Link* link = exchange.client_link; link != nullptr && exchange.committed) {
        const uint64_t beat = exchange.heartbeat_ns + worker.limits.heartbeat_ns;
        const uint64_t stall =
            link->unsent() == 0 ? UINT64_MAX : exchange.client_progress_ns + worker.limits.write_stall_ns_max;
        const uint64_t token_ends = opens_stream(exchange) ? exchange.token_ends_ns : UINT64_MAX;
        link->set_deadline(std::min({beat, stall, token_ends}));
    }
    return Next::wait;
}

/// Notes what the client has read, beats, and tells whether it has not read for too long.
bool client_stalled(Exchange& exchange) {
    net::Link* link = exchange.client_link;
    if (link == nullptr) return false;
    const uint64_t now = exchange.worker.now_ns();
    if (link->unsent() == 0 || link->bytes_out() != exchange.client_progress) {
        exchange.client_progress = link->bytes_out();
        exchange.client_progress_ns = now;
        if (exchange.committed && link->unsent() == 0 &&
            now >= exchange.heartbeat_ns + exchange.worker.limits.heartbeat_ns) {
            PaddedBytes beat(exchange.worker.buffers);
            http::write_comment(beat, "");
            send_to_client(exchange, beat.text());
        }
        return false;
    }
    return now >= exchange.client_progress_ns + exchange.worker.limits.write_stall_ns_max;
}

/// weir ends, or the token of an open stream does. The last event says so, with `notice`, in the form that the client of this stream reads: a subscription its graceful end, a
/// request that has no answer yet an error, and a stream that can be opened or taken up again when to try that.
Next end_open(Exchange& exchange, std::string_view notice) {
    Worker& worker = exchange.worker;
    const bool unanswered = exchange.expects_answer && !exchange.response_seen;
    const bool subscription = opens_stream(exchange) && unanswered;
    if (!subscription && response_missing(exchange)) return end_stream(exchange, Error::draining);
    PaddedBytes message(worker.buffers), framed(worker.buffers);
    std::optional<uint32_t> retry_ms;
    if (subscription) {
        mcp::write_listen_end(message, exchange.id.raw);
        record_answered(exchange, message.text(), false);
        exchange.response_seen = true;
    } else {
        // Not all at once: whoever takes over, or weir when it is back, has them come over a few seconds.
        retry_ms = static_cast<uint32_t>(retry_ms_min + worker.random.below(retry_ms_spread));
        mcp::write_notice(message, notice);
        if (unanswered) record_ambiguous(exchange, worker.draining() ? Error::draining : Error::token_refused);
    }
    if (http::write_event(framed, {.id = {}, .retry_ms = retry_ms, .type = "message", .data = message.text()}))
        send_to_client(exchange, framed.text());
    exchange.answer_complete = false;
    return finish_stream(exchange);
}

/// The server agrees on a revision that weir does not speak: an error is all that the client gets of the stream.
Next end_disagreed(Exchange& exchange) {
    PaddedBytes message(exchange.worker.buffers);
    write_disagreement(exchange, message);
    record_answered(exchange, message.text(), true);
    exchange.response_seen = true;
    exchange.held.release();
    send_message(exchange, message.text());
    part(exchange);
    exchange.answer_complete = false;
    return finish_stream(exchange);
}

/// What weir itself answers of a batch comes first, each an event of its own; its server answers the rest.
void send_denied(Exchange& exchange) {
    if (!exchange.batch) return;
    exchange.response_seen = exchange.answers_missing == 0;
    for (std::string_view rest = exchange.denied.text(); !rest.empty();) {
        const auto denial = rest.substr(0, rest.find(denied_separator));
        send_message(exchange, denial);
        rest.remove_prefix(std::min(rest.size(), denial.size() + denied_separator.size()));
    }
}

} // namespace

void send_event(Exchange& exchange, std::string_view event) {
    exchange.on_stream = true;
    send_to_client(exchange, event);
}

void send_last_event(Exchange& exchange, std::string_view message) {
    net::Link* link = exchange.client_link;
    if (link == nullptr || !link->usable() || link->broken()) return;
    send_message(exchange, message);
    http::write_last_chunk(link->out());
    exchange.on_stream = false;
}

Next begin_stream(Exchange& exchange) {
    Worker& worker = exchange.worker;
    worker.counters.streams_open.add();
    exchange.on_stream = false; // The answer is the rest of it.
    exchange.events = http::EventReader(worker.limits.answer_bytes_max);
    exchange.client_progress_ns = worker.now_ns();
    exchange.answer_bytes = exchange.upstream->bytes_in();
    if (opens_stream(exchange)) exchange.upstream->clear_deadline(); // It may be silent for as long as it likes.
    else exchange.upstream->set_deadline(worker.now_ns() + exchange.server->config->silence_ns_max);
    // The session id of an initialize is sealed with the revision that its result names: the head waits for that.
    if (exchange.method != mcp::Method::initialize) commit_stream_head(exchange);
    send_denied(exchange);
    return relay_stream(exchange);
}

Next relay_stream(Exchange& exchange) {
    Worker& worker = exchange.worker;
    exchange.expired = false;
    if (exchange.client_link != nullptr && client_stalled(exchange)) {
        worker.counters.stalled_clients.add();
        exchange.client_link->close();
    }
    if (client_left(exchange)) {
        if (leaving_cancels(exchange)) {
            if (exchange.upstream != nullptr) exchange.upstream->close(); // The upstream must see it at once.
            // No end that looks like one: a client that only half-closed must not take it for whole.
            if (exchange.client_link != nullptr) exchange.client_link->close();
            return finish_stream(exchange);
        }
        // Before 2026-07-28 leaving is not cancelling. With event ids the server keeps the rest, and the client takes it up
        // again when nobody else reads it; without, it is read, recorded, and goes nowhere, within bounds.
        if (exchange.resumable && !detached(exchange)) {
            record_ambiguous(exchange, Error::client_left);
            if (exchange.upstream != nullptr) exchange.upstream->close();
            // No end that looks like one: a client that only half-closed must not take it for whole.
            if (exchange.client_link != nullptr) exchange.client_link->close();
            return finish_stream(exchange);
        }
        const bool gone = exchange.client_link == nullptr || exchange.client_link->broken(); // else it may still listen
        if (gone && !exchange.orphaned && exchange.upstream != nullptr) {
            exchange.orphaned = true;
            exchange.upstream->set_deadline(worker.now_ns() + exchange.server->config->silence_ns_max);
        } else if (exchange.orphaned && exchange.upstream != nullptr && !exchange.response_seen &&
                   exchange.upstream->deadline_ns() == UINT64_MAX) {
            return end_stream(exchange, Error::upstream_timeout);
        }
        if (exchange.client_link != nullptr && exchange.client_link->broken()) exchange.client_link->close();
    }
    if (worker.gives_up(exchange)) return end_open(exchange, "weir is shutting down; this stream can be opened again");
    // What was asked with a good token is answered; what stays open needs one that is good.
    if (opens_stream(exchange) && token_over(exchange))
        return end_open(exchange, "the access token has expired; this stream can be opened again with a new one");
    if (exchange.upstream == nullptr)
        return exchange.response_seen ? finish_stream(exchange) : end_stream(exchange, Error::upstream_cut);
    if (server_silent(exchange)) return end_stream(exchange, Error::upstream_timeout);
    while (!client_full(exchange)) {
        const auto octets = stream_octets(exchange);
        if (!octets) return end_stream(exchange, octets.error());
        PaddedBytes joined(worker.buffers);
        const auto event = exchange.events.next(*octets, joined);
        if (!event && event.error() != Error::incomplete) return end_stream(exchange, event.error());
        if (!event) {
            if (stream_over(exchange)) {
                exchange.answer_complete = true;
                return response_missing(exchange) ? end_stream(exchange, Error::upstream_cut) : finish_stream(exchange);
            }
            if (exchange.upstream->ended() || exchange.upstream->broken())
                return response_missing(exchange) ? end_stream(exchange, Error::upstream_cut) : finish_stream(exchange);
            if (exchange.response_seen) {
                if (!exchange.after_response) {
                    exchange.after_response = true;
                    exchange.upstream->set_deadline(worker.now_ns() + after_response_ns);
                } else if (exchange.upstream->deadline_ns() == UINT64_MAX) {
                    return finish_stream(exchange); // It had its time.
                }
            }
            if (worker.memory_full()) return end_stream(exchange, Error::overloaded);
            make_room(exchange);
            break;
        }
        const auto relayed = relay_event(exchange, *event);
        consume_octets(exchange, event->consumed);
        if (!relayed && disagrees(exchange, relayed.error())) return end_disagreed(exchange);
        if (!relayed) return end_stream(exchange, relayed.error());
    }
    return wait_on(exchange);
}

Next end_stream(Exchange& exchange, Error error) {
    Worker& worker = exchange.worker;
    worker.counters.refused[static_cast<size_t>(error)].add();
    if (exchange.expects_answer && !exchange.response_seen) {
        record_ambiguous(exchange, error);
        exchange.response_seen = true; // this is the response now
        PaddedBytes message(worker.buffers);
        const auto& row = row_of(error);
        mcp::write_error(
            message, {.id = exchange.id.raw, .era = exchange.era, .code = row.code, .message = row.text, .data = {}});
        send_message(exchange, message.text());
    }
    exchange.answer_complete = false;
    return finish_stream(exchange);
}

} // namespace weir::gateway
