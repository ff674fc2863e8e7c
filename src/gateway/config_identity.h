// gateway/config_identity.h - who may come: [[issuer]], and the keys of [[server]] that say whose tokens it takes and what
// they must allow. Only for config_*.cc.
#pragma once

#include "gateway/config_section.h"

namespace weir::gateway {

/// Reads one [[issuer]] into `config`, and notes what is wrong with it.
void read_issuer(Section& section, Problems& problems, Config& config);

/// No two issuers may be called alike, by weir or by their tokens.
void check_issuers(const Config& config, Problems& problems, const std::vector<toml::source_region>& places);

/// The names of scopes under `key`, each once.
std::vector<std::string> read_scopes(Section& section, std::string_view key, Problems& problems);

/// The issuers under `issuers`; all of them when it is not written.
std::vector<uint32_t> read_issuer_names(Section& section, Problems& problems, const Config& config);

/// Takes `anonymous`, `issuers`, `audience`, `api_keys`, `scopes`, `method_scopes` and `tool_scopes` of a [[server]]. The
/// issuers and listen addresses of `config` have been read; so has the server's path.
void read_access(Section& section, Problems& problems, const Config& config, ServerConfig& server);

} // namespace weir::gateway
