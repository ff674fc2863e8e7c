// json/number.h - the grammar of numbers (RFC 8259, section 6), and whether one fits a double (RFC 7493, section 2.2).
//
// Not a conversion: numbers stay text. Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir::json {

enum class NumberForm : uint8_t { none, fits, too_large };

/// What `token` is: no number; one that a double can come near (what is too small becomes zero); one beyond the
/// largest double.
NumberForm form_of_number(std::string_view token);

} // namespace weir::json
