// policy/later.cc - reads Lua as tokens, skipping strings and comments.
#include "policy/later.h"

#include <algorithm>
#include <set>

namespace weir::policy {
namespace {

constexpr std::string_view globals[] = {"detector", "cidr", "sql", "url", "limit", "pins", "data"};

struct Token {
    std::string_view text; // a name, one symbol, or `"` for any string
    uint32_t line;
};

bool name_byte(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

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

/// Names that follow local, for or function: those lists end at the first token that is neither a name nor a comma.
std::set<std::string_view> declared_in(const std::vector<Token>& tokens) {
    std::set<std::string_view> names;
    for (size_t i = 0; i < tokens.size(); ++i) {
        const std::string_view word = tokens[i].text;
        if (word != "local" && word != "for" && word != "function") continue;
        size_t at = i + 1;
        if (word == "local" && at < tokens.size() && tokens[at].text == "function") ++at;
        if (word == "function")
            while (at < tokens.size() && tokens[at].text != "(") ++at; // behind the function's own name
        if (at < tokens.size() && tokens[at].text == "(") ++at;
        for (; at < tokens.size() && (name_byte(tokens[at].text[0]) || tokens[at].text == ","); ++at) {
            if (tokens[at].text == "in") break;
            names.insert(tokens[at].text);
        }
    }
    return names;
}

} // namespace

std::span<const std::string_view> later_globals() { return globals; }

std::vector<LaterUse> later_uses(std::string_view text) {
    const std::vector<Token> tokens = tokens_of(text);
    const std::set<std::string_view> declared = declared_in(tokens);
    const auto token = [&](size_t i) { return i < tokens.size() ? tokens[i].text : std::string_view(); };
    std::vector<LaterUse> uses;
    for (size_t i = 0; i < tokens.size(); ++i) {
        const std::string_view word = token(i), next = token(i + 1), field = token(i + 2);
        const bool of_another = i > 0 && (token(i - 1) == "." || token(i - 1) == ":");
        if (of_another) continue;
        const bool used = next == "." || next == "(" || next == "{" || next == "\"";
        if (used && std::find(std::begin(globals), std::end(globals), word) != std::end(globals) &&
            !declared.contains(word))
            uses.push_back({tokens[i].line, std::string(word)});
        if (word != "call" || next != ".") continue;
        const std::string_view method = token(i + 3) == ":" ? token(i + 4) : std::string_view();
        if ((field == "session" && (method == "mark" || method == "has")) || (field == "time" && method == "within"))
            uses.push_back({tokens[i].line, "call." + std::string(field) + ":" + std::string(method)});
    }
    return uses;
}

} // namespace weir::policy
