// policy/glob_index.cc - finds the literal part of a glob by which it is looked up.
#include "policy/glob_index.h"

#include "base/glob.h"

#include <algorithm>

namespace weir::policy {
namespace {

/// The index behind the element of `glob` that begins at `at`: a set, an escape, or one character.
size_t element_end(std::string_view glob, size_t at) {
    if (glob[at] == '\\') return at + 2;
    if (glob[at] != '[') return at + 1;
    size_t end = at + 1;
    if (glob[end] == '!' || glob[end] == '^') ++end;
    for (++end; glob[end] != ']';) end += glob[end] == '\\' ? 2 : 1;
    return end + 1;
}

bool special(char c) { return c == '*' || c == '?' || c == '[' || c == '\\'; }

} // namespace

GlobIndex::Part GlobIndex::fixed_part(std::string_view glob) {
    if (glob_literal(glob)) return {whole, glob};
    std::string_view longest, run;
    bool longest_is_first = false, run_is_last = false;
    for (size_t at = 0; at < glob.size();) {
        if (special(glob[at])) {
            at = element_end(glob, at);
            continue;
        }
        const size_t begin = at;
        while (at < glob.size() && !special(glob[at])) ++at;
        run = glob.substr(begin, at - begin);
        run_is_last = at == glob.size();
        if (run.size() > longest.size()) {
            longest = run;
            longest_is_first = begin == 0;
        }
    }
    if (longest.empty()) return {whole, {}};
    if (longest_is_first) return {prefix, longest};
    if (run_is_last && run.size() == longest.size()) return {suffix, run};
    return {inner, longest};
}

uint32_t GlobIndex::add(std::string_view glob) {
    const auto known = numbers_.find(glob);
    if (known != numbers_.end()) return known->second;
    const auto number = static_cast<uint32_t>(globs_.size());
    const std::string_view kept = globs_.emplace_back(glob);
    numbers_.emplace(kept, number);
    const Part part = fixed_part(kept);
    if (part.where == whole && part.text.empty() && !kept.empty()) {
        unfixed_.push_back(number);
        return number;
    }
    parts_[part].push_back(number);
    auto& lengths = lengths_[part.where];
    if (std::find(lengths.begin(), lengths.end(), part.text.size()) == lengths.end())
        lengths.push_back(part.text.size());
    return number;
}

bool GlobIndex::matches(uint32_t number, std::string_view name) const { return glob_match(globs_[number], name); }

} // namespace weir::policy
