// json/text.h - builds one JSON text, value by value, for people who write little of it.
//
// Not for the path of a call: it allocates. Strings are escaped minimally and must be UTF-8.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weir::json {

/// begin and end must pair up; inside an object each value comes after its name.
class Text {
  public:
    Text& begin_object() { return open('{'); }
    Text& end_object() { return close('}'); }
    Text& begin_array() { return open('['); }
    Text& end_array() { return close(']'); }
    Text& name(std::string_view name);
    Text& string(std::string_view text);
    Text& number(int64_t number);
    Text& boolean(bool value);
    Text& null();
    Text& raw(std::string_view json); // a JSON text as it is
    const std::string& text() const { return text_; }

  private:
    Text& open(char bracket);
    Text& close(char bracket);
    void separate();
    void quote(std::string_view text);
    std::string text_;
    bool first_ = true;
};

} // namespace weir::json
