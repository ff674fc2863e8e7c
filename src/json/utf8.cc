// json/utf8.cc - simdjson behind a face of our own.
#include "json/utf8.h"

#include <simdjson.h>

namespace weir::json {

bool valid_utf8(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

} // namespace weir::json
