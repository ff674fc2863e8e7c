// gateway/tls_files.h - from the files that a configuration names to what TLS is made of, and what is odd about them.
//
// Reads files and tries what they hold; keeps no copy of a key but in what it returns. Any thread that may block.
#pragma once

#include "gateway/config.h"
#include "net/tls_setup.h"

#include <expected>
#include <memory>
#include <string>
#include <vector>

namespace weir::gateway {

/// What clients are shown and asked for. All that is wrong with it, each at the line of its table.
std::expected<std::shared_ptr<const net::TlsServerOptions>, ConfigProblems> load_listen_tls(
    const Config& config, const net::TlsTicketSecret* tickets);

/// Whom an https server must prove to be, as its files say now. Or what is wrong with them.
std::expected<std::shared_ptr<const net::TlsClientOptions>, std::string> load_server_tls(const ServerConfig& server);

/// The file of those authorities; empty: there are none but pins.
std::string authorities_file(const ServerConfig& server);

/// What is wrong with a file of authorities; empty: nothing.
std::string authorities_problem(const std::string& file);

/// Certificates that have expired or soon will, keys that are dear, names that nobody asks for.
ConfigProblems tls_warnings(const Config& config, uint64_t unix_s);

/// The files whose change changes what clients are shown and asked for.
std::vector<std::string> listen_tls_files(const Config& config);

} // namespace weir::gateway
