// gateway/config_admin.h - [admin]: where pages and approvals are served, and whose tokens decide there. Only for config_*.cc.
#pragma once

#include "gateway/config_section.h"

namespace weir::gateway {

/// Takes the keys of [admin]. The listen addresses, certificates and issuers of `config` have been read.
void read_admin(Section& section, Problems& problems, Config& config);

} // namespace weir::gateway
