// identity/token_error.cc - the rows of the table of refusals.
#include "identity/token_error.h"

#include "base/assert.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace weir::identity {
namespace {
constexpr auto rows = std::to_array<TokenErrorRow>({
#define WEIR_ROW(name, challenge, text) {#name, Challenge::challenge, text},
    WEIR_TOKEN_ERRORS(WEIR_ROW)
#undef WEIR_ROW
});
} // namespace

const TokenErrorRow& row_of(TokenError error) {
    const auto at = static_cast<size_t>(error);
    WEIR_ASSERT(at < rows.size());
    return rows[at];
}

std::string_view printable(std::string_view text) {
    constexpr size_t bytes_max = 128;
    const bool plain = text.size() <= bytes_max && std::all_of(text.begin(), text.end(), [](char octet) {
                           return octet > 0x20 && octet < 0x7f && octet != '"' && octet != '\\';
                       });
    return plain ? text : std::string_view();
}

} // namespace weir::identity
