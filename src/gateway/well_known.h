// gateway/well_known.h - what clients read before they have a token: the metadata of each server as a protected resource
// (RFC 9728), and for clients of 2025-03-26, which look for their authorization server here, that one's own metadata.
//
// Public by nature: anybody may read them, from any page of a browser. Servers that take no tokens have none: 404.
#pragma once

#include "gateway/exchange.h"

#include <string_view>

namespace weir::gateway {

/// Whether `path` is below /.well-known/, where no server is.
bool is_well_known(std::string_view path);

/// Answers GET (and the question of a browser before it) for such a path. The Host was looked at.
Next answer_well_known(Exchange& exchange);

} // namespace weir::gateway
