// mcp/remembered.h - the session ids that a worker opened lately, so that the next request of a session costs a
// comparison and not a decryption.
//
// Direct-mapped by a hash of the id: what collides is forgotten. Nothing is taken on trust of the hash: id and bond are
// compared whole. Fixed memory, made at start. One thread.
#pragma once

#include "base/hash.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

namespace weir::mcp {

class Remembered {
  public:
    static constexpr size_t entries = 256;
    static constexpr size_t octets_max = 500; // of one entry's texts together; longer ones are not remembered

    Remembered() : entries_(entries) {}

    /// What `id` held when it was opened by `bond`; valid until the next put().
    std::optional<std::string_view> find(std::string_view id, std::string_view bond) const {
        const Entry& entry = entries_[hash64(id, seed) % entries];
        if (entry.part(0) != id || entry.part(1) != bond || id.empty()) return std::nullopt;
        return entry.part(2);
    }

    void put(std::string_view id, std::string_view bond, std::string_view plain) {
        if (id.size() + bond.size() + plain.size() > octets_max) return;
        Entry& entry = entries_[hash64(id, seed) % entries];
        char* to = entry.octets.data();
        size_t part = 0;
        for (const std::string_view text : {id, bond, plain}) {
            if (!text.empty()) std::memcpy(to, text.data(), text.size());
            to += text.size();
            entry.ends[part++] = static_cast<uint16_t>(to - entry.octets.data());
        }
    }

  private:
    static constexpr uint64_t seed = 0; // whoever forces collisions slows down nobody but themselves

    struct Entry {
        std::array<uint16_t, 3> ends{};
        std::array<char, octets_max> octets;
        std::string_view part(size_t number) const {
            const size_t begin = number == 0 ? 0 : ends[number - 1];
            return {octets.data() + begin, ends[number] - begin};
        }
    };
    std::vector<Entry> entries_;
};

} // namespace weir::mcp
