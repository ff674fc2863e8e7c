// gateway/config_credential.h - the key `credential` of [[server]]. Only for config_*.cc.
#pragma once

#include "gateway/config_section.h"

namespace weir::gateway {

/// Takes `credential` of `server` into `config`, and notes what is wrong with it. `forward_headers` have been read.
void read_credential(Section& server, Problems& problems, const std::string& directory, ServerConfig& config);

} // namespace weir::gateway
