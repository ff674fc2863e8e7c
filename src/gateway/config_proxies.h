// gateway/config_proxies.h - `client_address` and `trusted_proxies` of [listen]. Only for config_*.cc.
#pragma once

#include "gateway/config_section.h"

namespace weir::gateway {

/// Takes both keys of [listen], which need each other.
void read_proxies(Section& listen, Problems& problems, Config& config);

} // namespace weir::gateway
