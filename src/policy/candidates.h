// policy/candidates.h - which rules may apply, remembered by the names of a call.
//
// Methods, tools and prompts of a server are few and come again and again, so what Rules::candidates() found for them
// is kept. Memory is fixed at construction: when the table or its arena is full, everything is forgotten. A name that
// never comes twice costs one computation and pushes out others at worst. One per Judge.
#pragma once

#include "policy/rules.h"
#include "policy/set.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace weir::policy {

/// The method of the list in which a request's target stands: tools/call asks for what tools/list shows. Empty: none.
std::string_view list_method_of(const Facts& facts);

class CandidateCache {
  public:
    explicit CandidateCache(const PolicySet& set);

    struct Found {
        std::span<const Candidate> own;   // for the facts as they are
        std::span<const Candidate> hides; // requests: on = "list" rules for what they ask for
    };
    /// Valid until the next call. `facts.server` is an index of the set's servers (asserted).
    Found find(const Facts& facts);

    uint64_t misses() const { return misses_; }

  private:
    struct Entry {
        uint64_t hash = 0; // 0: free
        uint32_t key_at = 0, key_bytes = 0;
        uint32_t list_at = 0, own = 0, hides = 0;
    };
    static constexpr size_t slots = 2048, entries_max = 1024, key_bytes_max = 512;
    static constexpr size_t keys_bytes_max = 128 << 10, lists_max = 32 << 10;

    Found compute(const Facts& facts);
    Found found(const Entry& entry) const {
        const Candidate* first = lists_.data() + entry.list_at;
        return {{first, entry.own}, {first + entry.own, entry.hides}};
    }
    void forget();

    const PolicySet& set_;
    std::vector<Entry> table_;
    std::vector<char> keys_;
    std::vector<Candidate> lists_;
    size_t entries_ = 0, keys_used_ = 0, lists_used_ = 0;
    uint64_t misses_ = 0;
    Rules::Scratch scratch_;
    std::vector<Candidate> own_, hides_;
};

} // namespace weir::policy
