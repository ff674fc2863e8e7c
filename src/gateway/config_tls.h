// gateway/config_tls.h - [listen.tls], [[certificate]], and `ca` and `pin` of [[server]]. Only for config_*.cc.
//
// Only what the file says: what is in the files it names is looked at by gateway/tls_files.h.
#pragma once

#include "gateway/config_section.h"

namespace weir::gateway {

/// Takes `tls` and `without_tls` of [listen].
void read_listen_tls(Section& listen, Problems& problems, const std::string& directory, Config& config);
/// Takes every [[certificate]].
void read_certificates(Section& top, Problems& problems, const std::string& directory, Config& config);
/// Takes `ca` and `pin` of a server, whose url has been read.
void read_server_tls(Section& server, Problems& problems, const std::string& directory, ServerConfig& config);
/// What these need of each other and of the addresses.
void check_tls(const toml::table* listen, Problems& problems, const Config& config);

} // namespace weir::gateway
