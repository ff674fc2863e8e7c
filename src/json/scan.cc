// json/scan.cc - grammar, strings, numbers and names in one pass from the first octet to the last.
//
// The pass is one loop over values with a stack of open containers; what is met in nearly every message stands in the
// loop, what is rare (escapes, fractions, white space) in functions of its own. A text that fails may fail for several
// reasons: invalid UTF-8 is named before all others, then what stands first in the text.
//
// Reading past the end is harmless (the text is padded) but must not be believed, and must not go far. So: nothing
// follows a value or opens a container without a look at where the end is, and long runs (strings beyond their first
// block, digits, white space) stop there. What is left is a name, its colon and a value of a block each.
#include "json/scan.h"

#include "json/escape.h"
#include "json/number.h"
#include "json/utf8.h"

#include <algorithm>
#include <bit>

namespace weir::json {

namespace {

bool is_space(char octet) { return octet == ' ' || octet == '\t' || octet == '\n' || octet == '\r'; }
bool is_digit(char octet) { return static_cast<unsigned char>(octet - '0') < 10; }
bool in_number(char octet) {
    return is_digit(octet) || octet == '.' || octet == 'e' || octet == 'E' || octet == '+' || octet == '-';
}

/// Whether the `N` octets of `word`, without its ending zero, stand at `at`.
template <size_t N> bool stands(const char* at, const char (&word)[N]) { return std::memcmp(at, word, N - 1) == 0; }

/// Checks the escape of six or twelve octets at `at`, which must end before `end`. Returns the place behind it, or null
/// and what is wrong.
const char* behind_long_escape(const char* at, const char* end, Error& wrong) {
    wrong = Error::json_syntax;
    if (at[1] != 'u') return nullptr;
    const auto left = end - at;
    const uint32_t unit = four_hex_digits(at + 2);
    if (left < 6 || unit > 0xffff) return nullptr;
    if (unit < 0xd800 || unit > 0xdfff) return at + 6;
    const bool low_follows = (left <= 6 || at[6] == '\\') && (left <= 7 || at[7] == 'u'); // or the text is cut off
    const uint32_t low = four_hex_digits(at + 8);
    if (low_follows && (left < 12 || low > 0xffff)) return nullptr;
    if (low_follows && unit < 0xdc00 && low >= 0xdc00 && low <= 0xdfff) return at + 12;
    wrong = Error::json_surrogate;
    return nullptr;
}

/// A container that is not closed yet; the lowest one stands for the text itself.
struct Open {
    Duplicates::Names names; // of an object
    uint32_t node;
    uint32_t elements; // of an array
    char closing;      // what closes it; 0 for the text
};

} // namespace

class Walk {
  public:
    Walk(Scanner& scanner, PaddedView text)
        : text_(text.data), size_(text.size), sweep_(scanner.sweep_), limits_(scanner.limits_),
          number_fast_max_(std::min(scanner.limits_.number_bytes_max, 300U)), duplicates_(scanner.duplicates_),
          nodes_(scanner.nodes_.data()) {}

    /// Walks the whole text. Returns how many nodes it has, or what is wrong.
    Result<uint32_t> whole();
    bool beyond_ascii() const { return beyond_ascii_ != 0; }

  private:
    size_t far_string_end(size_t at, bool& escaped);
    size_t number_end(size_t begin);
    size_t behind_spaces(size_t at) const {
        while (at < size_ && is_space(text_[at])) ++at;
        return at;
    }
    bool has(size_t at, char octet) const { return at < size_ && text_[at] == octet; }

    const char* const text_;
    const size_t size_;
    const Sweep sweep_;
    const ScanLimits& limits_;
    const size_t number_fast_max_; // shorter than this and without an exponent, nothing overflows
    Duplicates& duplicates_;
    Node* const nodes_;
    uint64_t beyond_ascii_ = 0;
    Error wrong_ = Error::json_syntax; // why a function of this class returned `nowhere`
    static constexpr size_t nowhere = SIZE_MAX;
};

/// The closing quote of a string of which everything before `at` is plain, or nowhere. Escapes like company (JSON in a
/// string of JSON), so what a block has of them is checked at once; long plain runs are swept.
[[gnu::noinline]] size_t Walk::far_string_end(size_t at, bool& escaped) {
    wrong_ = Error::json_syntax;
    size_t checked_to = 0; // how far escapes of six and twelve octets have been looked at
    for (;;) {
        const Swept swept = sweep_(text_ + at, text_ + size_);
        beyond_ascii_ |= swept.beyond_ascii;
        at = static_cast<size_t>(swept.at - text_);
        if (at >= size_) return nowhere;
        if (text_[at] == '"') return at;
        uint32_t first = 0; // 1: the octet at `at` is escaped by the one before
        for (;; at += block_bytes) {
            const Marks marks = mark(text_ + at);
            beyond_ascii_ |= marks.beyond_ascii;
            if ((marks.quotes | marks.backslashes | marks.controls | first) == 0) break;
            const uint32_t targets = escaped_by(marks.backslashes, first);
            const uint32_t stops = (marks.quotes & ~targets) | marks.controls;
            const uint32_t before_stop = (stops & -stops) - 1; // all if nothing stops
            if ((marks.backslashes & before_stop) != 0) escaped = true;
            uint32_t longer = targets & block_mask & before_stop & ~marks.short_escapes;
            for (; longer != 0; longer &= longer - 1) {
                const size_t backslash = at + static_cast<size_t>(std::countr_zero(longer)) - 1;
                if (backslash < checked_to) continue; // the second half of a pair
                const char* const behind = behind_long_escape(text_ + backslash, text_ + size_, wrong_);
                if (behind == nullptr) return nowhere;
                checked_to = static_cast<size_t>(behind - text_);
            }
            if (stops != 0) {
                at += static_cast<size_t>(std::countr_zero(stops));
                return at < size_ && text_[at] == '"' ? at : nowhere;
            }
            if (at >= size_) return nowhere;
            first = targets >> block_bytes & 1;
        }
    }
}

/// The place behind the number at `begin`, or nowhere.
inline size_t Walk::number_end(size_t begin) {
    const auto behind_digits = [&](size_t at) {
        while (at < size_ && is_digit(text_[at])) ++at;
        return at;
    };
    const size_t whole = begin + (text_[begin] == '-' ? 1 : 0);
    size_t at = behind_digits(whole);
    wrong_ = Error::json_syntax;
    if (at == whole || (text_[whole] == '0' && at - whole > 1)) return nowhere;
    if (has(at, '.')) {
        const size_t fraction = at + 1;
        at = behind_digits(fraction);
        if (at == fraction) return nowhere;
    }
    if (!has(at, 'e') && !has(at, 'E') && at - begin <= number_fast_max_) [[likely]]
        return at;
    while (at < size_ && in_number(text_[at])) ++at;
    const NumberForm form = form_of_number({text_ + begin, at - begin});
    if (form == NumberForm::none) return nowhere;
    wrong_ = Error::json_number;
    return form == NumberForm::too_large || at - begin > limits_.number_bytes_max ? nowhere : at;
}

Result<uint32_t> Walk::whole() {
    Open stack[Scanner::depth_max + 1];
    Open* open = stack;
    Open* const deepest = stack + limits_.depth_max;
    open->closing = 0;
    const char* const text = text_; // in registers, whatever is written to the nodes
    const size_t size = size_;
    Node* node = nodes_; // the next one
    uint32_t count = 0;
    duplicates_.begin();

    const auto put = [&](Kind kind, size_t begin, size_t end) __attribute__((always_inline)) {
        ++count;
        *node++ = {static_cast<uint32_t>(begin), static_cast<uint32_t>(end - begin), count, kind, false, 0};
    };
    // Puts the string that begins at `begin`, and sets `end` to where its closing quote is.
    enum class String : uint8_t { plain, escaped, wrong };
    const auto put_string = [&](size_t begin, size_t& end) __attribute__((always_inline)) {
        const Block block = look(text + begin);
        beyond_ascii_ |= block.beyond_ascii;
        end = begin + static_cast<size_t>(std::countr_zero(block.special | 1U << block_bytes));
        if (text[end] == '"') [[likely]] {
            put(Kind::string, begin, end);
            return String::plain;
        }
        bool escaped = false;
        end = far_string_end(end, escaped);
        if (end == nowhere) return String::wrong;
        put(Kind::string, begin, end);
        node[-1].escaped = escaped;
        return escaped ? String::escaped : String::plain;
    };

    size_t at = 0;
    bool name_next = false;
    for (;;) {
        if (name_next) { // A member's name and the colon behind it.
            if (text[at] != '"') [[unlikely]] {
                at = behind_spaces(at);
                if (text[at] != '"') return fail(Error::json_syntax);
            }
            const size_t begin = at + 1;
            size_t end;
            const String string = put_string(begin, end);
            if (string == String::wrong) return fail(wrong_);
            const std::string_view name(text + begin, end - begin);
            using Added = Duplicates::Added;
            const Added added = string == String::plain ? duplicates_.add(open->names, name)
                                                        : duplicates_.add_escaped(open->names, name);
            if (added != Added::fresh) [[unlikely]] {
                if (end >= size) return fail(Error::json_syntax);
                return fail(added == Added::twice ? Error::json_duplicate : Error::json_members);
            }
            at = end + 1;
            if (text[at] != ':') [[unlikely]] {
                at = behind_spaces(at);
                if (text[at] != ':') return fail(Error::json_syntax);
            }
            ++at;
        }

        // A value begins here.
        if (text[at] == '"') {
            size_t end;
            if (put_string(at + 1, end) == String::wrong) return fail(wrong_);
            at = end + 1;
        } else if (text[at] == '{' || text[at] == '[') {
            if (at >= size) return fail(Error::json_syntax);
            if (open == deepest) return fail(Error::json_depth);
            name_next = text[at] == '{';
            *++open = {{0, 0}, count, 0, static_cast<char>(text[at] + 2)}; // brackets are two apart in ASCII
            put(name_next ? Kind::object : Kind::array, at, at);
            if (is_space(text[++at])) [[unlikely]]
                at = behind_spaces(at);
            if (text[at] != open->closing) continue;
        } else if (is_digit(text[at]) || text[at] == '-') {
            const size_t end = number_end(at);
            if (end == nowhere) return fail(wrong_);
            put(Kind::number, at, end);
            at = end;
        } else if (stands(text + at, "true")) {
            put(Kind::boolean, at, at + 4);
            at += 4;
        } else if (stands(text + at, "false")) {
            put(Kind::boolean, at, at + 5);
            at += 5;
        } else if (stands(text + at, "null")) {
            put(Kind::null, at, at + 4);
            at += 4;
        } else {
            if (!is_space(text[at])) return fail(Error::json_syntax);
            at = behind_spaces(at);
            if (at >= size) return fail(Error::json_syntax);
            name_next = false;
            continue;
        }

        // A value has ended: close what ends with it, until a comma asks for the next one.
        for (;;) {
            if (at >= size) {
                if (open != stack || at != size) return fail(Error::json_syntax);
                return count;
            }
            if (text[at] == ',') {
                ++at;
                name_next = open->closing == '}';
                if (name_next) break;
                if (open == stack) return fail(Error::json_syntax);
                ++open->elements;
                break;
            }
            if (text[at] != open->closing || open == stack) [[unlikely]] {
                if (!is_space(text[at])) return fail(Error::json_syntax);
                at = behind_spaces(at);
                continue;
            }
            ++at;
            Node& container = nodes_[open->node];
            container.length = static_cast<uint32_t>(at) - container.begin;
            container.next = count;
            uint32_t held = open->elements + (count - open->node == 1 ? 0 : 1);
            if (open->closing == '}') {
                held = open->names.count;
                if (!duplicates_.close(open->names)) return fail(Error::json_duplicate);
            }
            container.count_low = static_cast<uint16_t>(std::min(held, uint32_t{UINT16_MAX}));
            --open;
        }
    }
}

Scanner::Scanner(const ScanLimits& limits)
    : limits_(limits), sweep_(sweeps().front()),
      duplicates_(limits.text_bytes_max, limits.members_max, limits.depth_max),
      nodes_(limits.text_bytes_max / 2 + 8) { // the densest text is [1,1,1: two octets a node; and a few behind its end
    WEIR_ASSERT(limits.depth_max <= depth_max && limits.members_max < UINT16_MAX &&
                limits.text_bytes_max < UINT32_MAX / 2);
}

Result<Document> Scanner::scan(PaddedView text) {
    if (text.size > limits_.text_bytes_max) return fail(Error::json_too_large);
    if (text.size == 0) return fail(Error::json_syntax);
    largest_ = std::max(largest_, text.size);
    Walk walk(*this, text);
    const Result<uint32_t> nodes = walk.whole();
    if ((!nodes || walk.beyond_ascii()) && !valid_utf8(text.text())) return fail(Error::json_utf8);
    if (!nodes) return fail(nodes.error());
    return Document{text.text(), {nodes_.data(), *nodes}};
}

void Scanner::trim(size_t kept_bytes) {
    if (largest_ <= kept_bytes) return;
    duplicates_.trim(kept_bytes);
    nodes_.trim(kept_bytes / 2);
    largest_ = 0;
}

} // namespace weir::json
