// cli/target.cc - from options to a connected client, and from transport errors to exit codes.
#include "cli/target.h"

#include "base/ip_address.h"
#include "cli/config_option.h"
#include "cli/output.h"
#include "gateway/config_values.h"
#include "identity/issuer.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>

namespace weir::cli {
namespace {

std::string given_token() {
    const char* const given = std::getenv("WEIR_TOKEN");
    return given == nullptr ? "" : given;
}

/// Where the connection goes, whatever name the endpoint is asked for by.
std::string place_of(const Endpoint& endpoint) {
    return (endpoint.tls ? "https://" : "http://") + endpoint.host_and_port();
}

} // namespace

void add_target_options(CLI::App& command, TargetOptions& options) {
    add_config_option(command, options.file);
    command.add_option("--url", options.url, "speak to this endpoint instead, as in https://weir.example/mcp/files");
    command.add_option("--ca", options.ca, "a file of authorities for it, in place of the system's")->type_name("FILE");
    command.add_option("--era", options.era, "auto, modern (2026-07-28) or legacy (initialize)")
        ->check(CLI::IsMember({"auto", "modern", "legacy"}))
        ->capture_default_str();
    command.add_option("--timeout", options.timeout, "how long to wait while nothing comes")
        ->check([](const std::string& text) {
            const auto ns = gateway::parse_duration(text);
            return ns && *ns >= ms_ns && *ns <= 86'400 * s_ns ? std::string() : "write a duration such as 30s";
        })
        ->capture_default_str();
}

uint64_t timeout_ns(const TargetOptions& options) {
    return gateway::parse_duration(options.timeout).value_or(60 * s_ns);
}

std::expected<Endpoint, Exit> endpoint_at_url(const TargetOptions& options) {
    auto endpoint = read_endpoint(options.url);
    if (!endpoint) {
        complain("--url must be an http:// or https:// URL");
        return std::unexpected(Exit::usage);
    }
    endpoint->ca = options.ca;
    return std::move(*endpoint);
}

std::string host_of(const gateway::ListenAddress& address) {
    return std::string(without_brackets(std::string_view(address.text).substr(0, address.text.rfind(':'))));
}

Endpoint endpoint_of(const gateway::Config& config, std::string_view server, const TargetOptions& options) {
    Endpoint out;
    for (const auto& each : config.servers) {
        if (each.name == server) out.target = each.path;
    }
    const auto& address = config.addresses.front();
    out.port = address.port;
    out.host = host_of(address);
    if (out.host == "0.0.0.0") out.host = "127.0.0.1";
    if (out.host == "::") out.host = "::1";
    out.authority = config.hosts.front(); // one that weir accepts, wherever it is reached
    out.tls = !config.tls.certificates.empty();
    out.ca = options.ca;
    return out;
}

Exit told_failure(const McpClient& client, Error error, std::string_view where) {
    if (client.status() == 404) {
        complain(printable(fmt::format("{}: no MCP server is at this path (HTTP 404)", where)));
        return Exit::not_found;
    }
    const bool unknown_here = client.status() == 401 && given_token().empty();
    complain(
        printable(fmt::format("{}: {}{}", where, client.why().empty() ? std::string(row_of(error).text) : client.why(),
                              unknown_here ? ": put one into WEIR_TOKEN" : "")));
    if (error == Error::request_timeout) return Exit::timed_out;
    return error == Error::io_failed ? Exit::unreachable : Exit::failed;
}

Exit connect(McpClient& client, const TargetOptions& options, std::string_view where) {
    const Era era = options.era == "modern" ? Era::modern : options.era == "legacy" ? Era::legacy : Era::unknown;
    if (std::string token = given_token(); !token.empty()) {
        if (!identity::may_fetch(place_of(client.endpoint()))) {
            complain(printable(fmt::format("{}: a token is sent by https only (by http within this machine)", where)));
            return Exit::usage;
        }
        if (!std::ranges::all_of(token, [](char c) { return c > ' ' && c <= '~'; })) {
            complain("WEIR_TOKEN has characters that no token has");
            return Exit::usage;
        }
        client.come_with(std::move(token));
    }
    const auto connected = client.connect(era);
    return connected ? Exit::ok : told_failure(client, connected.error(), where);
}

} // namespace weir::cli
