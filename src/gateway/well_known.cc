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

/// What stands at `path`, into `out`. False: nothing.
bool write_page_of(Exchange& exchange, std::string_view path, PaddedBytes& out) {
    const Generation& generation = exchange.worker.generation();
    if (is_admin(exchange)) {
        if (path != std::string(resource).append(desk_path)) return false;
        write_desk(exchange, out);
        return true;
    }
    if (path.starts_with(resource)) {
        const Server* server = generation.route(path.substr(resource.size()));
        if (server == nullptr || server->config->issuers.empty()) return false;
        write_resource(exchange, *server->config, out);
        return true;
    }
    if (path != authorization_server) return false;
    // Such a client knows one authorization server for all that is here: the first.
    for (const Server& server : generation.servers) {
        if (server.config->issuers.empty()) continue;
        const std::string* metadata = exchange.worker.metadata_of(server.config->issuers.front());
        if (metadata == nullptr) return false;
        out.append(*metadata);
        return true;
    }
    return false;
}

} // namespace

bool is_well_known(std::string_view path) { return path.starts_with(place); }

Next answer_well_known(Exchange& exchange) {
    const auto& head = exchange.head;
    PaddedBytes body(exchange.worker.buffers);
    uint16_t status = 405;
    std::string_view more = "Allow: GET, OPTIONS\r\n";
    if (head.method == http::Method::options) {
        status = 204;
        more = preflight_lines;
    } else if (head.method == http::Method::get) {
        status = write_page_of(exchange, head.path, body) ? 200 : 404;
        more = lines;
    }
    if (head.framing != http::Framing::none) exchange.keep_alive = false;
    exchange.whole = true;
    exchange.origin = {}; // Every origin is told so already.
    write_answer(exchange, status, body.text(), more);
    exchange.client_link->consume(head.size);
    return go(exchange, Step::settle);
}

} // namespace weir::gateway
