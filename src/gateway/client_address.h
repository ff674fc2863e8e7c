// gateway/client_address.h - for whom a request comes that a proxy passed on.
//
// Pure. What a proxy says counts only when the proxy is trusted; whether it is, the caller has asked.
#pragma once

#include "base/ip_address.h"
#include "base/result.h"
#include "http/fields.h"

#include <span>

namespace weir::gateway {

/// The last address of X-Forwarded-For that is not one of `trusted`: the first ones are whatever a client wrote. The first
/// when all are trusted; `proxy`, who sent this, when there is no such field. Entries may have a port.
///
/// Errors:
///   head_malformed  the entry that would count is no address
Result<IpAddress> forwarded_for(const http::FieldSet& fields, const IpAddress& proxy, std::span<const IpRange> trusted);

} // namespace weir::gateway
