// http/lines.h - reads the field lines of a head, of a request or of an answer, up to the empty line.
//
// Pure, internal to src/http. One pass; the errors are those of a request.
#pragma once

#include "base/result.h"
#include "http/fields.h"

#include <span>

namespace weir::http {

/// What Connection says (RFC 9110 section 7.6.1).
struct Connection {
    bool close = false;
};

/// Reads field lines from `at` on, into `room` and `set`; the octet after the empty line. Errors: incomplete,
/// head_malformed, head_too_large (more lines than room), framing_ambiguous (two lengths or two codings).
Result<const char*> read_lines(const char* at, const char* end, std::span<Field> room, FieldSet& set);

/// Reads all Connection lines. head_malformed: not a list of tokens, or it names a field that is not about one
/// connection only, so that a proxy in front or behind would drop it.
Result<Connection> read_connection(const FieldSet& set);

/// Reads 1*DIGIT without a needless zero. framing_ambiguous: anything else; body_too_large: of 10^18 octets or more.
Result<uint64_t> read_content_length(std::string_view value);

} // namespace weir::http
