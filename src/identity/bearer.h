// identity/bearer.h - the token in an Authorization field (RFC 6750, section 2.1). Nowhere else: tokens in bodies and
// queries are never looked for. Pure.
#pragma once

#include "identity/token_error.h"

#include <expected>
#include <string_view>

namespace weir::identity {

/// What stands behind the scheme in the field's value (which has no white space around it), a view into it; its
/// characters are not looked at.
///
/// Errors: missing when `value` is empty; scheme_unknown for another scheme; field_malformed when nothing stands there.
std::expected<std::string_view, Refusal> behind_scheme(std::string_view value);

/// The token. That the field occurs once is for the caller to see.
///
/// Errors: those of behind_scheme(); field_malformed when it is not one token of the characters that RFC 6750 gives it.
std::expected<std::string_view, Refusal> read_bearer(std::string_view value);

} // namespace weir::identity
