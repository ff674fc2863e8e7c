// policy/regex_groups.cc - one pass for many patterns, and what it found.
#include "policy/regex_groups.h"

#include <algorithm>

namespace weir::policy {

const RegexPass* RegexPasses::known(const RegexGroup& group, json::Value value) const {
    for (size_t i = 0; i < used_; ++i) {
        const RegexPass& pass = passes_[i];
        if (pass.group == &group && pass.node == value.index() && pass.document == value.document()) return &pass;
    }
    return nullptr;
}

const RegexPass& RegexPasses::make(const RegexGroup& group, json::Value value, std::string_view text) {
    // Old passes are overwritten in turn: forgetting one costs a search, no more.
    if (used_ == passes_max) used_ = 0;
    if (used_ == passes_.size()) passes_.emplace_back();
    RegexPass& pass = passes_[used_++];
    pass.group = &group;
    pass.document = value.document();
    pass.node = value.index();
    pass.failed = !group.set->find(text, pass.found);
    std::sort(pass.found.begin(), pass.found.end());
    return pass;
}

} // namespace weir::policy
