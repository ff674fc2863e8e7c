// record/fields.cc - payloads read strictly. Pure.
#include "record/fields.h"

#include "base/assert.h"

#include <limits>

namespace weir::record {
namespace {

struct Item {
    unsigned major = 0;
    uint64_t value = 0;
};

// The head of one data item, in its shortest form only.
Result<Item> read_item(std::string_view& rest) {
    if (rest.empty()) return fail(Error::corrupt);
    const auto first = static_cast<uint8_t>(rest[0]);
    rest.remove_prefix(1);
    const unsigned major = first >> 5;
    const unsigned low = first & 31U;
    if (low < 24) return Item{major, low};
    if (low > 27 || major == 7) return fail(Error::corrupt);
    const size_t size = size_t{1} << (low - 24);
    if (rest.size() < size) return fail(Error::corrupt);
    uint64_t value = 0;
    for (size_t i = 0; i < size; ++i) value = (value << 8) | static_cast<uint8_t>(rest[i]);
    rest.remove_prefix(size);
    const uint64_t least = size == 1 ? 24 : uint64_t{1} << (4 * size);
    if (value < least) return fail(Error::corrupt);
    return Item{major, value};
}

Result<std::string_view> take(std::string_view& rest, uint64_t size) {
    if (size > rest.size()) return fail(Error::corrupt);
    const std::string_view taken = rest.substr(0, size);
    rest.remove_prefix(size);
    return taken;
}

struct Taken {
    FieldType type{};
    int64_t number = 0;
    std::string_view text;
};

// One value: a scalar or a list of texts.
Result<Taken> read_value(std::string_view& rest) {
    const auto item = read_item(rest);
    if (!item) return fail(item.error());
    switch (item->major) {
        case 0: return Taken{FieldType::number, static_cast<int64_t>(item->value), {}};
        case 1:
            if (item->value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return fail(Error::corrupt);
            return Taken{FieldType::number, static_cast<int64_t>(~item->value), {}};
        case 2:
        case 3: {
            const auto text = take(rest, item->value);
            if (!text) return fail(text.error());
            return Taken{item->major == 2 ? FieldType::bytes : FieldType::text, 0, *text};
        }
        case 4: {
            const std::string_view all = rest;
            for (uint64_t i = 0; i < item->value; ++i) {
                const auto element = read_item(rest);
                if (!element || element->major != 3) return fail(Error::corrupt);
                if (!take(rest, element->value)) return fail(Error::corrupt);
            }
            return Taken{FieldType::texts, static_cast<int64_t>(item->value), all.substr(0, all.size() - rest.size())};
        }
        case 7:
            if (item->value != 20 && item->value != 21) return fail(Error::corrupt);
            return Taken{FieldType::flag, item->value == 21 ? 1 : 0, {}};
        default: return fail(Error::corrupt);
    }
}

} // namespace

std::string_view Fields::next_text(std::string_view& rest) {
    const auto item = read_item(rest);
    WEIR_ASSERT(item && item->major == 3); // read_fields has seen to it.
    const auto text = take(rest, item->value);
    WEIR_ASSERT(text);
    return *text;
}

Result<Fields> read_fields(std::string_view payload) {
    const auto map = read_item(payload);
    if (!map || map->major != 5) return fail(Error::corrupt);
    Fields fields;
    int64_t last_key = -1;
    for (uint64_t i = 0; i < map->value; ++i) {
        const auto key = read_item(payload);
        if (!key || key->major != 0 || key->value > INT32_MAX) return fail(Error::corrupt);
        if (static_cast<int64_t>(key->value) <= last_key) return fail(Error::corrupt);
        last_key = static_cast<int64_t>(key->value);
        const auto taken = read_value(payload);
        if (!taken) return fail(taken.error());
        if (key->value >= field_count) continue;
        const auto field = static_cast<Field>(key->value);
        if (type_of(field) != taken->type) return fail(Error::corrupt);
        fields.values_[Fields::index(field)] = {true, taken->number, taken->text};
    }
    if (!payload.empty()) return fail(Error::corrupt);
    return fields;
}

} // namespace weir::record
