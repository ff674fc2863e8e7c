// net/proxy_header.h - the PROXY protocol, version 2: what a proxy says of a connection before anything else is said on it.
//
// After "The PROXY protocol, versions 1 & 2" of HAProxy (2020/03/05), section 2.2, and stricter than it: lengths must add up,
// a checksum that is there must be right, and a connection that is passed on must say from where. Version 1 is not read.
//
// Pure: no I/O, nothing kept between calls. While a header is incomplete the caller receives more and asks again.
#pragma once

#include "base/ip_address.h"
#include "base/result.h"

#include <string_view>

namespace weir::net {

/// Of a whole header. Addresses take 52; the rest is for what proxies add (a name, a certificate's).
inline constexpr size_t proxy_header_bytes_max = 2048;

struct ProxyHeader {
    size_t size = 0; // octets of it: what follows is the connection's own
    IpAddress from;  // no address: the proxy speaks for itself (a health check)
};

/// Reads the header at the front of `bytes`.
///
/// Errors:
///   incomplete      what is there may be the beginning of one: receive more and call again
///   head_malformed  it is none, or one that passes on a connection from nowhere (a local socket, a datagram): close
///   head_too_large  over proxy_header_bytes_max: close
Result<ProxyHeader> read_proxy_header(std::string_view bytes);

} // namespace weir::net
