// gateway/steps_in.cc - the first half of an exchange's way: what is asked, by whom, and whether it may be.
//
// admit (the HTTP head), authenticate, scan (the body and what it means), judge; hold is in hold.cc. Nothing has left for the upstream when
// these end; a refusal here costs the upstream nothing.
#include "gateway/authentication.h"
#include "gateway/client_address.h"
#include "gateway/desk_requests.h"
#include "gateway/desk_routes.h"
#include "gateway/exchange.h"
#include "gateway/hold.h"
#include "gateway/local.h"
#include "gateway/requests.h"
#include "gateway/verdicts.h"
#include "gateway/well_known.h"
#include "gateway/worker.h"

#include <algorithm>

namespace weir::gateway {
namespace {

/// The client will send no more of this request.
bool client_done(const Exchange& exchange) {
    return exchange.client_link == nullptr || exchange.client_link->ended() || exchange.client_link->broken();
}

/// Waits for more of the request, for no longer than `at_ns`.
Next wait_until(Exchange& exchange, uint64_t at_ns) {
    if (exchange.client_link->deadline_ns() != at_ns) exchange.client_link->set_deadline(at_ns);
    return Next::wait;
}

/// Whether a body may go on arriving. Its own time, and 1 kB a second after the first seconds.
bool body_too_slow(const Exchange& exchange, uint64_t received) {
    const Limits& limits = exchange.worker.limits;
    const uint64_t took = exchange.worker.now_ns() - exchange.body_since_ns;
    if (took >= limits.body_ns_max) return true;
    if (took <= limits.body_grace_ns) return false;
    return received < (took - limits.body_grace_ns) / s_ns * limits.body_rate_bytes_min;
}

/// When the body is looked at again if nothing comes.
uint64_t body_check_ns(const Exchange& exchange) {
    const Limits& limits = exchange.worker.limits;
    const uint64_t end = exchange.body_since_ns + limits.body_ns_max;
    return std::min(end, std::max(exchange.body_since_ns + limits.body_grace_ns, exchange.worker.now_ns()) + s_ns);
}

/// Takes the body off the link, or notes that it lies there whole. incomplete: wait.
Result<void> read_body(Exchange& exchange) {
    net::Link& link = *exchange.client_link;
    const Limits& limits = exchange.worker.limits;
    const auto& head = exchange.head;
    const size_t before = exchange.head_kept ? 0 : head.size;
    if (head.framing == http::Framing::none) {
        exchange.body_view = {};
        return {};
    }
    if (head.framing == http::Framing::length) {
        if (head.content_length > limits.body_bytes_max) return fail(Error::body_too_large);
        const auto input = link.input();
        if (input.size - before >= head.content_length) {
            exchange.body_view = {input.data + before, head.content_length};
            return {};
        }
        keep_head(exchange);
        // What has its memory already is read to its end.
        if (!exchange.body_begun && exchange.worker.hold_back(exchange)) return fail(Error::incomplete);
        exchange.body_begun = true;
        link.set_window(head.content_length);
        return fail(Error::incomplete);
    }
    keep_head(exchange);
    while (!exchange.chunks.done()) {
        if (link.input().size == 0) {
            exchange.worker.hold_back(exchange);
            return fail(Error::incomplete);
        }
        const auto piece = exchange.chunks.next(link.input().text());
        if (!piece) return fail(piece.error());
        exchange.body.append(piece->payload);
        if (exchange.body.size() > limits.body_bytes_max) return fail(Error::body_too_large);
        link.consume(piece->consumed);
    }
    exchange.body_view = exchange.body.padded();
    return {};
}

/// The head is good, and there is room: a client that waits for that is told so, once.
void ask_for_body(Exchange& exchange) {
    if (!exchange.head.expect_continue || exchange.continue_sent) return;
    exchange.continue_sent = true;
    exchange.client_link->out().append("HTTP/1.1 100 Continue\r\n\r\n");
    exchange.worker.flush_later(*exchange.client_link);
}

/// Everything that is said by the request has been read: its octets are given back.
void consume_request(Exchange& exchange) {
    net::Link& link = *exchange.client_link;
    const bool in_place = !exchange.head_kept;
    if (in_place) link.consume(exchange.head.size);
    if (exchange.head.framing == http::Framing::length) link.consume(exchange.head.content_length);
    exchange.body.release();
    exchange.whole = true;
    link.clear_deadline();
    link.set_window(0);
    if (exchange.head.framing != http::Framing::none) {
        auto& counters = exchange.worker.counters;
        (in_place ? counters.bodies_in_place : counters.bodies_gathered).add();
    }
}

/// What the head alone decides, before a body is read: Host and Origin, the path, the method, the media types, the length.
/// ok, or the refusal.
Result<void> check_head(Exchange& exchange) {
    const auto& head = exchange.head;
    const Generation& generation = exchange.worker.generation();
    if (!host_served(head.authority, generation)) return fail(Error::host_refused);
    if (const auto* origin = head.find(http::FieldId::origin); origin != nullptr) {
        if (!origin_allowed(origin->value, generation)) return fail(Error::origin_refused);
        exchange.origin = exchange.space.copy(origin->value);
    }
    exchange.server = generation.route(head.path);
    if (exchange.server == nullptr) return fail(Error::route_unknown);
    switch (head.method) {
        case http::Method::post:
            exchange.asked = Asked::message;
            if (head.content_type != http::MediaType::json) return fail(Error::media_type_unsupported);
            if (!head.accepts.json || !head.accepts.event_stream) return fail(Error::not_acceptable);
            if (head.framing == http::Framing::none) return fail(Error::json_syntax);
            break;
        case http::Method::get:
            exchange.asked = Asked::open_stream;
            if (!head.accepts.event_stream) return fail(Error::not_acceptable);
            break;
        case http::Method::head: return fail(Error::method_not_allowed); // of a stream there is no head without it
        case http::Method::delete_: exchange.asked = Asked::end_session; break;
        case http::Method::options: // a browser asks before it sends; nobody else has a reason to
            if (exchange.origin.empty() || !head.has(http::FieldId::access_control_request_method))
                return fail(Error::method_not_allowed);
            break;
    }
    return {};
}

/// Whom the request comes from: who has the connection, or whom a trusted proxy names. False: what it names is no address.
bool find_client(Exchange& exchange) {
    const net::Link& link = *exchange.client_link;
    const Config& config = exchange.worker.generation().config;
    if (!link.from_proxy || config.client_address != ClientAddress::x_forwarded_for) return true;
    const auto named = forwarded_for(exchange.head, link.from, config.trusted_proxies);
    if (named) exchange.from = *named;
    return named.has_value();
}

} // namespace

void keep_head(Exchange& exchange) {
    if (exchange.head_kept) return;
    exchange.head_kept = true;
    const auto bytes = exchange.space.copy(exchange.client_link->input().text().substr(0, exchange.head.size));
    const auto room = exchange.space.array<http::Field>(exchange.head.fields.size());
    const auto again = http::read_request_head(bytes, room, exchange.worker.limits);
    WEIR_ASSERT(again.has_value());
    exchange.head = *again;
    exchange.client_link->consume(exchange.head.size);
}

Next step_admit(Exchange& exchange) {
    Worker& worker = exchange.worker;
    if (exchange.client_link == nullptr) return go(exchange, Step::settle);
    const auto input = exchange.client_link->input();
    const bool late = exchange.expired;
    exchange.expired = false;
    const std::span<http::Field> room(worker.fields.data(),
                                      std::min<size_t>(worker.fields.size(), worker.limits.head_fields_max));
    const auto head = http::read_request_head(input.text(), room, worker.limits);
    if (!head) {
        if (head.error() != Error::incomplete) {
            if (input.text().starts_with("HEAD ")) exchange.head.method = http::Method::head; // No body answers it.
            return refuse_and_close(exchange, head.error());
        }
        if (client_done(exchange)) return refuse_and_close(exchange, Error::head_malformed, "the head was cut off");
        if (late && exchange.reading) return refuse_and_close(exchange, Error::request_timeout);
        if (worker.has_last_words()) return refuse_and_close(exchange, Error::draining);
        exchange.reading = true;
        exchange.client_link->set_window(worker.limits.head_bytes_max + 1);
        return wait_until(exchange, exchange.began_ns + worker.limits.head_ns_max);
    }
    exchange.head = *head;
    exchange.keep_alive = head->keep_alive;
    exchange.from = exchange.client_link->from;
    exchange.body_since_ns = worker.now_ns();
    if (static_cast<Role>(exchange.client_link->role) == Role::admin) {
        if (is_approvals(head->path) || is_well_known(head->path)) return admit_person(exchange);
        exchange.asked = Asked::page;
        return answer_page(exchange);
    }
    if (worker.draining()) return refuse_and_close(exchange, Error::draining);
    if (worker.overloaded()) return refuse_and_close(exchange, Error::overloaded);
    if (!find_client(exchange))
        return refuse(exchange, Error::head_malformed, "X-Forwarded-For does not say whom this request comes from");
    if (is_well_known(head->path) && host_served(head->authority, worker.generation()))
        return answer_well_known(exchange);
    const auto checked = check_head(exchange);
    if (!checked) return refuse(exchange, checked.error());
    if (head->method == http::Method::options) return answer_preflight(exchange);
    return go(exchange, Step::authenticate);
}

Next step_authenticate(Exchange& exchange) {
    if (exchange.asked == Asked::desk || !exchange.server->config->anonymous) return authenticate(exchange);
    exchange.principal = &identity::anonymous();
    return go(exchange, Step::scan);
}

Next step_scan(Exchange& exchange) {
    Worker& worker = exchange.worker;
    if (exchange.client_link == nullptr) return go(exchange, Step::settle);
    const auto body = read_body(exchange);
    if (!body && body.error() != Error::incomplete) return refuse_and_close(exchange, body.error());
    if (!body) {
        if (client_done(exchange)) return refuse_and_close(exchange, Error::json_syntax, "the body was cut off");
        if (worker.has_last_words()) return refuse_and_close(exchange, Error::draining);
        exchange.expired = false;
        if (exchange.held_back_ns != 0) { // Our shortage, not the client's slowness.
            const uint64_t until = exchange.held_back_ns + worker.limits.body_ns_max;
            if (worker.now_ns() >= until) return refuse_and_close(exchange, Error::overloaded);
            return wait_until(exchange, until);
        }
        const uint64_t received = exchange.body.size() + exchange.client_link->input().size;
        if (received == 0) ask_for_body(exchange);
        if (body_too_slow(exchange, received)) return refuse_and_close(exchange, Error::request_timeout);
        return wait_until(exchange, body_check_ns(exchange));
    }
    exchange.expired = false;
    worker.let_on(exchange);
    if (exchange.asked == Asked::desk) {
        const bool asked = ask_desk(exchange);
        consume_request(exchange);
        return asked ? go(exchange, Step::desk) : refuse(exchange, Error::overloaded);
    }
    auto read = read_request(exchange);
    if (read) read = check_scopes(exchange);
    if (read && opens_stream(exchange)) read = worker.enter_stream(exchange);
    if (!read) {
        consume_request(exchange);
        return refuse(exchange, read.error(), exchange.refusal.detail);
    }
    return go(exchange, Step::judge);
}

Next step_judge(Exchange& exchange) {
    if (exchange.hold != nullptr) { // People have approved it; policies have the last word.
        const auto judged = judge_again(exchange);
        if (!judged) return refuse(exchange, judged.error());
        return *judged == Judged::answered ? go(exchange, Step::settle) : go(exchange, Step::credential);
    }
    // Reads the request's own bytes, builds what goes upstream out of them, and then lets them go: nothing later needs them.
    const auto judged = judge_request(exchange);
    if (judged && *judged == Judged::held) keep_head(exchange); // Its fields go upstream with the approved call.
    consume_request(exchange);
    if (!judged) return refuse(exchange, judged.error(), exchange.refusal.detail);
    switch (*judged) {
        case Judged::forward: return go(exchange, Step::credential);
        case Judged::held: return go(exchange, Step::hold);
        case Judged::answered: break;
    }
    return go(exchange, Step::settle);
}

} // namespace weir::gateway
