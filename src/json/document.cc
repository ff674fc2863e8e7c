// json/document.cc - what a Value answers when it is asked for more than its place in the text.
#include "json/document.h"

#include "json/escape.h"

#include <charconv>

namespace weir::json {

std::string_view Value::string(Workspace& space) const {
    const std::string_view text = undecoded();
    if (text.empty() || !node().escaped) return text;
    char* to = space.take(text.size(), 1);
    return {to, decode(text, to)};
}

bool Value::equals_escaped(std::string_view text) const { return decodes_to(undecoded(), text); }

std::optional<int64_t> Value::integer() const {
    if (!is(Kind::number)) return std::nullopt;
    const std::string_view digits = raw();
    int64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    return value;
}

std::optional<double> Value::number() const {
    if (!is(Kind::number)) return std::nullopt;
    const std::string_view digits = raw();
    double value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    // The scan refused what overflows, so what is out of range here is too small: zero with its sign.
    if (error == std::errc::result_out_of_range) return digits.front() == '-' ? -0.0 : 0.0;
    return value;
}

Value Value::find(std::string_view name) const {
    if (!is(Kind::object)) return {};
    const Node* nodes = document_->nodes.data();
    const uint32_t end = nodes[index_].next;
    for (uint32_t at = index_ + 1; at != end; at = nodes[at + 1].next)
        if (Value(*document_, at).equals(name)) return {*document_, at + 1};
    return {};
}

Value Value::at(size_t index) const {
    if (!is(Kind::array)) return {};
    const Node* nodes = document_->nodes.data();
    const uint32_t end = nodes[index_].next;
    for (uint32_t at = index_ + 1; at != end; at = nodes[at].next)
        if (index-- == 0) return {*document_, at};
    return {};
}

size_t Value::count() const {
    if (!is(Kind::array) && !is(Kind::object)) return 0;
    const Node* nodes = document_->nodes.data();
    if (nodes[index_].count_low < UINT16_MAX || is(Kind::object)) return nodes[index_].count_low;
    size_t counted = 0;
    for (uint32_t at = index_ + 1, end = nodes[index_].next; at != end; at = nodes[at].next) ++counted;
    return counted;
}

} // namespace weir::json
