// policy/tokens.cc - one pass over the text; long brackets and quotes end where Lua ends them.
#include "policy/tokens.h"

#include <algorithm>
#include <cstddef>
#include <string>

namespace weir::policy {
namespace {

/// The end of a long bracket that begins at `at` (`[[`, `[==[`), or npos if none begins there.
size_t long_end(std::string_view text, size_t at) {
    size_t level = 0;
    while (at + 1 + level < text.size() && text[at + 1 + level] == '=') ++level;
    if (at + 1 + level >= text.size() || text[at + 1 + level] != '[') return std::string_view::npos;
    const std::string close = "]" + std::string(level, '=') + "]";
    const size_t end = text.find(close, at + 2 + level);
    return end == std::string_view::npos ? text.size() : end + close.size();
}

size_t quoted_end(std::string_view text, size_t at) {
    const char quote = text[at++];
    while (at < text.size() && text[at] != quote && text[at] != '\n') at += text[at] == '\\' ? 2 : 1;
    return std::min(at + 1, text.size());
}

} // namespace

bool name_byte(char octet) {
    return (octet >= 'a' && octet <= 'z') || (octet >= 'A' && octet <= 'Z') || (octet >= '0' && octet <= '9') ||
           octet == '_';
}

std::vector<Token> tokens_of(std::string_view text) {
    std::vector<Token> tokens;
    uint32_t line = 1;
    for (size_t at = 0; at < text.size();) {
        const size_t begin = at;
        const char c = text[at];
        if (c == '-' && text.substr(at, 2) == "--") {
            const bool bracket = at + 2 < text.size() && text[at + 2] == '[';
            at = bracket ? long_end(text, at + 2) : std::string_view::npos;
            if (at == std::string_view::npos) at = std::min(text.find('\n', begin), text.size());
        } else if (c == '"' || c == '\'') {
            at = quoted_end(text, at);
            tokens.push_back({"\"", line});
        } else if (c == '[' && long_end(text, at) != std::string_view::npos) {
            at = long_end(text, at);
            tokens.push_back({"\"", line});
        } else if (name_byte(c)) {
            while (at < text.size() && name_byte(text[at])) ++at;
            tokens.push_back({text.substr(begin, at - begin), line});
        } else {
            ++at;
            if (c != ' ' && c != '\t' && c != '\r' && c != '\n') tokens.push_back({text.substr(begin, 1), line});
        }
        line += static_cast<uint32_t>(
            std::count(text.begin() + static_cast<ptrdiff_t>(begin), text.begin() + static_cast<ptrdiff_t>(at), '\n'));
    }
    return tokens;
}

} // namespace weir::policy
