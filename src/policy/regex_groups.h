// policy/regex_groups.h - patterns that are asked about the same value of the same messages, searched for in one pass.
//
// Rules with the same match key and the same path come up together, so their patterns go into one RE2::Set; what a pass
// found is remembered for the length of one judgement. Fewer patterns than that pays for are searched one by one.
// Immutable after loading, shared by all workers.
#pragma once

#include "detect/regex.h"
#include "json/document.h"

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace weir::policy {

/// One set of patterns. A test knows its group and its place in it.
struct RegexGroup {
    std::unique_ptr<const detect::RegexSet> set;
};

/// What one pass found. The Looking of a judgement keeps a few.
struct RegexPass {
    const RegexGroup* group = nullptr;
    const json::Document* document = nullptr;
    uint32_t node = 0;
    bool failed = false;    // the set ran out of memory: patterns are searched one by one
    std::vector<int> found; // ascending
};

/// The passes of one judgement; their memory is kept for the next.
class RegexPasses {
  public:
    void forget() { used_ = 0; }
    /// What the patterns of `group` were found to find in `value`; nullptr if nobody has looked.
    const RegexPass* known(const RegexGroup& group, json::Value value) const;
    /// Looks; `text` is the decoded text of `value`. Valid until the next make().
    const RegexPass& make(const RegexGroup& group, json::Value value, std::string_view text);

  private:
    static constexpr size_t passes_max = 16;
    std::vector<RegexPass> passes_;
    size_t used_ = 0;
};

} // namespace weir::policy
