// mcp/uri.h - whether a resource's URI has one reading: a policy that matches its text must speak for what a server opens.
//
// Not a parser, and no judge of schemes or hosts: weir sends URIs on as they came. Pure.
#pragma once

#include <string_view>

namespace weir::mcp {

/// Whether `uri` is free of what normalising (RFC 3986, sections 6.2.2.2 and 6.2.2.3) would change: path segments "." and
/// "..", behind a slash of either kind, and encoded letters, digits, '-', '.' and '_' anywhere. An encoded '~' is let
/// through: older encoders write it.
bool has_one_reading(std::string_view uri);

} // namespace weir::mcp
