// json/duplicates.h - whether an object has a name twice, told while its members go by.
//
// Names arrive innermost object first and are kept on one stack: an object's names lie together at its top, since an
// enclosing object gets its next name only after the inner one is closed. Cheap for the objects that occur (a Bloom
// word each, as Bloom 1970 with one function, then 32-bit prints, then the names), and linear for hostile ones: an
// object of more than `few_max` names is checked when it closes, through a table under a keyed hash (SipHash-1-3,
// Aumasson and Bernstein 2012, key drawn at start), so that nobody can make names that collide.
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
    Duplicates(size_t text_bytes_max, size_t members_max, size_t depth_max);

    /// The names of one open object.
    struct Names {
        uint64_t bloom = 0;
        uint32_t count = 0;
    };

    /// Forgets everything.
    void begin() { top_ = decoded_used_ = 0; }

    /// Adds a name of the innermost open object. Eight octets behind the name must be readable. False: the object
    /// has that name already. (True for an object of many names proves nothing before close().)
    bool add(Names& object, std::string_view name) {
        const uint32_t print = print_of(name);
        const uint64_t bit = uint64_t{1} << (print & 63);
        if ((object.bloom & bit) != 0 && object.count < few_max && among_few(object.count, name, print)) [[unlikely]]
            return false;
        object.bloom |= bit;
        ++object.count;
        prints_[top_] = print;
        names_[top_++] = {name.data(), static_cast<uint32_t>(name.size())};
        return true;
    }
    /// The same for a name with escapes, which is decoded first.
    bool add_escaped(Names& object, std::string_view undecoded);

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
        std::string_view text() const { return {data, size}; }
    };

    /// A hash of the length and of up to eight octets at either end: enough to tell most names apart, no more.
    static uint32_t print_of(std::string_view name) {
        constexpr uint64_t mix = 0x9e3779b97f4a7c15; // 2^64 / golden ratio (Knuth, volume 3, section 6.4)
        uint64_t first, last = 0;
        std::memcpy(&first, name.data(), 8);
        if (name.size() < 8) first &= (uint64_t{1} << (8 * name.size())) - 1;
        else std::memcpy(&last, name.data() + name.size() - 8, 8);
        return static_cast<uint32_t>(((first ^ last * mix ^ name.size()) * mix) >> 32);
    }
    bool among_few(uint32_t count, std::string_view name, uint32_t print) const;
    bool none_among_many(uint32_t count);
    uint64_t keyed_hash(std::string_view name) const;

    std::array<uint64_t, 2> key_;
    Reserved<Name> names_;
    Reserved<uint32_t> prints_;
    Reserved<char> decoded_;
    Reserved<uint32_t> table_; // open addressing; 0: free, else 1 + the place among the object's names
    size_t top_ = 0;
    size_t decoded_used_ = 0;
};

} // namespace weir::json
