// policy/later.cc - looks through the tokens of a file for what is not there yet.
#include "policy/later.h"

#include "policy/tokens.h"

#include <algorithm>
#include <set>

namespace weir::policy {
namespace {

constexpr std::string_view globals[] = {"detector", "cidr", "sql", "url", "limit", "pins", "data"};

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
