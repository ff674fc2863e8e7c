// policy/glob_index.h - many globs at once: which of them match this name?
//
// A glob with a fixed part is found by hashing that part: exact names by the whole name, the others by their literal
// prefix, suffix or longest inner run, grouped by its length; glob_match then confirms. So the cost follows the length
// of the name and the number of different lengths, not the number of globs. Pure; immutable after the last add().
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace weir::policy {

class GlobIndex {
  public:
    /// Adds a well-formed glob (base/glob.h) and returns its number; the same glob has the same number.
    uint32_t add(std::string_view glob);
    size_t size() const { return globs_.size(); }

    /// Calls `found(number)` once for every glob that matches `name`.
    template <class Found> void match(std::string_view name, Found found) const {
        if (const auto* exact = lookup({whole, name})) found(exact->front()); // the same glob is there once
        for (const size_t length : lengths_[prefix])
            if (length <= name.size()) confirm(prefix, name.substr(0, length), name, found);
        for (const size_t length : lengths_[suffix])
            if (length <= name.size()) confirm(suffix, name.substr(name.size() - length), name, found);
        if (!lengths_[inner].empty()) match_inner(name, found);
        for (const uint32_t number : unfixed_)
            if (matches(number, name)) found(number);
    }

  private:
    enum Where : uint8_t { whole, prefix, suffix, inner };
    struct Part {
        Where where;
        std::string_view text;
        bool operator==(const Part&) const = default;
    };
    struct PartHash {
        size_t operator()(const Part& part) const {
            return std::hash<std::string_view>()(part.text) + static_cast<size_t>(part.where) * 0x9e3779b97f4a7c15U;
        }
    };

    const std::vector<uint32_t>* lookup(const Part& part) const {
        const auto at = parts_.find(part);
        return at == parts_.end() ? nullptr : &at->second;
    }
    template <class Found> void confirm(Where where, std::string_view text, std::string_view name, Found& found) const {
        const auto* numbers = lookup({where, text});
        if (numbers == nullptr) return;
        for (const uint32_t number : *numbers)
            if (matches(number, name)) found(number);
    }
    /// A run may occur more than once in a name: only its first occurrence counts.
    template <class Found> void match_inner(std::string_view name, Found& found) const {
        for (const size_t length : lengths_[inner])
            for (size_t at = 0; at + length <= name.size(); ++at) {
                const std::string_view run = name.substr(at, length);
                if (lookup({inner, run}) != nullptr && name.find(run) == at) confirm(inner, run, name, found);
            }
    }
    bool matches(uint32_t number, std::string_view name) const;
    static Part fixed_part(std::string_view glob);

    std::deque<std::string> globs_; // stable: numbers_ and parts_ point into them
    std::unordered_map<std::string_view, uint32_t> numbers_;
    std::unordered_map<Part, std::vector<uint32_t>, PartHash> parts_;
    std::vector<size_t> lengths_[4];
    std::vector<uint32_t> unfixed_; // without any literal run, like `*` or `?[0-9]`
};

} // namespace weir::policy
