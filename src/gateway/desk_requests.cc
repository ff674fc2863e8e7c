// gateway/desk_requests.cc - the admin listener's side of what people with tokens ask.
#include "gateway/desk_requests.h"

#include "gateway/desk_routes.h"
#include "gateway/local.h"
#include "gateway/people.h"
#include "gateway/well_known.h"
#include "gateway/worker.h"
#include "json/escape.h"

#include <algorithm>
#include <utility>

namespace weir::gateway {
namespace {

constexpr size_t body_bytes_max = size_t{64} << 10; // as at the control socket
constexpr uint64_t answer_ns_max = 15 * s_ns;       // the store takes 10 s at most to say that it cannot
constexpr std::string_view no_store = "Cache-Control: no-store\r\n";

Next answer_error(Exchange& exchange, uint16_t status, std::string_view name, std::string_view text,
                  std::string_view lines = no_store) {
    PaddedBytes body(exchange.worker.buffers);
    write_desk_error(body, name, text);
    exchange.client_link->consume(exchange.head.size);
    exchange.whole = exchange.head.framing == http::Framing::none;
    if (!exchange.whole || exchange.worker.draining()) exchange.keep_alive = false;
    write_answer(exchange, status, body.text(), lines);
    return go(exchange, Step::settle);
}

bool host_known(const http::Authority& host, const Generation& generation) {
    return std::ranges::any_of(generation.desk_hosts, [&](const http::Authority& known) {
        return http::authority_equal(known, host, generation.config.admin_tls ? 443 : 80);
    });
}

} // namespace

bool is_admin(const Exchange& exchange) {
    return exchange.client_link != nullptr && static_cast<Role>(exchange.client_link->role) == Role::admin;
}

void write_desk_error(PaddedBytes& out, std::string_view name, std::string_view text) {
    out.append(R"({"error":)");
    json::quote(name, out);
    out.append(R"(,"text":)");
    json::quote(text, out);
    out.append('}');
}

Next admit_person(Exchange& exchange) {
    Worker& worker = exchange.worker;
    const auto& head = exchange.head;
    exchange.asked = Asked::desk;
    if (worker.generation().desk.trusts.empty())
        return answer_error(exchange, 404, "not_served", "approvals are served here once `audience` is set in [admin]");
    if (!host_known(head.authority, worker.generation())) return refuse(exchange, Error::host_refused);
    if (head.find(http::FieldId::origin) != nullptr) return refuse(exchange, Error::origin_refused);
    if (is_well_known(head.path)) return answer_well_known(exchange);
    if (worker.draining()) return refuse_and_close(exchange, Error::draining);
    if (worker.overloaded()) return refuse_and_close(exchange, Error::overloaded);
    const bool posted = head.method == http::Method::post;
    if (!posted && head.method != http::Method::get)
        return answer_error(exchange, 405, "method_not_allowed", "tickets are read with GET, decisions made with POST",
                            "Allow: GET, POST\r\nCache-Control: no-store\r\n");
    if (head.framing == http::Framing::chunked)
        return answer_error(exchange, 411, "length_required", "the body must come with a Content-Length");
    if (posted && head.content_type != http::MediaType::json) return refuse(exchange, Error::media_type_unsupported);
    if (head.framing == http::Framing::length && head.content_length > body_bytes_max)
        return refuse_and_close(exchange, Error::body_too_large);
    return go(exchange, Step::authenticate);
}

bool ask_desk(Exchange& exchange) {
    Worker& worker = exchange.worker;
    if (!worker.options.calls.desk) return false;
    const auto& head = exchange.head;
    exchange.desk_until_ns = worker.now_ns() + answer_ns_max;
    return worker.options.calls.desk({.worker = worker.options.index,
                                      .waiter = worker.ref_of(exchange),
                                      .posted = head.method == http::Method::post,
                                      .path = std::string(head.path),
                                      .query = std::string(head.query),
                                      .body = std::string(exchange.body_view.text()),
                                      .who = decider_of(*exchange.principal),
                                      .if_match = head.joined("if-match"),
                                      .idempotency_key = head.joined("idempotency-key")});
}

void hear_desk(Worker& worker, post::DeskNews&& news) {
    Exchange* exchange = worker.find_exchange(news.waiter);
    if (exchange == nullptr || exchange->step != Step::desk) return;
    exchange->desk_news = std::make_unique<post::DeskNews>(std::move(news));
    worker.wake(*exchange);
}

Next step_desk(Exchange& exchange) {
    Worker& worker = exchange.worker;
    exchange.expired = false;
    net::Link* const link = exchange.client_link;
    if (link == nullptr || link->broken()) return go(exchange, Step::settle);
    if (exchange.desk_news != nullptr) {
        link->clear_deadline();
        if (worker.draining()) exchange.keep_alive = false;
        const post::DeskNews& news = *exchange.desk_news;
        const std::string lines = news.etag.empty() ? std::string() : "ETag: " + news.etag + "\r\n";
        write_answer(exchange, news.status, news.body, lines + std::string(no_store));
        return go(exchange, Step::settle);
    }
    if (worker.has_last_words() || worker.now_ns() >= exchange.desk_until_ns) {
        if (exchange.head.method != http::Method::post)
            return refuse(exchange, worker.has_last_words() ? Error::draining : Error::overloaded);
        PaddedBytes body(worker.buffers); // Nobody takes back what the clerk has.
        write_desk_error(body, decision_unknown, decision_unknown_text);
        exchange.keep_alive = false;
        write_answer(exchange, 504, body.text(), no_store);
        return go(exchange, Step::settle);
    }
    if (link->deadline_ns() != exchange.desk_until_ns) link->set_deadline(exchange.desk_until_ns);
    return Next::wait;
}

} // namespace weir::gateway
