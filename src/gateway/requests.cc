// gateway/requests.cc - scanning a request, telling its era, opening its session.
#include "gateway/requests.h"

#include "base/hash.h"
#include "gateway/worker.h"
#include "mcp/era.h"
#include "mcp/reply.h"
#include "mcp/sealed.h"

#include <algorithm>

namespace weir::gateway {
namespace {

mcp::RoutingHeaders routing_headers(const http::RequestHead& head) {
    const auto header = [&](http::FieldId id) { return mcp::Header{head.has(id), head.value(id)}; };
    return {header(http::FieldId::mcp_protocol_version), header(http::FieldId::mcp_method),
            header(http::FieldId::mcp_name)};
}

EndedSessions::Digest digest_of(std::string_view session_id) { return {hash64(session_id, 1), hash64(session_id, 2)}; }

/// An id that outlives the request's octets.
mcp::Id kept_id(const mcp::Id& id, Workspace& space) { return {space.copy(id.raw), space.copy(id.key), id.is_string}; }

/// Opens the Mcp-Session-Id of a legacy request, if it has one. A foreign one looks like an unknown one.
Result<void> open_session(Exchange& exchange) {
    const auto& head = exchange.head;
    if (!head.has(http::FieldId::mcp_session_id)) return {};
    Worker& worker = exchange.worker;
    const auto text = head.value(http::FieldId::mcp_session_id);
    const auto opened = worker.sealer.open_session(text, bond_of(exchange, {}), exchange.space);
    exchange.session_digest = digest_of(text);
    if (!opened || worker.ended_sessions.contains(exchange.session_digest)) return fail(Error::session_unknown);
    exchange.legacy_session = *opened;
    exchange.client_text = opened->client;
    return {};
}

/// A legacy request's header must name the revision its session agreed on.
Result<void> check_revision(Exchange& exchange) {
    const auto& head = exchange.head;
    const auto named = head.value(http::FieldId::mcp_protocol_version);
    if (head.has(http::FieldId::mcp_protocol_version) && !mcp::is_known_revision(named)) {
        exchange.refusal.detail = exchange.space.join({"protocol version ", named, " is not supported"});
        return fail(Error::protocol_unsupported);
    }
    if (!exchange.legacy_session || exchange.legacy_session->revision.empty()) return {};
    if (head.has(http::FieldId::mcp_protocol_version) && named != exchange.legacy_session->revision) {
        exchange.refusal.detail =
            exchange.space.join({"this session agreed on protocol version ", exchange.legacy_session->revision});
        return fail(Error::rpc_invalid);
    }
    exchange.revision = exchange.legacy_session->revision;
    return {};
}

/// GET and DELETE: legacy by nature.
Result<void> read_bodyless(Exchange& exchange) {
    exchange.era = mcp::Era::legacy;
    exchange.revision = mcp::assumed_revision;
    exchange.kind = mcp::Kind::notification;
    exchange.method_text = http::name_of(exchange.head.method);
    const auto named = exchange.head.value(http::FieldId::mcp_protocol_version);
    if (mcp::is_modern_revision(named)) return fail(Error::method_not_allowed);
    if (!named.empty()) exchange.revision = exchange.space.copy(named);
    if (const auto opened = open_session(exchange); !opened) return opened;
    if (const auto checked = check_revision(exchange); !checked) return checked;
    if (exchange.asked != Asked::open_stream || !exchange.head.has(http::FieldId::last_event_id)) return {};
    // Only an id that weir gave this principal on this session: any other might replay somebody else's stream.
    const std::string_view session =
        exchange.legacy_session ? exchange.legacy_session->upstream_id : std::string_view();
    const auto event = exchange.worker.sealer.open_event(exchange.head.value(http::FieldId::last_event_id),
                                                         bond_of(exchange, session), exchange.space);
    if (!event) return fail(Error::seal_invalid);
    exchange.last_event = event->upstream_id;
    exchange.resumed = event->method != mcp::Method::unknown;
    exchange.method = event->method;
    exchange.name = event->name;
    return {};
}

/// A client's name and version as one text, for the record and for policies; bounded.
std::string_view client_text_of(json::Value info, Workspace& space) {
    if (!info.is(json::Kind::object)) return {};
    const auto name = info.find("name").string(space).substr(0, 128),
               version = info.find("version").string(space).substr(0, 64);
    return version.empty() ? space.copy(name) : space.join({name, "/", version});
}

/// Keeps two requests with one id from being in flight on one legacy session: their answers could not be told apart.
Result<void> enter_flight(Exchange& exchange, const mcp::Id& id) {
    if (!exchange.legacy_session) return {};
    exchange.in_flight_digest = hash64(id.key, exchange.session_digest.low ^ (id.is_string ? 1 : 0));
    if (!exchange.worker.in_flight.insert(exchange.in_flight_digest)) return fail(Error::id_in_flight);
    exchange.in_flight = true;
    return {};
}

/// An initialize is never cancelled (2025-11-25, "cancellation"). It has no session yet, and neither has who would cancel it: what is in
/// flight on this worker is known by who asks whom under which id. Two with one id are one.
uint64_t initialize_digest(const Exchange& exchange, const mcp::Id& id) {
    const uint64_t who = hash64(exchange.principal->key, exchange.server->index);
    return hash64(id.key, who ^ (id.is_string ? 1 : 0));
}

void enter_initialize(Exchange& exchange) {
    exchange.in_flight_digest = initialize_digest(exchange, exchange.id);
    exchange.in_flight = exchange.worker.in_flight.insert(exchange.in_flight_digest);
}

bool cancels_initialize(Exchange& exchange) {
    if (exchange.method != mcp::Method::cancelled || exchange.legacy_session) return false;
    const auto id = mcp::read_id(exchange.message.params.find("requestId"), exchange.space);
    return id && exchange.worker.in_flight.contains(initialize_digest(exchange, id));
}

/// The Mcp-Param fields of a call to a tool whose definition went by here say the same as its arguments. A definition that
/// is at odds with a call may be older than the client's: it is forgotten, and the next call is the upstream's to check.
Result<void> check_params(Exchange& exchange) {
    if (exchange.method != mcp::Method::tools_call) return {};
    Worker& worker = exchange.worker;
    const auto* tool = worker.catalog.find(exchange.server->index, exchange.name);
    if (tool == nullptr) return {};
    constexpr size_t prefix = std::string_view("mcp-param-").size();
    for (const auto& mirrored : tool->mirrored) {
        mcp::Header header;
        for (const auto& field : exchange.head.fields)
            if (field.id == http::FieldId::mcp_param && mirrored.is_called(field.name.substr(prefix)))
                header = {true, field.value};
        if (mcp::check_param_header(mirrored.find(exchange.message.arguments), header, exchange.space)) continue;
        exchange.refusal.detail =
            exchange.space.join({"the Mcp-Param-", mirrored.header, " header and the argument disagree"});
        worker.catalog.forget(exchange.server->index, exchange.name);
        return fail(Error::header_mismatch);
    }
    return {};
}

Result<void> read_one(Exchange& exchange) {
    json::Value id;
    const auto message =
        mcp::read_message(json::Value::root(exchange.document), exchange.space, id, &exchange.refusal.detail);
    if (id) exchange.id = kept_id(mcp::read_id(id, exchange.space), exchange.space);
    if (!message) {
        if (mcp::is_modern_revision(exchange.head.value(http::FieldId::mcp_protocol_version)))
            exchange.era = mcp::Era::modern;
        return fail(message.error());
    }
    exchange.message = *message;
    exchange.kind = message->kind;
    exchange.method = message->method;
    const auto known = mcp::name_of(message->method);
    exchange.method_text = known.empty() ? exchange.space.copy(message->method_text) : known;
    exchange.name = exchange.space.copy(message->name);
    exchange.expects_answer = message->kind == mcp::Kind::request;
    const auto classified =
        mcp::classify(*message, routing_headers(exchange.head), exchange.space, exchange.refusal.detail);
    if (!classified) {
        // The refusal must look like the era that the client believes in.
        if (message->claimed_version ||
            mcp::is_modern_revision(exchange.head.value(http::FieldId::mcp_protocol_version)))
            exchange.era = mcp::Era::modern;
        if (classified.error() == Error::protocol_unsupported) {
            PaddedBytes data(exchange.worker.buffers);
            const auto offered = exchange.era == mcp::Era::modern ? mcp::modern_revisions : mcp::legacy_revisions;
            mcp::write_versions(data, offered,
                                message->claimed_version ? message->claimed_version.string(exchange.space)
                                                         : exchange.head.value(http::FieldId::mcp_protocol_version));
            exchange.refusal_data = exchange.space.copy(data.text());
        }
        return fail(classified.error());
    }
    exchange.era = classified->era;
    exchange.revision = exchange.space.copy(classified->revision);
    exchange.client_text = client_text_of(message->client_info, exchange.space);
    if (exchange.era == mcp::Era::modern)
        return check_params(exchange); // A session id is ignored there, and goes nowhere.
    if (const auto opened = open_session(exchange); !opened) return opened;
    if (exchange.method == mcp::Method::initialize) {
        exchange.wanted_revision = exchange.space.copy(message->params.find("protocolVersion").string(exchange.space));
        enter_initialize(exchange);
        return {};
    }
    if (cancels_initialize(exchange)) {
        exchange.refusal.detail = "an initialize cannot be cancelled";
        return fail(Error::rpc_invalid);
    }
    if (const auto checked = check_revision(exchange); !checked) return checked;
    return exchange.expects_answer ? enter_flight(exchange, exchange.id) : Result<void>();
}

/// The batch as a whole cannot be taken: why, and by which of its messages (0: by none alone).
std::unexpected<Error> refuse_batch(Exchange& exchange, Error error, std::string_view why, uint64_t number = 0) {
    PaddedBytes text(exchange.worker.buffers);
    text.append("the batch is refused: ");
    if (number != 0) {
        text.append("message ");
        text.append_number(number);
        text.append(": ");
    }
    text.append(why.empty() ? row_of(error).text : why);
    exchange.refusal.detail = exchange.space.copy(text.text());
    return fail(error);
}

/// A batch: only in a session that agreed on 2025-03-26, each element held to the rules of one message.
Result<void> read_batch(Exchange& exchange) {
    exchange.batch = true;
    exchange.method_text = "batch";
    exchange.revision = mcp::assumed_revision;
    if (const auto opened = open_session(exchange); !opened) return opened;
    if (!exchange.legacy_session || exchange.legacy_session->revision != mcp::assumed_revision)
        return fail(Error::batch_refused);
    if (const auto checked = check_revision(exchange); !checked) return checked;
    const auto elements = json::Value::root(exchange.document);
    const size_t count = elements.count();
    if (count == 0) return refuse_batch(exchange, Error::rpc_invalid, "it is empty");
    if (count > exchange.worker.limits.batch_elements_max)
        return refuse_batch(exchange, Error::rpc_invalid, "it has more messages than a batch may have");
    exchange.batch_requests = exchange.space.array<BatchRequest>(count);
    size_t requests = 0, calls = 0, answers = 0, number = 0;
    for (const auto element : elements.elements()) {
        json::Value id;
        std::string_view problem;
        ++number;
        const auto message = mcp::read_message(element, exchange.space, id, &problem);
        if (!message) return refuse_batch(exchange, message.error(), problem, number);
        if (message->method == mcp::Method::initialize)
            return refuse_batch(exchange, Error::rpc_invalid, "initialize is sent by itself", number);
        if (message->claimed_version)
            return refuse_batch(exchange, Error::rpc_invalid, "a message of 2026-07-28 is sent by itself", number);
        const bool answer = message->kind == mcp::Kind::result || message->kind == mcp::Kind::error;
        (answer ? answers : calls) += 1;
        if (message->kind != mcp::Kind::request) continue;
        const auto so_far = exchange.batch_requests.first(requests);
        if (std::ranges::find(so_far, message->id, &BatchRequest::id) != so_far.end())
            return refuse_batch(exchange, Error::rpc_invalid, "an earlier one has the same id", number);
        exchange.batch_requests[requests++] = {kept_id(message->id, exchange.space), message->method, false};
    }
    if (answers != 0 && calls != 0)
        return refuse_batch(exchange, Error::rpc_invalid, "answers go without requests and notifications");
    exchange.batch_requests = exchange.batch_requests.first(requests);
    exchange.kind = answers != 0 ? mcp::Kind::result : requests != 0 ? mcp::Kind::request : mcp::Kind::notification;
    exchange.expects_answer = requests != 0;
    exchange.answers_missing = static_cast<uint32_t>(requests);
    return {};
}

} // namespace

mcp::Bond bond_of(const Exchange& exchange, std::string_view upstream_session) {
    return {.principal = exchange.principal->key, .server = exchange.server->config->name, .session = upstream_session};
}

Result<void> read_request(Exchange& exchange) {
    if (exchange.asked != Asked::message) return read_bodyless(exchange);
    const auto document = exchange.worker.scanner.scan(exchange.body_view);
    if (!document) {
        if (mcp::is_modern_revision(exchange.head.value(http::FieldId::mcp_protocol_version)))
            exchange.era = mcp::Era::modern;
        return fail(document.error());
    }
    exchange.document = *document;
    return json::Value::root(exchange.document).is(json::Kind::array) ? read_batch(exchange) : read_one(exchange);
}

} // namespace weir::gateway
