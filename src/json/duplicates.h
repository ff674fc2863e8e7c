// json/duplicates.h - whether an object has a name twice, told while its members go by.
//
// Names are kept on one stack, those of the innermost open object at its top: an enclosing object gets its next name
// only after the inner one is closed. Cheap for the objects that occur: one word each as a Bloom filter of one function
// (Bloom 1970), then 32 bits of a hash, then the names. Linear for hostile ones: an object of more than `few_max` names
// is checked when it closes, through a table under a keyed hash (SipHash-1-3, Aumasson and Bernstein 2012, the key drawn
// at start), so that nobody can make names that collide.
//
// Ownership: names are views into the scanned text or, decoded, into an arena of this class; both until begin().
#pragma once

#include "json/reserved.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace weir::json {

class Duplicates {
  public:
    /// For texts of `text_bytes_max` octets, objects of `members_max` members, `depth_max` of them open.
    Duplicates(size_t text_bytes_max, uint32_t members_max, size_t depth_max);

    /// The names of one open object; all zero when it opens.
    struct Names {
        uint64_t bloom;
        uint32_t count;
    };

    /// Forgets everything.
    void begin() {
        top_ = names_.data();
        decoded_used_ = 0;
    }

    enum class Added : uint8_t { fresh, twice, too_many };

    /// Adds a name of the innermost open object. Eight octets behind the name must be readable. (In an object of many
    /// names a second one is found only by close().)
    Added add(Names& object, std::string_view name) {
        const uint64_t hash = quick_hash(name);
        const uint64_t bit = uint64_t{1} << (hash >> 58);
        const auto print = static_cast<uint32_t>(hash >> 32);
        if ((object.bloom & bit) != 0 || object.count >= fast_max_) [[unlikely]] {
            const Added added = look_closer(object, name, print);
            if (added != Added::fresh) return added;
        }
        object.bloom |= bit;
        ++object.count;
        *top_++ = {name.data(), static_cast<uint32_t>(name.size()), print};
        return Added::fresh;
    }
    /// The same for a name with escapes, which is decoded first.
    Added add_escaped(Names& object, std::string_view undecoded);

    /// Closes the innermost open object. False: it has a name twice.
    bool close(const Names& object) {
        top_ -= object.count;
        return object.count <= few_max || none_among_many(object.count);
    }

    /// Gives back what texts of more than `kept_bytes` needed.
    void trim(size_t kept_bytes);

    static constexpr uint32_t few_max = 32;

  private:
    struct Name {
        const char* data;
        uint32_t size;
        uint32_t print;
        std::string_view text() const { return {data, size}; }
    };

    /// By the length and the first seven or the last eight octets: enough to tell most names apart, no more.
    static uint64_t quick_hash(std::string_view name) {
        constexpr uint64_t mix = 0x9e3779b97f4a7c15; // 2^64 / golden ratio (Knuth, volume 3, section 6.4)
        uint64_t word;
        if (name.size() >= 8) {
            std::memcpy(&word, name.data() + name.size() - 8, 8);
        } else {
            std::memcpy(&word, name.data(), 8);
            word &= (uint64_t{1} << (8 * name.size())) - 1;
        }
        return (word + name.size()) * mix;
    }
    Added look_closer(const Names& object, std::string_view name, uint32_t print) const;
    bool none_among_many(uint32_t count);
    uint64_t keyed_hash(std::string_view name) const;

    std::array<uint64_t, 2> key_;
    const uint32_t members_max_;
    const uint32_t fast_max_; // objects of fewer names need no look at the limits
    Reserved<Name> names_;
    Reserved<char> decoded_;
    Reserved<uint32_t> table_; // open addressing; 0: free, else 1 + the place among the object's names
    Name* top_ = nullptr;      // one past the last name on the stack
    size_t decoded_used_ = 0;
};

} // namespace weir::json
