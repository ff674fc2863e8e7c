// identity/bearer.cc - one scheme, one token.
#include "identity/bearer.h"

#include <algorithm>

namespace weir::identity {
namespace {

/// Of b64token (RFC 6750, section 2.1), its padding included.
bool is_token_character(char octet) {
    return (octet >= 'a' && octet <= 'z') || (octet >= 'A' && octet <= 'Z') || (octet >= '0' && octet <= '9') ||
           octet == '-' || octet == '.' || octet == '_' || octet == '~' || octet == '+' || octet == '/' || octet == '=';
}

} // namespace

std::expected<std::string_view, Refusal> behind_scheme(std::string_view value) {
    if (value.empty()) return std::unexpected(Refusal{TokenError::missing});
    constexpr std::string_view scheme = "bearer";
    const std::string_view word = value.substr(0, value.find(' '));
    if (word.size() != scheme.size() ||
        !std::equal(word.begin(), word.end(), scheme.begin(), [](char left, char right) {
            return (left | 0x20) == right; // schemes have no case
        }))
        return std::unexpected(Refusal{TokenError::scheme_unknown});
    value.remove_prefix(scheme.size());
    while (value.starts_with(' ')) value.remove_prefix(1);
    if (value.empty()) return std::unexpected(Refusal{TokenError::field_malformed});
    return value;
}

std::expected<std::string_view, Refusal> read_bearer(std::string_view value) {
    const auto token = behind_scheme(value);
    if (token && !std::all_of(token->begin(), token->end(), is_token_character))
        return std::unexpected(Refusal{TokenError::field_malformed});
    return token;
}

} // namespace weir::identity
