// json/duplicates.cc - the rarer ways of finding a name twice: a second look among few, a table for many.
#include "json/duplicates.h"

#include "json/escape.h"

#include <sys/random.h>

#include <algorithm>
#include <bit>

namespace weir::json {

namespace {

/// The most names that can be on the stack: every name takes four octets of text with its quotes, colon and value.
size_t names_max(size_t text_bytes_max, size_t members_max, size_t depth_max) {
    return std::min(text_bytes_max / 4 + 1, members_max * depth_max);
}

size_t table_size(size_t names) { return std::bit_ceil(2 * names); } // never more than half full

void sip_round(uint64_t& v0, uint64_t& v1, uint64_t& v2, uint64_t& v3) {
    v0 += v1, v1 = std::rotl(v1, 13) ^ v0, v0 = std::rotl(v0, 32);
    v2 += v3, v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3, v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1, v1 = std::rotl(v1, 17) ^ v2, v2 = std::rotl(v2, 32);
}

} // namespace

Duplicates::Duplicates(size_t text_bytes_max, uint32_t members_max, size_t depth_max)
    : members_max_(members_max), fast_max_(std::min(members_max, few_max)),
      names_(names_max(text_bytes_max, members_max, depth_max)), decoded_(text_bytes_max + 16),
      table_(table_size(members_max)) {
    WEIR_ASSERT(getrandom(key_.data(), sizeof key_, 0) == static_cast<ssize_t>(sizeof key_));
}

Duplicates::Added Duplicates::add_escaped(Names& object, std::string_view undecoded) {
    char* to = decoded_.data() + decoded_used_;
    const size_t size = decode(undecoded, to);
    decoded_used_ += size;
    return add(object, {to, size});
}

Duplicates::Added Duplicates::look_closer(const Names& object, std::string_view name, uint32_t print) const {
    if (object.count >= members_max_) return Added::too_many;
    if (object.count >= few_max) return Added::fresh; // until close()
    const auto same = [&](const Name& other) { return other.print == print && other.text() == name; };
    return std::any_of(top_ - object.count, top_, same) ? Added::twice : Added::fresh;
}

bool Duplicates::none_among_many(uint32_t count) {
    const Name* const names = top_; // which close() has just taken off the stack
    const size_t mask = table_size(count) - 1;
    std::fill_n(table_.data(), mask + 1, 0U);
    for (uint32_t i = 0; i < count; ++i) {
        const std::string_view name = names[i].text();
        size_t place = keyed_hash(name) & mask;
        for (; table_[place] != 0; place = (place + 1) & mask)
            if (names[table_[place] - 1].text() == name) return false;
        table_[place] = i + 1;
    }
    return true;
}

uint64_t Duplicates::keyed_hash(std::string_view name) const {
    uint64_t v0 = key_[0] ^ 0x736f6d6570736575, v1 = key_[1] ^ 0x646f72616e646f6d; // the constants of the paper
    uint64_t v2 = key_[0] ^ 0x6c7967656e657261, v3 = key_[1] ^ 0x7465646279746573;
    const auto absorb = [&](uint64_t word) {
        v3 ^= word;
        sip_round(v0, v1, v2, v3);
        v0 ^= word;
    };
    const char* at = name.data();
    size_t rest = name.size();
    uint64_t word = 0;
    for (; rest >= 8; rest -= 8, at += 8) {
        std::memcpy(&word, at, 8);
        absorb(word);
    }
    word = uint64_t{name.size()} << 56;
    for (size_t i = 0; i < rest; ++i) word |= uint64_t{static_cast<unsigned char>(at[i])} << (8 * i);
    absorb(word);
    v2 ^= 0xff;
    for (int i = 0; i < 3; ++i) sip_round(v0, v1, v2, v3);
    return v0 ^ v1 ^ v2 ^ v3;
}

void Duplicates::trim(size_t kept_bytes) {
    names_.trim(kept_bytes / 16);
    decoded_.trim(kept_bytes);
}

} // namespace weir::json
