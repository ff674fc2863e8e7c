// record/fields.h - the payload of an entry, read: which fields it has and what they say.
//
// Strict: a payload must be one map in deterministic CBOR (RFC 8949, section 4.2.1) with ascending keys; anything else
// is corrupt, so that two readers never differ. Keys of a later weir are stepped over. Views point into the payload.
// Pure: no allocation, no recursion.
#pragma once

#include "base/result.h"
#include "record/kinds.h"

#include <array>
#include <cstdint>
#include <string_view>

namespace weir::record {

class Fields {
  public:
    bool has(Field field) const { return values_[index(field)].present; }
    /// Zero when it is not there.
    uint64_t number(Field field) const { return static_cast<uint64_t>(values_[index(field)].number); }
    int64_t signed_number(Field field) const { return values_[index(field)].number; }
    bool flag(Field field) const { return values_[index(field)].number != 0; }
    /// The text or the bytes of a field; empty when it is not there.
    std::string_view text(Field field) const { return values_[index(field)].text; }
    /// How many texts a list has.
    uint32_t list_size(Field field) const { return static_cast<uint32_t>(values_[index(field)].number); }
    /// Calls `each` with every text of a list, in order.
    template <class F> void for_each(Field field, F&& each) const {
        std::string_view rest = values_[index(field)].text;
        for (uint32_t i = list_size(field); i != 0; --i) each(next_text(rest));
    }

  private:
    friend Result<Fields> read_fields(std::string_view payload);
    struct Value {
        bool present = false;
        int64_t number = 0; // the number, 0 or 1 for a flag, how many for a list
        std::string_view text;
    };
    static size_t index(Field field) { return static_cast<size_t>(field); }
    static std::string_view next_text(std::string_view& rest);
    std::array<Value, field_count> values_{};
};

/// Reads a payload. corrupt: it is not deterministic CBOR, or a field has not the type of the table.
Result<Fields> read_fields(std::string_view payload);

} // namespace weir::record
