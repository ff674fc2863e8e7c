// http/media.h - the two media types of MCP in Content-Type and Accept.
//
// Pure, owns nothing. Not a general media type parser: every other type is `other`.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir::http {

enum class MediaType : uint8_t {
    none,         // no Content-Type
    json,         // application/json, in UTF-8
    event_stream, // text/event-stream, in UTF-8
    other,        // any other, also one of these two with a parameter that is not charset=utf-8
};

/// Reads one Content-Type (RFC 9110 section 8.3).
MediaType media_type(std::string_view content_type);

/// What a client takes (RFC 9110 section 12.5.1): the most specific range that matches a type decides, q=0 refuses it.
struct Accepts {
    bool json = false;
    bool event_stream = false;
};

/// What all Accept lines together say; give each in its order. Start with Accepting{}; without any line all is taken.
class Accepting {
  public:
    void line(std::string_view accept);
    Accepts result() const;

  private:
    struct Best {
        uint8_t specificity = 0; // 0: no range matched yet, 1: */*, 2: type/*, 3: the type itself
        bool taken = false;
    };
    Best json_, event_stream_;
    bool any_ = false;
};

} // namespace weir::http
