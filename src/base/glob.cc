// base/glob.cc - glob matching by one remembered star: on a mismatch the last star takes one character more.
#include "base/glob.h"

namespace weir {
namespace {

/// Matches one element of the pattern at `at` against `byte`, moving `at` behind the element.
bool element(std::string_view pattern, size_t& at, char byte) {
    const char first = pattern[at++];
    if (first == '?') return true;
    if (first == '\\') return at < pattern.size() && pattern[at++] == byte;
    if (first != '[') return first == byte;
    const bool negated = at < pattern.size() && (pattern[at] == '!' || pattern[at] == '^');
    if (negated) ++at;
    bool found = false;
    for (bool start = true; at < pattern.size() && (start || pattern[at] != ']'); start = false) {
        char low = pattern[at++];
        if (low == '\\' && at < pattern.size()) low = pattern[at++];
        char high = low;
        if (at + 1 < pattern.size() && pattern[at] == '-' && pattern[at + 1] != ']') {
            high = pattern[at + 1];
            at += 2;
        }
        const auto seen = static_cast<unsigned char>(byte);
        if (seen >= static_cast<unsigned char>(low) && seen <= static_cast<unsigned char>(high)) found = true;
    }
    ++at; // the closing bracket
    return found != negated;
}

} // namespace

bool glob_match(std::string_view pattern, std::string_view text) {
    size_t p = 0, t = 0;
    size_t star = std::string_view::npos, star_text = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = ++p;
            star_text = t;
            continue;
        }
        size_t next = p;
        if (p < pattern.size() && element(pattern, next, text[t])) {
            p = next;
            ++t;
            continue;
        }
        if (star == std::string_view::npos) return false;
        p = star;
        t = ++star_text;
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

bool glob_valid(std::string_view pattern) {
    for (size_t at = 0; at < pattern.size(); ++at) {
        if (pattern[at] == '\\') {
            if (++at == pattern.size()) return false;
            continue;
        }
        if (pattern[at] != '[') continue;
        size_t end = at + 1;
        if (end < pattern.size() && (pattern[end] == '!' || pattern[end] == '^')) ++end;
        if (end < pattern.size())
            end += pattern[end] == '\\' ? 2 : 1; // not empty: a bracket that comes first is a member
        while (end < pattern.size() && pattern[end] != ']') end += pattern[end] == '\\' ? 2 : 1;
        if (end >= pattern.size()) return false;
        at = end;
    }
    return true;
}

bool glob_literal(std::string_view pattern) { return pattern.find_first_of("*?[\\") == std::string_view::npos; }

} // namespace weir
