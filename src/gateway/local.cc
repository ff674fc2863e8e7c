// gateway/local.cc - refusals, admin pages, and how an exchange ends.
#include "gateway/local.h"

#include "gateway/desk_requests.h"
#include "gateway/hold.h"
#include "gateway/record_entries.h"
#include "gateway/stream.h"
#include "gateway/worker.h"
#include "http/url.h"
#include "http/write.h"
#include "mcp/reply.h"

#include <algorithm>

namespace weir::gateway {
namespace {

void write_status_line(PaddedBytes& out, uint16_t status) {
    // The common ones as constants: the rest by HeadWriter's table.
    if (status == 200) return out.append("HTTP/1.1 200 OK\r\n");
    if (status == 202) return out.append("HTTP/1.1 202 Accepted\r\n");
    out.append("HTTP/1.1 ");
    out.append_number(status);
    out.append(' ');
    out.append(http::reason_of(status));
    out.append("\r\n");
}

/// What a refusal adds to the head.
std::string_view lines_of(Error error, bool admin) {
    switch (row_of(error).status) {
        case 405: return admin ? "Allow: GET, HEAD\r\n" : "Allow: GET, POST, DELETE\r\n";
        case 429: return "Retry-After: 10\r\n";
        case 503: return "Retry-After: 1\r\n";
        default: return {};
    }
}

/// Whether the client has not read anything for too long: then there is nothing to wait for.
bool stalled(Exchange& exchange) {
    net::Link& link = *exchange.client_link;
    if (link.broken() || !link.usable()) return true;
    const uint64_t now = exchange.worker.now_ns(), most = exchange.worker.limits.write_stall_ns_max;
    if (link.bytes_out() != exchange.client_progress || exchange.client_progress_ns == 0) {
        exchange.client_progress = link.bytes_out();
        exchange.client_progress_ns = now;
        link.set_deadline(now + most);
    }
    if (now < exchange.client_progress_ns + most) return false;
    exchange.worker.counters.stalled_clients.add();
    link.close();
    return true;
}

} // namespace

bool host_served(const http::Authority& host, const Generation& generation) {
    return std::ranges::any_of(generation.hosts, [&](const http::Authority& served) {
        // The port that a Host without one means.
        return http::authority_equal(served, host, generation.tls_server ? 443 : 80);
    });
}

bool origin_allowed(std::string_view origin, const Generation& generation) {
    const auto asked = http::read_origin(origin);
    return asked && std::ranges::any_of(generation.origins,
                                        [&](const http::Origin& known) { return http::origin_equal(known, *asked); });
}

void append_cors_lines(const Exchange& exchange, PaddedBytes& out) {
    if (exchange.origin.empty()) return;
    out.append("Access-Control-Allow-Origin: ");
    out.append(exchange.origin);
    out.append("\r\nVary: Origin\r\nAccess-Control-Expose-Headers: mcp-session-id, www-authenticate\r\n");
}

Next answer_preflight(Exchange& exchange) {
    PaddedBytes lines(exchange.worker.buffers);
    lines.append(
        "Access-Control-Allow-Methods: GET, POST, DELETE\r\n"
        "Access-Control-Allow-Headers: authorization, content-type, accept, mcp-protocol-version, mcp-session-id, "
        "last-event-id, mcp-method, mcp-name");
    // Mcp-Param-{X} has no end of names: those that this client asks for are the ones it needs.
    const auto asked = exchange.head.value(http::FieldId::access_control_request_headers);
    for (size_t at = 0; at < asked.size();) {
        const size_t comma = std::min(asked.find(',', at), asked.size());
        auto name = asked.substr(at, comma - at);
        while (!name.empty() && name.front() == ' ') name.remove_prefix(1);
        if (http::field_id(name) == http::FieldId::mcp_param) {
            lines.append(", ");
            lines.append(name);
        }
        at = comma + 1;
    }
    lines.append("\r\nAccess-Control-Max-Age: 600\r\n");
    exchange.client_link->consume(exchange.head.size);
    exchange.whole = true;
    write_answer(exchange, 204, {}, lines.text());
    return go(exchange, Step::settle);
}

namespace {

/// The head of a whole answer; false: nobody can be answered any more.
bool write_answer_head(Exchange& exchange, uint16_t status, size_t body_bytes, std::string_view more,
                       std::string_view type) {
    net::Link* link = exchange.client_link;
    if (link == nullptr || exchange.committed) return false;
    exchange.committed = true;
    exchange.status = status;
    PaddedBytes& out = link->out();
    write_status_line(out, status);
    if (body_bytes != 0) {
        out.append("Content-Type: ");
        out.append(type);
        out.append("\r\n");
    }
    out.append(more);
    append_cors_lines(exchange, out);
    if (!exchange.keep_alive) out.append("Connection: close\r\n");
    if (status != 204) { // which has no body by definition
        out.append("Content-Length: ");
        out.append_number(body_bytes);
        out.append("\r\n");
    }
    out.append("\r\n");
    return true;
}

void let_go(Exchange& exchange) {
    if (exchange.awaited_seq == 0) exchange.worker.flush_later(*exchange.client_link); // else step_settle lets it go
}

} // namespace

void write_answer(Exchange& exchange, uint16_t status, std::string_view body, std::string_view more,
                  std::string_view type) {
    if (exchange.on_stream) return send_last_event(exchange, body);
    if (!write_answer_head(exchange, status, body.size(), more, type)) return;
    if (exchange.head.method != http::Method::head) exchange.client_link->out().append(body); // RFC 9110 section 9.3.2
    let_go(exchange);
}

void pass_answer(Exchange& exchange, uint16_t status, net::Link::Taken body, std::string_view more) {
    if (exchange.on_stream) return send_last_event(exchange, body.text());
    if (!write_answer_head(exchange, status, body.size(), more, "application/json")) return;
    exchange.client_link->send_body(std::move(body));
    let_go(exchange);
}

Next refuse(Exchange& exchange, Error error, std::string_view detail) {
    exchange.refusal.error = error;
    exchange.refusal.detail = detail;
    return go(exchange, Step::refuse);
}

Next refuse_and_close(Exchange& exchange, Error error, std::string_view detail) {
    exchange.refusal.framing_lost = true;
    return refuse(exchange, error, detail);
}

Next step_refuse(Exchange& exchange) {
    Worker& worker = exchange.worker;
    const auto& row = row_of(exchange.refusal.error);
    const uint16_t status = exchange.refusal.status != 0 ? exchange.refusal.status : row.status;
    const int32_t code = row.code == 0 ? row_of(Error::rpc_invalid).code : row.code;
    if (exchange.parting) { // Nobody is told.
        record_refused(exchange, status, code, {});
        return go(exchange, Step::settle);
    }
    worker.counters.refused[static_cast<size_t>(exchange.refusal.error)].add();
    worker.counters.local_answers.add();
    // A body that was not read is not known to end where we think it does; a head alone is done with.
    if (!exchange.whole && exchange.head.framing != http::Framing::none) exchange.keep_alive = false;
    else if (!exchange.whole && !exchange.head_kept && exchange.client_link != nullptr)
        exchange.client_link->consume(exchange.head.size);
    if (exchange.refusal.framing_lost || worker.draining()) exchange.keep_alive = false;
    // A notification is never answered with a message, but its sender must learn that it went nowhere.
    PaddedBytes body(worker.buffers);
    const std::string_view text = exchange.refusal.detail.empty() ? row.text : exchange.refusal.detail;
    if (exchange.asked == Asked::desk) write_desk_error(body, row.name, text);
    else
        mcp::write_error(
            body,
            {.id = exchange.id.raw, .era = exchange.era, .code = code, .message = text, .data = exchange.refusal_data});
    record_refused(exchange, status, code, body.text());
    const std::string_view lines = exchange.refusal.lines;
    write_answer(exchange, status, body.text(),
                 lines.empty() ? lines_of(exchange.refusal.error, is_admin(exchange)) : lines);
    return go(exchange, Step::settle);
}

Next step_settle(Exchange& exchange) {
    Worker& worker = exchange.worker;
    if (exchange.awaited_seq != 0 && exchange.client_link != nullptr) { // strict: the last bytes wait for their entry
        if (!worker.record().failed() && worker.record().durable_seq() < exchange.awaited_seq) return Next::wait;
        exchange.awaited_seq = 0;
        worker.flush_later(*exchange.client_link);
    }
    // What was approved and has run is kept until its answer has left for somebody.
    if (detached(exchange) && exchange.client_link != nullptr && exchange.committed &&
        !exchange.client_link->flushed() && !stalled(exchange)) {
        exchange.client_link->await_sent();
        return Next::wait;
    }
    end_hold(exchange);
    if (exchange.upstream != nullptr) {
        exchange.upstream->owner = nullptr;
        exchange.upstream->close();
        exchange.upstream = nullptr;
    }
    if (net::Link* link = exchange.client_link; link != nullptr) {
        const bool waits =
            link->body_waits() || (!link->flushed() && link->unsent() > worker.limits.write_queue_bytes_max);
        // The next request of this link begins when this answer has left: one answer at a time keeps memory bounded.
        // Nothing was said and nothing can be said any more; or a stream was begun that nobody ends: nothing may follow it.
        if (!exchange.committed || exchange.on_stream) {
            link->close();
        } else if (!exchange.keep_alive) {
            link->linger();
        } else if (waits && !stalled(exchange)) {
            return Next::wait;
        }
    }
    exchange.step = Step::done;
    return Next::done;
}

Next answer_page(Exchange& exchange) {
    Worker& worker = exchange.worker;
    PaddedBytes body(worker.buffers);
    Page page{.status = 405};
    if (exchange.head.method == http::Method::get || exchange.head.method == http::Method::head)
        page = worker.options.calls.page(exchange.head.path, body);
    exchange.client_link->consume(exchange.head.size);
    exchange.whole = exchange.head.framing == http::Framing::none;
    if (!exchange.whole) exchange.keep_alive = false;
    write_answer(exchange, page.status, body.text(), page.status == 405 ? "Allow: GET, HEAD\r\n" : std::string_view(),
                 page.type);
    return go(exchange, Step::settle);
}

} // namespace weir::gateway
