// json/document.h - one strictly scanned JSON text and lazy views into it.
//
// Not a parser: scan.h makes Documents. Not a tree: nodes lie in one array in document order, an object's members as
// a name node followed by its value's node. Nothing is decoded until it is asked for, and numbers stay text for ever.
//
// Ownership: a Document borrows its text (a slab or PaddedBytes) and its nodes (the Scanner's); both must outlive it.
// A Value is two words; copy it. Values of one Document become invalid with the next scan of the same Scanner.
#pragma once

#include "base/workspace.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace weir::json {

enum class Kind : uint8_t { null, boolean, number, string, object, array };

/// One value (or member name) of the text. 16 bytes.
struct Node {
    uint32_t begin;  // first octet of the value in the text; for strings the one after the opening quote
    uint32_t length; // in octets; strings without their quotes, objects and arrays with their brackets
    uint32_t next;   // index of the node that follows this value's last one (itself + 1 for scalars and names)
    Kind kind;
    bool escaped;       // a string with at least one backslash
    uint16_t count_low; // objects and arrays: how many members, capped at 65535
};
static_assert(sizeof(Node) == 16);

struct Document {
    std::string_view text; // the whole text, as received
    std::span<const Node> nodes;
};

/// One value of a Document, or nothing (what a failed look-up returns). All questions may be asked of nothing.
class Value {
  public:
    Value() = default;
    Value(const Document& document, uint32_t index) : document_(&document), index_(index) {}
    static Value root(const Document& document) { return {document, 0}; }

    explicit operator bool() const { return document_ != nullptr; }
    Kind kind() const { return node().kind; } // only of something
    bool is(Kind kind) const { return document_ != nullptr && node().kind == kind; }
    /// The source text of the value: strings with their quotes, numbers as they were written.
    std::string_view raw() const;
    /// Strings: what stands between the quotes, undecoded. Equal to the decoded string iff !escaped().
    std::string_view undecoded() const;
    bool escaped() const { return document_ != nullptr && node().escaped; }
    /// The decoded string: a view into the text when it has no escapes, else decoded into `space`. Empty for others.
    std::string_view string(Workspace& space) const;
    /// Whether this is a string whose decoded form is `text`. No allocation.
    bool equals(std::string_view text) const;
    bool boolean() const { return is(Kind::boolean) && raw()[0] == 't'; }
    /// An integer that fits, written as digits without fraction or exponent; nothing otherwise.
    std::optional<int64_t> integer() const;
    /// Numbers as double (for comparisons of policies only).
    std::optional<double> number() const;

    /// Objects: the value of the member whose decoded name is `name`, or nothing. Linear in the members.
    Value find(std::string_view name) const;
    /// Arrays: the element, or nothing. Linear.
    Value at(size_t index) const;
    size_t count() const; // members or elements; 0 for scalars

    uint32_t index() const { return index_; }
    const Document* document() const { return document_; }

    /// Iteration: for (Value element : array.elements()), for (Member member : object.members()).
    struct Member;
    class Elements;
    class Members;
    Elements elements() const;
    Members members() const;

  private:
    const Node& node() const { return document_->nodes[index_]; }
    bool equals_escaped(std::string_view text) const;
    const Document* document_ = nullptr;
    uint32_t index_ = 0;
};

struct Value::Member {
    Value name; // always a string
    Value value;
};

class Value::Elements {
  public:
    struct Iterator {
        const Document* document;
        uint32_t index;
        Value operator*() const { return {*document, index}; }
        Iterator& operator++() {
            index = document->nodes[index].next;
            return *this;
        }
        bool operator!=(const Iterator& other) const { return index != other.index; }
    };
    Elements(const Document* document, uint32_t first, uint32_t end) : document_(document), first_(first), end_(end) {}
    Iterator begin() const { return {document_, first_}; }
    Iterator end() const { return {document_, end_}; }

  private:
    const Document* document_;
    uint32_t first_, end_;
};

class Value::Members {
  public:
    struct Iterator {
        const Document* document;
        uint32_t index; // of the name
        Member operator*() const { return {{*document, index}, {*document, index + 1}}; }
        Iterator& operator++() {
            index = document->nodes[index + 1].next;
            return *this;
        }
        bool operator!=(const Iterator& other) const { return index != other.index; }
    };
    Members(const Document* document, uint32_t first, uint32_t end) : document_(document), first_(first), end_(end) {}
    Iterator begin() const { return {document_, first_}; }
    Iterator end() const { return {document_, end_}; }

  private:
    const Document* document_;
    uint32_t first_, end_;
};

inline std::string_view Value::raw() const {
    if (document_ == nullptr) return {};
    const Node& at = node();
    const uint32_t quote = at.kind == Kind::string ? 1 : 0;
    return {document_->text.data() + at.begin - quote, at.length + 2 * quote};
}

inline std::string_view Value::undecoded() const {
    if (!is(Kind::string)) return {};
    return {document_->text.data() + node().begin, node().length};
}

inline bool Value::equals(std::string_view text) const {
    if (!is(Kind::string)) return false;
    const Node& at = node();
    if (at.escaped) return at.length >= text.size() && equals_escaped(text);
    return std::string_view(document_->text.data() + at.begin, at.length) == text;
}

inline Value::Elements Value::elements() const {
    if (!is(Kind::array)) return {nullptr, 0, 0};
    return {document_, index_ + 1, node().next};
}

inline Value::Members Value::members() const {
    if (!is(Kind::object)) return {nullptr, 0, 0};
    return {document_, index_ + 1, node().next};
}

} // namespace weir::json
