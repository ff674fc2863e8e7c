// http/sse.cc - event streams: the grammar and the dispatch of WHATWG HTML, section 9.2.6.
#include "http/sse.h"

#include "http/scan.h"

#include <algorithm>
#include <utility>

namespace weir::http {
namespace {

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

enum class LineKind : uint8_t { other, data, id, event, retry };

struct Line {
    LineKind kind = LineKind::other;
    std::string_view value;
};

// One line without its end: a field name, then a colon, then at most one space that does not count, then the value.
Line classify(std::string_view text) {
    using Named = std::pair<std::string_view, LineKind>;
    constexpr Named names[] = {
        {"data", LineKind::data}, {"id", LineKind::id}, {"event", LineKind::event}, {"retry", LineKind::retry}};
    for (const auto& [name, kind] : names) {
        if (!text.starts_with(name)) continue;
        text.remove_prefix(name.size());
        if (text.empty()) return {kind, {}};
        if (text[0] != ':') return {};
        text.remove_prefix(text.size() > 1 && text[1] == ' ' ? 2 : 1);
        return {kind, text};
    }
    return {};
}

std::optional<uint32_t> read_retry(std::string_view value) {
    uint64_t ms = 0;
    if (value.empty()) return std::nullopt;
    for (const char octet : value) {
        if (!scan::is(octet, scan::digit)) return std::nullopt;
        ms = std::min<uint64_t>(ms * 10 + static_cast<uint64_t>(octet - '0'), uint64_t{retry_ms_max} + 1);
    }
    if (ms > retry_ms_max) return std::nullopt;
    return static_cast<uint32_t>(ms);
}

// Where the line after the one that ends at `end` begins.
size_t next_line(std::string_view bytes, size_t end) {
    return end + (bytes[end] == '\r' && end + 1 < bytes.size() && bytes[end + 1] == '\n' ? 2 : 1);
}

size_t find_line_end(std::string_view bytes, size_t from) {
    const char* const end = scan::line_end(bytes.data() + from, bytes.data() + bytes.size());
    return static_cast<size_t>(end - bytes.data());
}

bool has_line_break(std::string_view text) { return find_line_end(text, 0) != text.size(); }

} // namespace

void EventReader::line(std::string_view bytes, size_t end) {
    const Line found = classify(bytes.substr(line_, end - line_));
    const Part part{static_cast<size_t>(found.value.data() - bytes.data()), found.value.size()};
    switch (found.kind) {
        case LineKind::data:
            if (data_lines_++ == 0) data_ = found.value.empty() ? Part{} : part;
            break;
        case LineKind::id:
            if (found.value.find('\0') != std::string_view::npos) break;
            id_ = found.value.empty() ? Part{} : part;
            has_id_ = true;
            break;
        case LineKind::event:
            type_ = found.value.empty() ? Part{} : part;
            has_type_ = true;
            break;
        case LineKind::retry: {
            const auto ms = read_retry(found.value);
            if (ms) retry_ms_ = ms;
            break;
        }
        case LineKind::other: break;
    }
}

void EventReader::join(std::string_view bytes, PaddedBytes& joined) const {
    joined.clear();
    joined.reserve(bytes.size());
    size_t lines = 0;
    for (size_t at = begin_; at < bytes.size();) {
        const size_t end = find_line_end(bytes, at);
        if (end == bytes.size()) break;
        const Line found = classify(bytes.substr(at, end - at));
        if (found.kind == LineKind::data) {
            if (lines++ != 0) joined.append('\n');
            joined.append(found.value);
        }
        at = next_line(bytes, end);
    }
}

Event EventReader::finish(std::string_view bytes, size_t consumed, PaddedBytes& joined) {
    Event event;
    event.consumed = consumed;
    event.has_data = data_lines_ != 0;
    if (data_lines_ == 1) event.data = data_.of(bytes);
    if (data_lines_ > 1) {
        join(bytes.substr(0, consumed), joined);
        event.data = joined.text();
    }
    event.has_id = has_id_;
    if (has_id_) event.id = id_.of(bytes);
    if (has_type_) event.type = type_.of(bytes);
    event.retry_ms = retry_ms_;

    after_cr_ = consumed == bytes.size() && consumed != 0 && bytes[consumed - 1] == '\r';
    begin_ = line_ = looked_ = data_lines_ = 0;
    has_id_ = has_type_ = false;
    retry_ms_.reset();
    return event;
}

Result<Event> EventReader::next(std::string_view bytes, PaddedBytes& joined) {
    if (at_start_) {
        if (bytes.size() < byte_order_mark.size() && byte_order_mark.starts_with(bytes)) return fail(Error::incomplete);
        if (bytes.starts_with(byte_order_mark)) begin_ = line_ = looked_ = byte_order_mark.size();
        at_start_ = false;
    }
    if (after_cr_) {
        if (bytes.empty()) return fail(Error::incomplete);
        if (bytes[0] == '\n') begin_ = line_ = looked_ = 1;
        after_cr_ = false;
    }
    for (;;) {
        // A line that ended with the last octet we had, CR, ends with CRLF if LF came since.
        if (line_ != 0 && looked_ == line_ && line_ < bytes.size() && bytes[line_ - 1] == '\r' && bytes[line_] == '\n')
            looked_ = ++line_;
        const size_t end = find_line_end(bytes, looked_);
        if (end == bytes.size()) {
            looked_ = end;
            break;
        }
        const size_t next = next_line(bytes, end);
        if (end == line_) {
            if (next > event_bytes_max_) return fail(Error::upstream_too_large);
            return finish(bytes, next, joined);
        }
        line(bytes, end);
        line_ = looked_ = next;
    }
    if (only_comments() && line_ != 0) {
        const size_t rest = looked_ - line_;
        Event nothing = finish(bytes.substr(0, line_), line_, joined);
        looked_ = rest;
        return nothing;
    }
    return fail(bytes.size() > event_bytes_max_ ? Error::upstream_too_large : Error::incomplete);
}

Result<void> write_event(PaddedBytes& out, const EventParts& event) {
    constexpr auto single_line = [](std::string_view text) {
        return !has_line_break(text) && text.find('\0') == std::string_view::npos;
    };
    if (!single_line(event.type) || (event.id && !single_line(*event.id))) return fail(Error::invalid);
    const auto field = [&out](std::string_view name, std::string_view value) {
        out.append(name);
        out.append(value);
        out.append('\n');
    };
    out.reserve(event.type.size() + event.id.value_or("").size() + event.data.value_or("").size() + 64);
    if (event.id) field("id: ", *event.id);
    if (!event.type.empty()) field("event: ", event.type);
    if (event.retry_ms) {
        out.append("retry: ");
        out.append_number(*event.retry_ms);
        out.append('\n');
    }
    if (event.data) {
        const std::string_view data = *event.data;
        for (size_t at = 0;;) {
            const size_t end = find_line_end(data, at);
            field("data: ", data.substr(at, end - at));
            if (end == data.size()) break;
            at = next_line(data, end);
        }
    }
    out.append('\n');
    return {};
}

void write_comment(PaddedBytes& out, std::string_view text) {
    WEIR_ASSERT(!has_line_break(text));
    out.append(": ");
    out.append(text);
    out.append("\n\n");
}

} // namespace weir::http
