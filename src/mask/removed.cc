// mask/removed.cc - forms of values, their order, and the search for them.
#include "mask/removed.h"

#include "json/escape.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace weir::mask {
namespace {

bool continues(char octet) { return (octet & 0xc0) == 0x80; }

/// What of a text decides in which forms it is looked for.
struct Makeup {
    size_t characters = 0;
    bool word = true;     // ASCII letters, underscores and hyphens only
    bool escapes = false; // JSON would write an escape
    bool ascii = true;
};

enum Class : uint8_t { letter = 1, continuation = 2, escaped = 4, beyond = 8 };
constexpr std::array<uint8_t, 256> classes = [] {
    std::array<uint8_t, 256> table{};
    for (unsigned octet = 0; octet < 256; ++octet) {
        const bool is_letter = (octet >= 'a' && octet <= 'z') || (octet >= 'A' && octet <= 'Z');
        if (is_letter || octet == '_' || octet == '-') table[octet] |= letter;
        if ((octet & 0xc0) == 0x80) table[octet] |= continuation;
        if (octet < 0x20 || octet == '"' || octet == '\\') table[octet] |= escaped;
        if (octet >= 0x80) table[octet] |= beyond;
    }
    return table;
}();

Makeup makeup_of(std::string_view text) {
    unsigned any = 0, all = letter;
    size_t continuations = 0;
    for (const char octet : text) {
        const unsigned of_octet = classes[static_cast<unsigned char>(octet)];
        any |= of_octet;
        all &= of_octet;
        continuations += (of_octet & continuation) != 0;
    }
    return {text.size() - continuations, (all & letter) != 0, (any & escaped) != 0, (any & beyond) == 0};
}

/// The first eight octets, zeros behind a shorter text: texts whose numbers differ are ordered by these.
uint64_t head_of(std::string_view text) {
    uint64_t head = 0;
    std::memcpy(&head, text.data(), std::min(text.size(), sizeof(head)));
    return std::byteswap(head);
}

size_t characters(std::string_view text) {
    return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char octet) { return !continues(octet); }));
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view white = " \t\r\n";
    const size_t first = text.find_first_not_of(white);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(white) - first + 1);
}

/// The scalar that begins at `text`, which is UTF-8, and how many octets it takes.
uint32_t scalar_at(const char* text, size_t& octets) {
    const auto at = [&](size_t i) { return static_cast<uint32_t>(static_cast<unsigned char>(text[i])); };
    const uint32_t lead = at(0);
    if (lead < 0x80) return octets = 1, lead;
    if (lead < 0xe0) return octets = 2, (lead & 0x1f) << 6 | (at(1) & 0x3f);
    if (lead < 0xf0) return octets = 3, (lead & 0x0f) << 12 | (at(1) & 0x3f) << 6 | (at(2) & 0x3f);
    return octets = 4, (lead & 0x07) << 18 | (at(1) & 0x3f) << 12 | (at(2) & 0x3f) << 6 | (at(3) & 0x3f);
}

char* write_unit(uint32_t unit, char* to) {
    constexpr char digits[] = "0123456789abcdef";
    *to++ = '\\';
    *to++ = 'u';
    for (int shift = 12; shift >= 0; shift -= 4) *to++ = digits[unit >> shift & 15];
    return to;
}

/// As JSON in ASCII: everything beyond it as \u escapes.
std::string_view in_ascii(std::string_view escaped, Workspace& space) {
    char* const first = space.take(escaped.size() * 3, 1); // of an octet pair come six at most, of four octets twelve
    char* to = first;
    for (size_t at = 0; at < escaped.size();) {
        size_t octets = 0;
        const uint32_t scalar = scalar_at(escaped.data() + at, octets);
        if (octets == 1) *to++ = escaped[at];
        else if (scalar < 0x10000) to = write_unit(scalar, to);
        else
            to = write_unit(0xdc00 + ((scalar - 0x10000) & 0x3ff), write_unit(0xd800 + ((scalar - 0x10000) >> 10), to));
        at += octets;
    }
    return {first, static_cast<size_t>(to - first)};
}

uint32_t four_octets(const char* at) {
    uint32_t word;
    std::memcpy(&word, at, sizeof(word));
    return word;
}

/// A place in the filter (Knuth's multiplicative hash).
size_t place_of(uint32_t word, size_t bits) { return (word * 2654435769U) >> 8 & (bits - 1); }

} // namespace

std::string_view last4_of(std::string_view text, Workspace& space) {
    if (characters(text) < 8) return masked_text;
    size_t begin = text.size();
    for (int left = 4; left != 0; --left)
        while (continues(text[--begin])) {}
    return space.join({masked_text, text.substr(begin)});
}

void Removed::add_form(std::string_view text, std::string_view plain, uint32_t field, bool word) {
    values_.add({head_of(text), text, plain, field, none, word}, *space_);
    shortest_ = std::min(shortest_, text.size());
}

void Removed::add(std::string_view text, uint32_t field) {
    text = trimmed(text);
    if (text.size() < characters_min) return;
    const Makeup makeup = makeup_of(text);
    if (makeup.characters < characters_min) return;
    add_form(text, text, field, makeup.word);
    std::string_view written = text;
    if (makeup.escapes) {
        char* const to = space_->take(json::escaped_bytes_max(text.size()), 1);
        written = {to, static_cast<size_t>(json::write_escaped(text, to) - to)};
        add_form(written, text, field);
    }
    if (!makeup.ascii) add_form(in_ascii(written, *space_), text, field);
}

void Removed::settle() {
    const auto stricter = [&](const Value& a, const Value& b) {
        const Field &left = fields_[a.field], &right = fields_[b.field];
        return left.act != right.act ? left.act < right.act : left.text < right.text;
    };
    const auto before = [&](const Value& a, const Value& b) {
        if (a.head != b.head) return a.head < b.head;
        const int order = a.text.compare(b.text);
        return order != 0 ? order < 0 : stricter(a, b);
    };
    std::sort(values_.all().begin(), values_.all().end(), before);
    const auto end = std::unique(values_.all().begin(), values_.all().end(),
                                 [](const Value& a, const Value& b) { return a.head == b.head && a.text == b.text; });
    values_.resize_down(static_cast<size_t>(end - values_.all().begin()));
    if (values_.empty()) return;
    filter_ = space_->array<uint64_t>(filter_bits / 64);
    for (uint32_t i = 0; i < values_.size(); ++i) {
        Value& value = values_[i];
        const size_t place = place_of(four_octets(value.text.data()), filter_bits);
        filter_[place / 64] |= uint64_t{1} << place % 64;
        uint32_t shorter = i == 0 ? none : i - 1;
        while (shorter != none && !value.text.starts_with(values_[shorter].text)) shorter = values_[shorter].prefix;
        value.prefix = shorter;
    }
}

bool Removed::passes(const char* at) const {
    const size_t place = place_of(four_octets(at), filter_bits);
    return (filter_[place / 64] >> place % 64 & 1) != 0;
}

/// The longest value that stands at `at` of `text`, or nullptr.
const Removed::Value* Removed::longest_at(std::string_view text, size_t at) {
    const std::string_view rest = text.substr(at);
    const uint64_t head = head_of(rest);
    const auto behind = [&](std::string_view wanted, const Value& value) {
        steps_->take(1);
        // Equal numbers: of texts of eight octets and less, the shorter one begins the longer one.
        if (value.head > head) return true;
        if (value.text.size() <= sizeof(head) || value.head < head) return false;
        steps_->take(value.text.size() / 16);
        return value.text.compare(wanted.substr(0, value.text.size())) > 0;
    };
    const auto all = values_.all();
    const auto next = std::upper_bound(all.begin(), all.end(), rest, behind);
    // Whatever begins `rest` begins the value before it as well: the last one that is not behind `rest`.
    auto index = next == all.begin() ? none : static_cast<uint32_t>(next - all.begin() - 1);
    while (index != none && !steps_->exceeded) {
        const Value& value = values_[index];
        steps_->take(1 + value.text.size() / 16);
        if (rest.starts_with(value.text)) return &value;
        index = value.prefix;
    }
    return nullptr;
}

std::string_view Removed::instead_of(const Value& value) {
    const Field& field = fields_[value.field];
    switch (field.act) {
        case Act::drop:
        case Act::null: return removed_text;
        case Act::replace: return field.text.empty() ? removed_text : field.text;
        case Act::last4: return last4_of(value.plain, *space_);
    }
    __builtin_unreachable();
}

std::optional<std::string_view> Removed::without(std::string_view text, std::span<Tally> tallies) {
    if (text.size() < shortest_) return std::nullopt;
    struct Cut {
        size_t begin, end;        // of `text`
        std::string_view instead; // what stands there
        size_t to_begin, to_end;  // where, in the new text
    };
    List<Cut> cuts;
    size_t more = 0;
    for (size_t at = 0; at + characters_min <= text.size() && !steps_->exceeded; ++at) {
        if (!passes(text.data() + at)) continue;
        const Value* const value = longest_at(text, at);
        if (value == nullptr) continue;
        const size_t end = at + value->text.size();
        if (!cuts.empty() && at < cuts[cuts.size() - 1].end) {
            Cut& last = cuts[cuts.size() - 1];
            last.end = std::max(last.end, end);
            continue;
        }
        ++tallies[value->field].copies;
        const std::string_view instead = instead_of(*value);
        more += instead.size();
        cuts.add({at, end, instead, 0, 0}, *space_);
    }
    if (cuts.empty()) return std::nullopt;
    char* const first = space_->take(text.size() + more, 1);
    char* to = first;
    size_t from = 0;
    const auto put = [&](std::string_view piece) {
        if (!piece.empty()) std::memcpy(to, piece.data(), piece.size());
        to += piece.size();
    };
    for (Cut& cut : cuts.all()) {
        put(text.substr(from, cut.begin - from));
        cut.to_begin = static_cast<size_t>(to - first);
        put(cut.instead);
        cut.to_end = static_cast<size_t>(to - first);
        from = cut.end;
    }
    put(text.substr(from));
    const std::string_view made(first, static_cast<size_t>(to - first));
    // What stands in a value's place must not complete another one: then nothing of the text stays.
    size_t cut = 0;
    for (size_t at = 0; at + characters_min <= made.size() && !steps_->exceeded; ++at) {
        while (cut < cuts.size() && cuts[cut].to_end <= at) ++cut;
        if (!passes(made.data() + at)) continue;
        const Value* const value = longest_at(made, at);
        if (value == nullptr) continue;
        const bool inside =
            cut < cuts.size() && cuts[cut].to_begin <= at && at + value->text.size() <= cuts[cut].to_end;
        if (!inside) return removed_text;
    }
    return made;
}

bool Removed::is_value(std::string_view text, std::span<Tally> tallies) {
    if (text.size() < shortest_ || !passes(text.data())) return false;
    const Value* const value = longest_at(text, 0);
    if (value == nullptr || value->text.size() != text.size()) return false;
    ++tallies[value->field].copies;
    return true;
}

bool Removed::in_name(std::string_view name, std::span<Tally> tallies) {
    if (name.size() < shortest_) return false;
    for (size_t at = 0; at + characters_min <= name.size() && !steps_->exceeded; ++at) {
        if (!passes(name.data() + at)) continue;
        const Value* value = longest_at(name, at);
        while (value != nullptr && value->word) value = value->prefix == none ? nullptr : &values_[value->prefix];
        if (value == nullptr) continue;
        ++tallies[value->field].copies;
        return true;
    }
    return false;
}

} // namespace weir::mask
