// gateway/well_known.cc - /.well-known/oauth-protected-resource/... and /.well-known/oauth-authorization-server.
#include "gateway/well_known.h"

#include "gateway/authentication.h"
#include "gateway/desk_requests.h"
#include "gateway/local.h"
#include "gateway/worker.h"
#include "json/escape.h"

#include <algorithm>

namespace weir::gateway {
namespace {

constexpr std::string_view place = "/.well-known/", resource = "/.well-known/oauth-protected-resource",
                           authorization_server = "/.well-known/oauth-authorization-server";
constexpr std::string_view lines = "Access-Control-Allow-Origin: *\r\nCache-Control: max-age=300\r\n";
constexpr std::string_view later_lines =
    "Access-Control-Allow-Origin: *\r\nCache-Control: no-store\r\nRetry-After: 1\r\n";
constexpr std::string_view preflight_lines =
    "Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Methods: GET\r\n"
    "Access-Control-Allow-Headers: mcp-protocol-version\r\nAccess-Control-Max-Age: 600\r\n";

void write_list(PaddedBytes& out, const std::vector<std::string>& texts) {
    out.append('[');
    for (size_t i = 0; i < texts.size(); ++i) {
        if (i != 0) out.append(',');
        json::quote(texts[i], out);
    }
    out.append(']');
}

/// Issuers as authorization servers. One of many tenants is one for each.
std::vector<std::string> authorization_servers(const Generation& generation, const std::vector<uint32_t>& issuers) {
    std::vector<std::string> urls;
    for (const uint32_t index : issuers) {
        const identity::Issuer& issuer = generation.issuers[index];
        if (issuer.url.find(identity::Issuer::tenant_place) == std::string::npos) urls.push_back(issuer.url);
        else
            for (const std::string& tenant : issuer.tenants) urls.push_back(issuer.url_for(tenant));
    }
    return urls;
}

/// RFC 9728, section 2. The resource is what the client calls it: it compares.
void write_resource(Exchange& exchange, const ServerConfig& server, PaddedBytes& out) {
    out.append(R"({"resource":)");
    json::quote(exchange.space.join({base_url(exchange), server.path}), out);
    out.append(R"(,"authorization_servers":)");
    write_list(out, authorization_servers(exchange.worker.generation(), server.issuers));
    out.append(R"(,"bearer_methods_supported":["header"],"resource_name":)");
    json::quote(server.name, out);
    if (!server.scopes.empty()) {
        out.append(R"(,"scopes_supported":)");
        write_list(out, server.scopes);
    }
    out.append('}');
}

/// The same for approvals at the admin listener; `dev.weir/login` is what `weir login` needs besides.
void write_desk(Exchange& exchange, PaddedBytes& out) {
    const Generation& generation = exchange.worker.generation();
    const DecidersConfig& deciders = generation.config.deciders;
    out.append(R"({"resource":)");
    json::quote(exchange.space.join({base_url(exchange), desk_path}), out);
    out.append(R"(,"authorization_servers":)");
    write_list(out, authorization_servers(generation, deciders.issuers));
    out.append(R"(,"bearer_methods_supported":["header"],"resource_name":"weir approvals")");
    if (!deciders.scopes.empty()) {
        out.append(R"(,"scopes_supported":)");
        write_list(out, deciders.scopes);
    }
    if (!deciders.login_client.empty()) {
        const identity::Issuer& issuer = generation.issuers[deciders.login_issuer];
        out.append(R"(,"dev.weir/login":{"issuer":)");
        json::quote(issuer.tenants.empty() ? issuer.url : issuer.url_for(issuer.tenants.front()), out);
        out.append(R"(,"metadata_url":)");
        json::quote(metadata_url_of(issuer), out);
        out.append(R"(,"client_id":)");
        json::quote(deciders.login_client, out);
        out.append(R"(,"audience":)");
        json::quote(deciders.audiences.front(), out);
        out.append(R"(,"scopes":)");
        write_list(out, deciders.login_scopes);
        out.append('}');
    }
    out.append('}');
}

/// What stands at `path`, into `out`, under its status.
uint16_t write_page_of(Exchange& exchange, std::string_view path, PaddedBytes& out) {
    Worker& worker = exchange.worker;
    const Generation& generation = worker.generation();
    if (is_admin(exchange)) {
        if (path != std::string(resource).append(desk_path)) return 404;
        write_desk(exchange, out);
        return 200;
    }
    if (path.starts_with(resource)) {
        const Server* server = generation.route(path.substr(resource.size()));
        if (server == nullptr || server->config->issuers.empty()) return 404;
        write_resource(exchange, *server->config, out);
        return 200;
    }
    if (path != authorization_server) return 404;
    // Such a client knows one authorization server for all that is here: the first. A 404 tells it that weir is that server
    // itself, so there is none while the metadata are on their way.
    for (const Server& server : generation.servers) {
        if (server.config->issuers.empty()) continue;
        const uint32_t issuer = server.config->issuers.front();
        const std::string* metadata = worker.metadata_of(issuer);
        if (metadata != nullptr) out.append(*metadata);
        else if (!generation.issuers[issuer].keys_url.empty()) return 404; // Nobody fetches them.
        else worker.keys_on_their_way(issuer);
        return metadata != nullptr ? 200 : 503;
    }
    return 404;
}

} // namespace

bool is_well_known(std::string_view path) { return path.starts_with(place); }

Next answer_well_known(Exchange& exchange) {
    const auto& head = exchange.head;
    PaddedBytes body(exchange.worker.buffers);
    uint16_t status = 405;
    std::string_view more = "Allow: GET, HEAD, OPTIONS\r\n";
    if (head.method == http::Method::options) {
        status = 204;
        more = preflight_lines;
    } else if (head.method == http::Method::get || head.method == http::Method::head) {
        status = write_page_of(exchange, head.path, body);
        more = status == 503 ? later_lines : lines;
    }
    if (head.framing != http::Framing::none) exchange.keep_alive = false;
    exchange.whole = true;
    exchange.origin = {}; // Every origin is told so already.
    write_answer(exchange, status, body.text(), more);
    exchange.client_link->consume(head.size);
    return go(exchange, Step::settle);
}

} // namespace weir::gateway
