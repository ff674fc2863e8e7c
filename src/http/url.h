// http/url.h - authorities (host and port), origins and the URLs of configured upstreams.
//
// Pure, owns nothing: every view points into the text that was read. Strict where RFC 3986 is generous: a host is an
// IPv6 literal in brackets or letters, digits, '.', '-' and '_'; no user information, no zone, no percent-encoding in
// a host, no fragment. Nothing is resolved or normalised; hosts compare case-insensitively.
#pragma once

#include "base/result.h"

#include <cstdint>
#include <string_view>

namespace weir::http {

/// host [":" port]. The host of an IPv6 literal includes its brackets.
struct Authority {
    std::string_view host;
    uint16_t port = 0; // 0: none was given
};

/// Reads an authority, the whole of `text`. invalid: anything else, also an empty host or port, or port 0.
Result<Authority> read_authority(std::string_view text);

/// Whether both name the same host and port, where a missing port is `default_port`.
bool authority_equal(const Authority& a, const Authority& b, uint16_t default_port);

/// scheme "://" authority, as browsers send it in Origin (RFC 6454 section 7).
struct Origin {
    std::string_view scheme;
    Authority authority;
};

/// Reads one origin. invalid: "null", a list, a path, user information, an unknown shape.
Result<Origin> read_origin(std::string_view text);

/// Same scheme, host and port; a missing port is the scheme's (http 80, https 443).
bool origin_equal(const Origin& a, const Origin& b);

/// An absolute URL of an upstream.
struct Url {
    bool tls = false;           // https
    std::string_view authority; // as written: what Host is to say
    std::string_view host;      // with the brackets of an IPv6 literal
    uint16_t port = 0;          // given, or 80 or 443
    std::string_view target;    // path and query, as they go into a request line; "/" if there is none
};

/// Reads `http://host[:port][/path][?query]` or the same with https. invalid: anything else.
Result<Url> read_url(std::string_view text);

/// The path and the query of a request target.
struct Target {
    std::string_view path;
    std::string_view query; // without its '?'
};

/// Reads an origin-form target: octets of RFC 3986 section 3.3 and 3.4 only, well-formed percent-encodings that encode
/// no control character, and a path that no server reads in two ways: no segment "." or "..", no %2e, %2f or %5c.
/// invalid: anything else.
Result<Target> read_target(std::string_view text);

} // namespace weir::http
