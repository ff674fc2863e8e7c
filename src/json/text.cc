// json/text.cc - a JSON text from its values: commas, quotes, escapes.
#include "json/text.h"

#include "json/escape.h"

namespace weir::json {

void Text::separate() {
    if (!first_) text_ += ',';
    first_ = false;
}

void Text::quote(std::string_view text) {
    const size_t begin = text_.size();
    text_.resize(begin + escaped_bytes_max(text.size()) + 2);
    char* at = text_.data() + begin;
    *at++ = '"';
    at = write_escaped(text, at);
    *at++ = '"';
    text_.resize(static_cast<size_t>(at - text_.data()));
}

Text& Text::open(char bracket) {
    separate();
    text_ += bracket;
    first_ = true;
    return *this;
}

Text& Text::close(char bracket) {
    text_ += bracket;
    first_ = false;
    return *this;
}

Text& Text::name(std::string_view name) {
    separate();
    quote(name);
    text_ += ':';
    first_ = true;
    return *this;
}

Text& Text::string(std::string_view text) {
    separate();
    quote(text);
    return *this;
}

Text& Text::number(int64_t number) { return raw(std::to_string(number)); }
Text& Text::boolean(bool value) { return raw(value ? "true" : "false"); }
Text& Text::null() { return raw("null"); }

Text& Text::raw(std::string_view json) {
    separate();
    text_ += json;
    return *this;
}

} // namespace weir::json
