// cli/target.h - which MCP endpoint a command means: a server of the configuration, through weir, or any URL.
#pragma once

#include "cli/commands.h"
#include "cli/mcp_client.h"

#include <expected>
#include <string>
#include <string_view>

namespace CLI {
class App;
}

namespace weir::gateway {
struct Config;
struct ListenAddress;
} // namespace weir::gateway

namespace weir::cli {

struct TargetOptions {
    std::string file;
    std::string url;
    std::string ca;           // a file of authorities for TLS in place of the system's
    std::string era = "auto"; // auto, modern, legacy
    std::string timeout = "60s";
};

void add_target_options(CLI::App& command, TargetOptions& options);

/// The endpoint that --url names. Anything else was told on standard error.
std::expected<Endpoint, Exit> endpoint_at_url(const TargetOptions& options);
/// The address alone, IPv6 without brackets.
std::string host_of(const gateway::ListenAddress& address);
/// The endpoint of `server` as clients of weir reach it.
Endpoint endpoint_of(const gateway::Config& config, std::string_view server, const TargetOptions& options = {});

/// Connects `client` as the options say, with the token of WEIR_TOKEN if there is one. Anything but ok was told on standard
/// error.
Exit connect(McpClient& client, const TargetOptions& options, std::string_view where);
/// Why a request failed on its way, told on standard error.
Exit told_failure(const McpClient& client, Error error, std::string_view where);
uint64_t timeout_ns(const TargetOptions& options);

} // namespace weir::cli
