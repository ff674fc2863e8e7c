// json/scan.cc - the second stage: grammar, strings, numbers and names, over the tokens that the first stage found.
//
// Two facts about the first stage carry this file. A token begins at its offset and ends before the white space that
// precedes the next offset, so nothing has to look for the end of a string or a number. And offsets are trusted to be
// ascending, not to make sense: every octet is looked at again before it is taken for what it seems to be.
//
// Nothing checks for the end of the offsets inside the loop. The text is refused at once unless its first token is an
// opening and its last one a closing bracket; so the end can be reached only behind a closing bracket, where a comma
// or another closing bracket must stand, and the entry behind the last offset points to the first token, which is
// neither. (A text of a single scalar is read apart.)
#include "json/scan.h"

#include "json/escape.h"
#include "json/number.h"

#include <algorithm>

namespace weir::json {

namespace {

bool is_space(char octet) { return octet == ' ' || octet == '\t' || octet == '\n' || octet == '\r'; }

/// The end of the token that begins at `begin` when the next one begins at `next`.
uint32_t end_of_token(const char* text, uint32_t begin, uint32_t next) {
    while (next != begin && is_space(text[next - 1])) --next;
    return next;
}

constexpr uint32_t no_escape = UINT32_MAX;

} // namespace

class Walk {
  public:
    Walk(Scanner& scanner, PaddedView text, const uint32_t* token)
        : text_(text.data), size_(static_cast<uint32_t>(text.size)), limits_(scanner.limits_),
          duplicates_(scanner.duplicates_), nodes_(scanner.nodes_.data()), token_(token) {
        duplicates_.begin();
        next_escape_ = find_escape(0);
    }

    /// Walks a text whose root is an object or an array. Returns no error, or what is wrong.
    std::optional<Error> containers();
    /// Reads a text whose root is the scalar [begin, end).
    std::optional<Error> scalar(uint32_t begin, uint32_t end);

    const uint32_t* token() const { return token_; }
    uint32_t node_count() const { return count_; }

  private:
    struct Open {
        Duplicates::Names names;
        uint32_t node;
        uint32_t elements; // of an array
        bool object;
    };

    uint32_t find_escape(uint32_t from) const {
        const void* found = std::memchr(text_ + from, '\\', size_ - from);
        return found == nullptr ? no_escape : static_cast<uint32_t>(static_cast<const char*>(found) - text_);
    }
    void put(Kind kind, uint32_t begin, uint32_t length, bool escaped = false) {
        nodes_[count_] = {begin, length, count_ + 1, kind, escaped, 0};
        ++count_;
    }
    std::optional<Error> literal(uint32_t begin, uint32_t end);
    std::optional<Error> string(uint32_t begin, uint32_t end);
    std::optional<Error> name(Open& open);
    std::optional<Error> escapes(uint32_t end);

    const char* const text_;
    const uint32_t size_;
    const ScanLimits& limits_;
    Duplicates& duplicates_;
    Node* const nodes_;
    const uint32_t* token_;
    uint32_t count_ = 0;
    uint32_t next_escape_; // the first backslash that is not behind us
};

/// A token that is neither string nor container: null, a boolean or a number.
std::optional<Error> Walk::literal(uint32_t begin, uint32_t end) {
    const std::string_view token(text_ + begin, end - begin);
    switch (token.front()) {
        case 't':
            if (token != "true") return Error::json_syntax;
            put(Kind::boolean, begin, 4);
            return std::nullopt;
        case 'f':
            if (token != "false") return Error::json_syntax;
            put(Kind::boolean, begin, 5);
            return std::nullopt;
        case 'n':
            if (token != "null") return Error::json_syntax;
            put(Kind::null, begin, 4);
            return std::nullopt;
        default: break;
    }
    const NumberForm form = form_of_number(token);
    if (form == NumberForm::none) return Error::json_syntax;
    if (form == NumberForm::too_large || token.size() > limits_.number_bytes_max) return Error::json_number;
    put(Kind::number, begin, end - begin);
    return std::nullopt;
}

/// The string token [begin, end), quotes included.
std::optional<Error> Walk::string(uint32_t begin, uint32_t end) {
    if (end < begin + 2 || text_[end - 1] != '"') return Error::json_syntax;
    const bool escaped = next_escape_ < end;
    if (escaped) [[unlikely]] {
        if (const auto wrong = escapes(end - 1)) return wrong;
    }
    put(Kind::string, begin + 1, end - begin - 2, escaped);
    return std::nullopt;
}

/// Checks the escapes of the string that ends at `end` (its closing quote), from next_escape_ on.
std::optional<Error> Walk::escapes(uint32_t end) {
    uint32_t at = next_escape_;
    while (at < end) {
        switch (text_[at + 1]) {
            case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't': at += 2; break;
            case 'u': {
                const uint32_t unit = four_hex_digits(text_ + at + 2);
                if (unit > 0xffff) return Error::json_syntax;
                at += 6;
                if (unit < 0xd800 || unit > 0xdfff) break;
                if (unit > 0xdbff || text_[at] != '\\' || text_[at + 1] != 'u') return Error::json_surrogate;
                const uint32_t low = four_hex_digits(text_ + at + 2);
                if (low > 0xffff) return Error::json_syntax;
                if (low < 0xdc00 || low > 0xdfff) return Error::json_surrogate;
                at += 6;
                break;
            }
            default: return Error::json_syntax;
        }
        if (text_[at] != '\\') at = find_escape(at);
    }
    next_escape_ = at;
    return std::nullopt;
}

/// A member's name and the colon behind it.
std::optional<Error> Walk::name(Open& open) {
    const uint32_t begin = token_[0];
    if (text_[begin] != '"' || text_[token_[1]] != ':') return Error::json_syntax;
    const uint32_t index = count_;
    if (const auto wrong = string(begin, end_of_token(text_, begin, token_[1]))) return wrong;
    token_ += 2;
    if (open.names.count == limits_.members_max) return Error::json_members;
    const Node& node = nodes_[index];
    const std::string_view name(text_ + node.begin, node.length);
    const bool fresh = node.escaped ? duplicates_.add_escaped(open.names, name) : duplicates_.add(open.names, name);
    if (!fresh) return Error::json_duplicate;
    return std::nullopt;
}

std::optional<Error> Walk::containers() {
    Open stack[Scanner::depth_max];
    uint32_t depth = 0;
    for (;;) {
        // One value begins at *token_.
        const uint32_t begin = *token_++;
        const char first = text_[begin];
        if (first == '{' || first == '[') {
            const bool object = first == '{';
            if (depth == limits_.depth_max) return Error::json_depth;
            Open& open = stack[depth++];
            open = {{}, count_, 0, object};
            put(object ? Kind::object : Kind::array, begin, 0);
            if (text_[*token_] != (object ? '}' : ']')) {
                if (object) {
                    if (const auto wrong = name(open)) return wrong;
                }
                continue;
            }
        } else {
            if (depth != 0) ++stack[depth - 1].elements;
            const uint32_t end = end_of_token(text_, begin, *token_);
            const auto wrong = first == '"' ? string(begin, end) : literal(begin, end);
            if (wrong) return wrong;
        }
        // A value has ended: what its container says next.
        for (;;) {
            Open& open = stack[depth - 1];
            const uint32_t at = *token_++;
            if (text_[at] == ',') {
                if (open.object) {
                    if (const auto wrong = name(open)) return wrong;
                }
                break;
            }
            if (text_[at] != (open.object ? '}' : ']')) return Error::json_syntax;
            Node& node = nodes_[open.node];
            node.length = at + 1 - node.begin;
            node.next = count_;
            if (open.object && !duplicates_.close(open.names)) return Error::json_duplicate;
            const uint32_t held = open.object ? open.names.count : open.elements;
            node.count_low = static_cast<uint16_t>(std::min(held, uint32_t{UINT16_MAX}));
            if (--depth == 0) return std::nullopt;
            ++stack[depth - 1].elements;
        }
    }
}

std::optional<Error> Walk::scalar(uint32_t begin, uint32_t end) {
    return text_[begin] == '"' ? string(begin, end) : literal(begin, end);
}

Scanner::Scanner(const ScanLimits& limits)
    : limits_(limits), structure_(limits.text_bytes_max),
      duplicates_(limits.text_bytes_max, limits.members_max, limits.depth_max),
      nodes_(limits.text_bytes_max / 2 + 2) { // the densest text is [1,1,1: two octets a node
    WEIR_ASSERT(limits.depth_max <= depth_max && limits.members_max < UINT16_MAX && limits.text_bytes_max < UINT32_MAX / 2);
}

Result<Document> Scanner::scan(PaddedView text) {
    if (text.size > limits_.text_bytes_max) return fail(Error::json_too_large);
    if (text.size == 0) return fail(Error::json_syntax);
    largest_ = std::max(largest_, text.size);
    const auto found = structure_.find(text);
    if (!found) return fail(found.error());

    const std::span<uint32_t> tokens = *found;
    const char first = text.data[tokens.front()], last = text.data[tokens.back()];
    Walk walk(*this, text, tokens.data());
    std::optional<Error> wrong;
    if (first == '{' || first == '[') {
        if (last != (first == '{' ? '}' : ']')) return fail(Error::json_syntax);
        tokens.data()[tokens.size()] = tokens.front(); // ends every walk too far; see the top
        wrong = walk.containers();
        if (!wrong && walk.token() != tokens.data() + tokens.size()) wrong = Error::json_syntax;
    } else {
        if (tokens.size() != 1) return fail(Error::json_syntax);
        const auto size = static_cast<uint32_t>(text.size);
        wrong = walk.scalar(tokens.front(), end_of_token(text.data, tokens.front(), size));
    }
    if (wrong) return fail(*wrong);
    return Document{text.text(), {nodes_.data(), walk.node_count()}};
}

void Scanner::trim(size_t kept_bytes) {
    if (largest_ <= kept_bytes) return;
    structure_.trim(kept_bytes);
    duplicates_.trim(kept_bytes);
    nodes_.trim(kept_bytes / 2);
    largest_ = 0;
}

} // namespace weir::json
