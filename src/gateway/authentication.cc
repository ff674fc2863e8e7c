// gateway/authentication.cc - tokens to principals, and challenges.
#include "gateway/authentication.h"

#include "base/glob.h"
#include "base/log.h"
#include "gateway/certificates.h"
#include "gateway/desk_requests.h"
#include "gateway/worker.h"
#include "mcp/message.h"

#include <algorithm>

namespace weir::gateway {
namespace {

using identity::Challenge;

/// What is asked of who sends it.
const identity::Resource& resource_of(const Exchange& exchange) {
    return exchange.asked == Asked::desk ? exchange.worker.generation().desk : exchange.server->resource;
}

/// Adds `scope` to a list of words.
void add_word(PaddedBytes& words, std::string_view scope) {
    for (size_t at = 0; at < words.size();) { // "mcp:read" is no part of "mcp:read_all"
        const size_t end = std::min(words.text().find(' ', at), words.size());
        if (words.text().substr(at, end - at) == scope) return;
        at = end + 1;
    }
    if (words.size() != 0) words.append(' ');
    words.append(scope);
}

void add_words(PaddedBytes& words, const std::vector<std::string>& scopes) {
    for (const std::string& scope : scopes) add_word(words, scope);
}

/// The challenge as a header line. `error` and `scopes` may be empty. All of it is weir's own text or the configuration's:
/// nothing that a client sent is in it but its Host, which was compared with those that are served.
std::string_view challenge(Exchange& exchange, std::string_view error, std::string_view description,
                           std::string_view scopes) {
    PaddedBytes line(exchange.worker.buffers);
    line.append("WWW-Authenticate: Bearer");
    char before = ' '; // the first parameter; a comma stands before the others
    const auto add = [&](std::string_view name, std::initializer_list<std::string_view> value) {
        line.append(before == ' ' ? " " : ", ");
        before = ',';
        line.append(name);
        line.append("=\"");
        for (const std::string_view part : value) line.append(part);
        line.append('"');
    };
    if (!error.empty()) {
        add("error", {error});
        add("error_description", {description});
    }
    if (!scopes.empty()) add("scope", {scopes});
    // Who has no issuer has no metadata (gateway/well_known.h): a client that went there would find nothing.
    const bool desk = exchange.asked == Asked::desk;
    if (desk || !exchange.server->config->issuers.empty())
        add("resource_metadata", {base_url(exchange), "/.well-known/oauth-protected-resource",
                                  desk ? desk_path : std::string_view(exchange.server->config->path)});
    line.append("\r\nCache-Control: no-store\r\n");
    return exchange.space.copy(line.text());
}

constexpr std::string_view ended_text =
    "not executed: the access token ended while this call waited for approval; call again with a new token and exactly "
    "the same arguments";

/// Answers what stands in the row of the refusal, and tells the operator why.
Next refuse_token(Exchange& exchange, const identity::Refusal& refusal, std::string_view detail = {}) {
    const identity::Resource& resource = resource_of(exchange);
    exchange.worker.note_refused_token(resource.server, refusal);
    PaddedBytes scopes(exchange.worker.buffers);
    add_words(scopes, resource.scopes);
    switch (identity::row_of(refusal.error).challenge) {
        case Challenge::none:
            exchange.refusal.lines = challenge(exchange, {}, {}, scopes.text());
            return refuse(exchange, Error::token_missing);
        case Challenge::invalid_request:
            exchange.refusal.lines =
                challenge(exchange, "invalid_request", row_of(Error::token_malformed).text, scopes.text());
            return refuse(exchange, Error::token_malformed);
        case Challenge::invalid_token:
            exchange.refusal.lines =
                challenge(exchange, "invalid_token", row_of(Error::token_refused).text, scopes.text());
            return refuse(exchange, Error::token_refused, detail);
        case Challenge::insufficient_scope:
            exchange.refusal.lines =
                challenge(exchange, "insufficient_scope", row_of(Error::scope_missing).text, scopes.text());
            return refuse(exchange, Error::scope_missing);
        case Challenge::unavailable: return refuse(exchange, Error::identity_unavailable);
    }
    return refuse(exchange, Error::rpc_internal);
}

/// Who the client's certificate says it is. Nothing: it showed none, certificates say nothing at this server, or a token came.
std::optional<std::expected<identity::Accepted, identity::Refusal>> judge_certificate(Exchange& exchange,
                                                                                      uint64_t wall_ns) {
    if (exchange.asked == Asked::desk || !exchange.server->config->client_certificates ||
        exchange.head.has(http::FieldId::authorization))
        return std::nullopt;
    if (exchange.certified == nullptr && exchange.client_link != nullptr)
        exchange.certified = std::static_pointer_cast<const Certified>(exchange.client_link->vouched);
    if (exchange.certified == nullptr) return std::nullopt;
    const Certified& known = *exchange.certified;
    if (wall_ns / s_ns >= known.ends_unix_s) return std::unexpected(identity::Refusal{identity::TokenError::expired});
    if (!identity::missing_scope(known.principal, exchange.server->resource.scopes).empty())
        return std::unexpected(identity::Refusal{identity::TokenError::scope_missing});
    return identity::Accepted{
        .principal = {exchange.certified, &known.principal}, .begins_unix_s = 0, .ends_unix_s = known.ends_unix_s};
}

std::expected<identity::Accepted, identity::Refusal> judge_token(Exchange& exchange, uint64_t wall_ns) {
    Worker& worker = exchange.worker;
    if (auto known = judge_certificate(exchange, wall_ns)) return std::move(*known);
    return worker.authenticator.authenticate(exchange.head.value(http::FieldId::authorization), resource_of(exchange),
                                             {wall_ns / s_ns, worker.now_ns()}, address_key(exchange.from).value_or(0));
}

/// The scopes that `rules` ask for `name`, into `needed`.
void add_needed(const std::vector<ScopeRule>& rules, std::string_view name, PaddedBytes& needed) {
    for (const ScopeRule& rule : rules)
        if (glob_match(rule.glob, name)) add_words(needed, rule.scopes);
}

bool has_all(const identity::Principal& principal, std::string_view words) {
    while (!words.empty()) {
        const std::string_view scope = words.substr(0, words.find(' '));
        if (!principal.has_scope(scope)) return false;
        words.remove_prefix(std::min(words.size(), scope.size() + 1));
    }
    return true;
}

} // namespace

std::string_view base_url(Exchange& exchange) {
    const Config& config = exchange.worker.generation().config;
    if (is_admin(exchange))
        return exchange.space.join(
            {config.admin_tls ? "https://" : "http://", exchange.head.value(http::FieldId::host)});
    if (!config.public_url.empty()) return config.public_url;
    return exchange.space.join({"http://", exchange.head.value(http::FieldId::host)});
}

Next authenticate(Exchange& exchange) {
    Worker& worker = exchange.worker;
    net::Link* const link = exchange.client_link;
    if (link == nullptr || link->broken()) return go(exchange, Step::settle);
    const bool late = exchange.expired;
    exchange.expired = false;
    const uint64_t wall_ns = worker.ring.wall_ns();
    const auto accepted = judge_token(exchange, wall_ns);
    if (accepted) {
        exchange.who = accepted->principal;
        exchange.principal = exchange.who.get();
        const uint64_t ends_ns = accepted->ends_unix_s >= UINT64_MAX / s_ns ? UINT64_MAX : accepted->ends_unix_s * s_ns;
        const uint64_t left_ns = ends_ns - std::min(ends_ns, wall_ns);
        exchange.token_ends_wall_ns = ends_ns;
        exchange.token_ends_ns = left_ns >= UINT64_MAX - worker.now_ns() ? UINT64_MAX : worker.now_ns() + left_ns;
        return go(exchange, Step::scan);
    }
    const identity::Refusal& refusal = accepted.error();
    const bool keys = refusal == identity::TokenError::keys_missing || refusal == identity::TokenError::key_unknown;
    if (keys && !late && !worker.has_last_words() && worker.keys_on_their_way(refusal.issuer)) {
        const uint64_t until =
            exchange.keys_until_ns != 0 ? exchange.keys_until_ns : worker.now_ns() + keys_wait_ns_max;
        exchange.keys_until_ns = until;
        keep_head(exchange);
        if (link->deadline_ns() != until) link->set_deadline(until);
        return Next::wait;
    }
    return refuse_token(exchange, refusal);
}

bool token_over(const Exchange& exchange) {
    return exchange.worker.now_ns() >= exchange.token_ends_ns ||
           (exchange.token_ends_wall_ns != UINT64_MAX && exchange.worker.ring.wall_ns() >= exchange.token_ends_wall_ns);
}

std::optional<Next> judge_token_again(Exchange& exchange) {
    if (exchange.server->config->anonymous) return std::nullopt;
    if (token_over(exchange)) return refuse_ended_token(exchange);
    const auto accepted = judge_token(exchange, exchange.worker.ring.wall_ns());
    if (accepted) return std::nullopt;
    return refuse_token(exchange, accepted.error(), ended_text);
}

Next refuse_ended_token(Exchange& exchange) {
    return refuse_token(exchange, {identity::TokenError::expired}, ended_text);
}

Result<void> check_scopes(Exchange& exchange) {
    const ServerConfig& server = *exchange.server->config;
    if (server.method_scopes.empty() && server.tool_scopes.empty()) return {};
    PaddedBytes needed(exchange.worker.buffers);
    const auto add = [&](mcp::Method method, std::string_view method_text, std::string_view name) {
        add_needed(server.method_scopes, method_text, needed);
        if (method == mcp::Method::tools_call) add_needed(server.tool_scopes, name, needed);
    };
    if (exchange.batch) {
        Workspace& space = exchange.worker.scratch;
        for (const auto element : json::Value::root(exchange.document).elements()) {
            json::Value id;
            const auto message = mcp::read_message(element, space, id);
            if (message) add(message->method, message->method_text, message->name);
        }
    } else if (exchange.asked == Asked::open_stream && exchange.resumed) { // the rest of another request's answer
        add(exchange.method, mcp::name_of(exchange.method), exchange.name);
    } else {
        add(exchange.method, exchange.method_text, exchange.name);
    }
    if (has_all(*exchange.principal, needed.text())) return {};
    PaddedBytes all(exchange.worker.buffers);
    add_words(all, server.scopes);
    for (std::string_view left = needed.text(); !left.empty();) {
        const std::string_view scope = left.substr(0, left.find(' '));
        add_word(all, scope);
        left.remove_prefix(std::min(left.size(), scope.size() + 1));
    }
    exchange.refusal.lines = challenge(exchange, "insufficient_scope", row_of(Error::scope_missing).text, all.text());
    exchange.worker.note_refused_token(exchange.server->resource.server, {identity::TokenError::scope_missing});
    return fail(Error::scope_missing);
}

// What a worker does for it.

bool Worker::keys_on_their_way(uint32_t issuer) {
    KeysAsked& asked = keys_asked_[issuer];
    if (asked.awaited && now_ns() < asked.at_ns + keys_wait_ns_max) return true;
    const uint64_t apart_ns = generation().config.issuers[issuer].refetch_ns_min;
    if (!options.calls.want_keys || (asked.at_ns != 0 && now_ns() < asked.at_ns + apart_ns)) return false;
    asked = {now_ns(), true};
    options.calls.want_keys(issuer);
    return true;
}

void Worker::hear_keys(uint32_t issuer, const IssuerNews& news) {
    keys_asked_[issuer].awaited = false;
    if (news.changed) authenticator.set_keys(issuer, news.keys);
    issuer_metadata_[issuer] = news.metadata;
    exchanges_.each([this](Exchange& exchange) {
        if (exchange.step == Step::authenticate) wake(exchange);
    });
}

void Worker::note_refused_token(std::string_view server, const identity::Refusal& refusal) {
    if (refusal == identity::TokenError::missing) return; // the first request of every client
    ++tokens_refused_;
    if (now_ns() < tokens_told_ns_ + s_ns) return;
    tokens_told_ns_ = now_ns();
    const auto& issuers = generation().config.issuers;
    log::warn("token_refused",
              {{"server", server},
               {"reason", identity::row_of(refusal.error).name},
               {"detail", refusal.detail},
               {"issuer", refusal.issuer < issuers.size() ? std::string_view(issuers[refusal.issuer].name) : ""},
               {"text", identity::row_of(refusal.error).text},
               {"since_last", std::to_string(std::exchange(tokens_refused_, 0))}});
}

} // namespace weir::gateway
