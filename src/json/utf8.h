// json/utf8.h - whether octets are UTF-8 (RFC 3629): nothing overlong, no surrogates, nothing above U+10FFFF.
//
// Pure. The only file pair that knows simdjson (3.0 and later), which does this with the processor's widest vectors.
#pragma once

#include <string_view>

namespace weir::json {

bool valid_utf8(std::string_view text);

} // namespace weir::json
