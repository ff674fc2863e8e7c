// http/head.h - reads the head of one HTTP/1.1 request, or of one answer, out of bytes that have already arrived.
//
// Pure: no I/O, no clock, no allocation, nothing kept between calls. While a head is still incomplete the caller
// receives more bytes and asks again from the start; a head is small (head_bytes_max), so rereading it is cheaper than
// remembering where we were. The verdict on a part of a head is `incomplete` or the verdict on the whole of it.
//
// One grammar, RFC 9112's without its leniencies: lines end with CRLF, no line is folded, no white space stands before
// a colon, the length of a body is said once and in one way. What a head means for framing is computed here, so that
// nobody has to read the fields again for it. Octets above 127 are let through in the values of fields that weir does
// not interpret (RFC 9110 section 5.5, obs-text) and refused in those it does. Names are tokens; a name that equals a
// known one but for underscores is refused, since some servers take it for that one.
//
// Ownership: every view points into `bytes`, or is the constant "/". Hold the memory those bytes live in for as long as
// you hold the head; the fields live in `room`.
#pragma once

#include "base/limits.h"
#include "base/result.h"
#include "http/fields.h"
#include "http/media.h"
#include "http/url.h"

#include <optional>
#include <span>
#include <string_view>

namespace weir::http {

enum class Method : uint8_t { get, head, post, delete_, options };

/// "GET", "HEAD", "POST", "DELETE", "OPTIONS".
std::string_view name_of(Method method);

/// Where a body ends.
enum class Framing : uint8_t {
    none,        // there is no body
    length,      // after content_length octets, at least one
    chunked,     // see http/body.h
    until_close, // with the connection; answers only
};

/// The limits of a head. How many fields one may have is the size of the room given (at most FieldSet::fields_max).
struct HeadLimits {
    uint32_t head_bytes_max = Limits{}.head_bytes_max;
    uint32_t target_bytes_max = Limits{}.target_bytes_max;

    HeadLimits() = default;
    explicit(false) HeadLimits(const Limits& limits)
        : head_bytes_max(limits.head_bytes_max), target_bytes_max(limits.target_bytes_max) {}
};

struct RequestHead : FieldSet {
    Method method = Method::get;
    Framing framing = Framing::none;
    bool keep_alive = true;       // the client did not say close
    bool expect_continue = false; // it waits for a 100 before it sends its body
    MediaType content_type = MediaType::none;
    Accepts accepts;             // both if there is no Accept
    uint32_t size = 0;           // octets of the head, with its empty line and the empty line before it, if any
    uint64_t content_length = 0; // framing::length
    std::string_view target;     // as it came
    std::string_view path;       // of the target; begins with '/', no dot segments, see read_target()
    std::string_view query;      // without its '?'
    Authority authority;         // of Host; whether it is served here is for the caller to ask: authority_equal()
};

/// Reads the head of one request from the front of `bytes`, putting its fields into `room`.
///
/// Errors, and what the caller owes the client for each; the connection ends after all but the first:
///   incomplete              nothing yet: receive more and call again
///   head_malformed          400  the grammar, a missing or odd Host, a field twice that may come once, a target that is
///                                not origin-form (or absolute-form naming Host), Connection naming what is not its own
///   head_too_large          431  over head_bytes_max, or more fields than `room` holds
///   target_too_long         414
///   method_not_allowed      405  a method that MCP has no use for, in whatever case
///   version_not_supported   505  HTTP/1.0, HTTP/1.2, HTTP/2.0
///   framing_ambiguous       400  Content-Length and Transfer-Encoding, one of them twice, or not as RFC 9112 section 6 has it
///   body_not_allowed        400  GET, DELETE or OPTIONS with a body
///   body_too_large          413  a Content-Length of 10^18 or more (the caller compares it with its own limit)
///   expectation_failed      417
///   media_type_unsupported  415  Content-Encoding other than identity
Result<RequestHead> read_request_head(std::string_view bytes, std::span<Field> room, const HeadLimits& limits);

struct AnswerHead : FieldSet {
    uint16_t status = 0; // 100..599, never 101
    Framing framing = Framing::none;
    bool keep_alive = true; // the connection may carry another request after this answer
    MediaType content_type = MediaType::none;
    uint32_t size = 0;                            // octets of the head, with its empty line
    uint64_t content_length = 0;                  // framing::length
    std::optional<uint32_t> keep_alive_timeout_s; // of Keep-Alive: timeout=
    std::string_view reason;                      // never sent on

    /// 1xx: take its octets away and read the next head. The caller counts them (informational_max).
    bool informational() const { return status < 200; }
};

/// Reads the head of one answer to a GET, POST, DELETE or OPTIONS from the front of `bytes`. HTTP/1.1, or HTTP/1.0 with
/// a Content-Length or an end by closing. The target limit does not matter.
///
/// Errors; the connection is of no more use after all but the first:
///   incomplete          nothing yet: receive more and call again
///   upstream_malformed  502  the grammar; a status out of range; 101; two lengths, or a length where none may be; a coding
///                            of the transfer other than chunked or of the content other than identity
///   upstream_too_large  502  the head is over head_bytes_max, or has more fields than `room` holds
Result<AnswerHead> read_answer_head(std::string_view bytes, std::span<Field> room, const HeadLimits& limits);

} // namespace weir::http
