// identity/bearer.h - the token in an Authorization field (RFC 6750, section 2.1). Nowhere else: tokens in bodies and
// queries are never looked for. Pure.
#pragma once

#include "identity/token_error.h"

#include <expected>
#include <string_view>

namespace weir::identity {

/// The token of the field's value (without white space around it), a view into it.
///
/// Errors: missing when `value` is empty; scheme_unknown for another scheme; field_malformed when there is not exactly
/// one token of the characters that RFC 6750 gives it. That the field occurs once is for the caller to see.
std::expected<std::string_view, Refusal> read_bearer(std::string_view value);

} // namespace weir::identity
