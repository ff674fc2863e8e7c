// http/sse.h - event streams (WHATWG HTML, section 9.2): events out of octets, and octets for events.
//
// Pure: no I/O, no clock; allocates only through the PaddedBytes it is given. The caller gathers the octets and keeps
// what is not consumed; the reader remembers how far it has looked, so that an event of 16 MiB that arrives in reads of
// 16 KiB is looked at once. An event is complete at its empty line at once, even where CR could still become CRLF.
//
// Not a decoder of text: data is passed on as it came. What follows the last empty line when a stream ends is no event:
// drop it (the specification says so).
#pragma once

#include "base/bytes.h"
#include "base/limits.h"
#include "base/result.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace weir::http {

/// Reconnection times longer than this are taken for nonsense and ignored.
inline constexpr uint32_t retry_ms_max = 3'600'000;

/// One block of an event stream, up to and with its empty line. With neither data, id nor retry it is only a sign of
/// life (comments, unknown fields): consume it.
struct Event {
    size_t consumed = 0;              // octets done with, the empty line included
    std::string_view data;            // of all data lines, joined with LF; a view into the octets if there is one line
    std::string_view id;              // of the last id line that counts
    std::string_view type;            // of the last event line; empty means "message"
    bool has_data = false;            // at least one data line, be it empty
    bool has_id = false;              // at least one id line without NUL; an empty id resets the client's
    std::optional<uint32_t> retry_ms; // of the last retry line that is digits and at most retry_ms_max

    bool empty() const { return !has_data && !has_id && !retry_ms; }
};

class EventReader {
  public:
    explicit EventReader(size_t event_bytes_max = Limits{}.answer_bytes_max) : event_bytes_max_(event_bytes_max) {}

    /// Reads the next event. `bytes` begins at the first octet not yet consumed and holds at least what the call before
    /// held. Data of several lines is put together in `joined`, which is cleared for it; views in the Event point there
    /// or into `bytes`. Whole lines that say nothing are given back as an empty Event before their empty line has come,
    /// so that a stream of comments does not pile up.
    ///
    /// Errors:
    ///   incomplete          gather more and call again; nothing is consumed
    ///   upstream_too_large  over event_bytes_max without an end: give the stream up
    Result<Event> next(std::string_view bytes, PaddedBytes& joined);

  private:
    struct Part {
        size_t at = 0, size = 0;
        std::string_view of(std::string_view bytes) const { return bytes.substr(at, size); }
    };
    void line(std::string_view bytes, size_t end);
    void join(std::string_view bytes, PaddedBytes& joined) const;
    Event finish(std::string_view bytes, size_t consumed, PaddedBytes& joined);
    bool only_comments() const { return data_lines_ == 0 && !has_id_ && !has_type_ && !retry_ms_; }

    size_t event_bytes_max_;
    size_t begin_ = 0;  // where the first line begins: behind a BOM or the LF of a CRLF
    size_t line_ = 0;   // where the line begins that is being looked at
    size_t looked_ = 0; // up to here there is no end of that line
    size_t data_lines_ = 0;
    Part data_{}, id_{}, type_{}; // relative to the first octet not yet consumed
    bool has_id_ = false;
    bool has_type_ = false;
    std::optional<uint32_t> retry_ms_;
    bool at_start_ = true;  // a BOM may come
    bool after_cr_ = false; // an LF that comes first belongs to what was consumed
};

/// Writes the parts of one event, its data as one line for each line in it (CR, LF and CRLF end a line, as a reader
/// sees it), and the empty line. `retry_ms` and an id are left out if they are not given; an empty type is left out.
/// invalid: an id or a type with CR, LF or NUL; nothing is written then.
struct EventParts {
    std::optional<std::string_view> id{};
    std::optional<uint32_t> retry_ms{};
    std::string_view type{};
    std::optional<std::string_view> data{};
};
Result<void> write_event(PaddedBytes& out, const EventParts& event);

/// Writes a comment and an empty line: a sign of life. `text` has no CR and no LF (asserted).
void write_comment(PaddedBytes& out, std::string_view text);

} // namespace weir::http
