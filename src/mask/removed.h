// mask/removed.h - the scalars that a mask has taken out of a message, looked for in all its other texts.
//
// A value counts if it has four characters or more, white space at its ends not counted. It is found as it is, and as
// JSON text would write it, minimally escaped or in ASCII. All occurrences go: where they overlap, as one.
//
// The values are sorted, and each knows the longest other one that it begins with, so that one binary search tells the
// longest value at a place; a filter of four octets spares most places the search. Time is counted (Steps), memory lies
// in the Workspace. Pure.
//
// Ownership: texts of values are borrowed until the last question.
#pragma once

#include "base/workspace.h"
#include "mask/field.h"
#include "mask/list.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace weir::mask {

/// How much work one message may make.
struct Steps {
    uint64_t left = 0;
    bool exceeded = false;

    void take(uint64_t steps) {
        exceeded = exceeded || steps > left;
        left -= exceeded ? left : steps;
    }
};

class Removed {
  public:
    static constexpr size_t characters_min = 4;

    Removed(std::span<const Field> fields, Workspace& space, Steps& steps)
        : fields_(fields), space_(&space), steps_(&steps) {}

    /// Adds the decoded string or the number `text`, removed by the field of that index.
    void add(std::string_view text, uint32_t field);
    size_t size() const { return values_.size(); }
    /// No add() afterwards.
    void settle();
    bool empty() const { return values_.empty(); }

    /// `text` without any value, if it holds some; counts them. Not both exact and within the steps: exceeded then.
    std::optional<std::string_view> without(std::string_view text, std::span<Tally> tallies);
    /// Whether `text` is a value; counts it.
    bool is_value(std::string_view text, std::span<Tally> tallies);
    /// Whether a name holds a value, single words of ASCII letters not counted; counts it.
    bool in_name(std::string_view name, std::span<Tally> tallies);

  private:
    static constexpr uint32_t none = UINT32_MAX;
    static constexpr size_t filter_bits = 1 << 14;
    struct Value {
        uint64_t head = 0;      // its first eight octets, as a number that orders like them
        std::string_view text;  // this form of it
        std::string_view plain; // the value itself
        uint32_t field = 0;
        uint32_t prefix = none; // the longest other value that this one begins with
        bool word = false;      // a single one, of ASCII letters
    };

    void add_form(std::string_view text, std::string_view plain, uint32_t field, bool word = false);
    bool passes(const char* at) const;
    const Value* longest_at(std::string_view text, size_t at);
    std::string_view instead_of(const Value& value);

    std::span<const Field> fields_;
    Workspace* space_;
    Steps* steps_;
    List<Value> values_;
    std::span<uint64_t> filter_;
    size_t shortest_ = SIZE_MAX; // of the values
};

/// What last4 leaves of a string or number, as text: in `space` or a constant.
std::string_view last4_of(std::string_view text, Workspace& space);

} // namespace weir::mask
