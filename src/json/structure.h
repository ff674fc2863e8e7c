// json/structure.h - where the tokens of a text begin: simdjson's first stage, behind a face of our own.
//
// The only file pair that knows simdjson (3.0 and later). The first stage also proves that the text is valid UTF-8,
// that no string holds a raw control character, and that the last string is closed; nothing else.
//
// Ownership: the offsets belong to the Structure and last until its next find().
#pragma once

#include "base/bytes.h"
#include "base/result.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace weir::json {

class Structure {
  public:
    /// For texts of at most `text_bytes_max` octets; four octets of address space for each.
    explicit Structure(size_t text_bytes_max);
    ~Structure();
    Structure(const Structure&) = delete;
    Structure& operator=(const Structure&) = delete;

    /// The offsets of all braces, brackets, colons, commas outside of strings, of all opening quotes, and of the
    /// first octet of everything else that is no white space, ascending; at least one. One entry past the end may be
    /// read and written.
    ///
    /// Errors: json_utf8; json_syntax (an unclosed string, a raw control character in a string, no token at all);
    /// json_too_large.
    Result<std::span<uint32_t>> find(PaddedView text);

    /// Gives back the memory of all offsets but the first `kept`.
    void trim(size_t kept);

  private:
    struct Parser; // keeps simdjson's header out of everybody's build
    std::unique_ptr<Parser> parser_;
    size_t text_bytes_max_;
};

/// Whether `text` is valid UTF-8. For texts that do not come out of a scan.
bool valid_utf8(std::string_view text);

} // namespace weir::json
