// policy/tokens.h - Lua's text as tokens, strings and comments taken out of the way; for looks at what a file says before it
// runs.
//
// Not a parser, and no judge of Lua's grammar: LuaJIT has compiled the file or will refuse it. Pure; tokens point into
// the text.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace weir::policy {

struct Token {
    std::string_view text; // a name or number, one symbol, or `"` for any string
    uint32_t line;
};

/// Whether `octet` may stand in a name.
bool name_byte(char octet);

/// All of `text`, in order.
std::vector<Token> tokens_of(std::string_view text);

} // namespace weir::policy
