// http/request_head.cc - the head of a request: RFC 9112 sections 2, 3 and 6, without leniency.
#include "http/head.h"
#include "http/known.h"
#include "http/lines.h"
#include "http/scan.h"

#include <algorithm>
#include <cstring>

namespace weir::http {
namespace {

// Longer runs of letters are no method anybody has registered (RFC 9110 section 16.1).
constexpr size_t method_bytes_max = 32;

struct Read {
    const char* at;
    Error error;
    bool failed;
};
Read ok(const char* at) { return {at, Error::incomplete, false}; }
Read no(Error error) { return {nullptr, error, true}; }

bool starts(const char* at, const char* end, std::string_view text) {
    return static_cast<size_t>(end - at) >= text.size() && std::memcmp(at, text.data(), text.size()) == 0;
}

Read read_method(const char* at, const char* end, Method& method) {
    const auto is = [&](std::string_view name, Method candidate) {
        if (!starts(at, end, name)) return false;
        method = candidate;
        return true;
    };
    if (is("POST ", Method::post)) return ok(at + 5);
    if (is("GET ", Method::get)) return ok(at + 4);
    if (is("DELETE ", Method::delete_)) return ok(at + 7);
    if (is("OPTIONS ", Method::options)) return ok(at + 8);
    if (is("HEAD ", Method::head)) return ok(at + 5);
    const char* stop = at;
    while (stop != end && scan::is(*stop, scan::token)) {
        if (static_cast<size_t>(++stop - at) > method_bytes_max) return no(Error::method_not_allowed);
    }
    if (stop == end) return no(Error::incomplete);
    return no(*stop == ' ' && stop != at ? Error::method_not_allowed : Error::head_malformed);
}

// Finds the end of the target. Whether it is a good one is asked afterwards.
Read read_target_end(const char* at, const char* end, size_t bytes_max, bool& plain) {
    if (at == end) return no(Error::incomplete);
    if (*at != '/' && scan::lower(*at) != 'h') return no(Error::head_malformed);
    const char* const last = static_cast<size_t>(end - at) > bytes_max ? at + bytes_max + 1 : end;
    const char* stop = scan::skip_words(at, last, '.');
    unsigned seen = 0;
    while (stop != last) {
        const unsigned kind = scan::class_of[static_cast<unsigned char>(*stop)];
        if ((kind & (scan::path | scan::special)) == 0) break;
        seen |= kind;
        ++stop;
    }
    if (static_cast<size_t>(stop - at) > bytes_max) return no(Error::target_too_long);
    if (stop == end) return no(Error::incomplete);
    if (*stop != ' ') return no(Error::head_malformed);
    plain = (seen & scan::special) == 0;
    return ok(stop);
}

// A version that is not HTTP/1.1: what is it? Any octet that fits no version makes the line malformed at once.
Error version_error(const char* at, const char* end) {
    constexpr std::string_view shape = "HTTP/#.#\r\n";
    for (const char wanted : shape) {
        if (at == end) return Error::incomplete;
        if (wanted == '#' ? !scan::is(*at, scan::digit) : *at != wanted) return Error::head_malformed;
        ++at;
    }
    return Error::version_not_supported;
}

// origin-form, or absolute-form: then its authority has to be Host's (RFC 9112 section 3.2.2).
bool split_target(RequestHead& head, Authority& absolute) {
    std::string_view rest = head.target;
    if (rest[0] != '/') {
        const bool tls = begins_with(rest, "https://");
        if (!tls && !begins_with(rest, "http://")) return false;
        rest.remove_prefix(tls ? 8 : 7);
        const size_t end = std::min(rest.find_first_of("/?"), rest.size());
        const auto authority = read_authority(rest.substr(0, end));
        if (!authority) return false;
        absolute = *authority;
        rest.remove_prefix(end);
        if (rest.empty()) rest = "/";
    }
    const auto target = read_target(rest);
    if (!target) return false;
    head.path = target->path;
    head.query = target->query;
    return true;
}

Error frame(RequestHead& head) {
    constexpr uint64_t both = bit_of(FieldId::content_length) | bit_of(FieldId::transfer_encoding);
    const uint64_t said = head.seen & both;
    if (said == 0) return Error::incomplete;
    if (said == both) return Error::framing_ambiguous;
    if (head.has(FieldId::transfer_encoding)) {
        if (!equals(head.value(FieldId::transfer_encoding), "chunked")) return Error::framing_ambiguous;
        head.framing = Framing::chunked;
    } else {
        const auto length = read_content_length(head.value(FieldId::content_length));
        if (!length) return length.error();
        head.content_length = *length;
        if (*length != 0) head.framing = Framing::length;
    }
    if (head.framing != Framing::none && head.method != Method::post) return Error::body_not_allowed;
    return Error::incomplete;
}

// What the fields mean. Error::incomplete stands for "nothing is wrong": a head that came this far is complete.
Error interpret(RequestHead& head, const Authority& absolute) {
    if (!head.has(FieldId::host)) return Error::head_malformed;
    const auto authority = read_authority(head.value(FieldId::host));
    if (!authority) return Error::head_malformed;
    head.authority = *authority;
    if (!absolute.host.empty()) {
        const uint16_t port = head.target[4] == ':' ? 80 : 443;
        if (!authority_equal(absolute, head.authority, port)) return Error::head_malformed;
    }
    if (const Error error = frame(head); error != Error::incomplete) return error;

    constexpr uint64_t rare = bit_of(FieldId::connection) | bit_of(FieldId::expect) | bit_of(FieldId::content_encoding);
    if ((head.seen & rare) != 0) {
        const auto connection = read_connection(head);
        if (!connection) return connection.error();
        head.keep_alive = !connection->close;
        if (head.has(FieldId::expect)) {
            if (!equals(head.value(FieldId::expect), "100-continue")) return Error::expectation_failed;
            head.expect_continue = head.framing != Framing::none;
        }
        if (head.has(FieldId::content_encoding) && !equals(head.value(FieldId::content_encoding), "identity"))
            return Error::media_type_unsupported;
    }
    if (head.has(FieldId::content_type)) head.content_type = media_type(head.value(FieldId::content_type));
    Accepting accepting;
    head.each(FieldId::accept, [&accepting](std::string_view value) { accepting.line(value); });
    head.accepts = accepting.result();
    return Error::incomplete;
}

Error read(const char* begin, const char* end, std::span<Field> room, size_t target_bytes_max, RequestHead& head) {
    const char* at = begin;
    if (at == end) return Error::incomplete;
    if (*at == '\r') { // One empty line may come first (RFC 9112 section 2.2).
        if (end - at < 2) return Error::incomplete;
        if (at[1] != '\n') return Error::head_malformed;
        at += 2;
    }
    const Read method = read_method(at, end, head.method);
    if (method.failed) return method.error;

    bool plain = false;
    const Read target_end = read_target_end(method.at, end, target_bytes_max, plain);
    if (target_end.failed) return target_end.error;
    head.target = {method.at, static_cast<size_t>(target_end.at - method.at)};
    Authority absolute;
    if (plain && head.target[0] == '/') {
        head.path = head.target;
    } else if (!split_target(head, absolute)) {
        return Error::head_malformed;
    }

    at = target_end.at + 1;
    if (!starts(at, end, "HTTP/1.1\r\n")) return version_error(at, end);
    const auto after = read_lines(at + 10, end, room, head);
    if (!after) return after.error();
    head.size = static_cast<uint32_t>(*after - begin);
    return interpret(head, absolute);
}

} // namespace

std::string_view name_of(Method method) {
    switch (method) {
        case Method::get: return "GET";
        case Method::head: return "HEAD";
        case Method::post: return "POST";
        case Method::delete_: return "DELETE";
        case Method::options: return "OPTIONS";
    }
    return {};
}

Result<RequestHead> read_request_head(std::string_view bytes, std::span<Field> room, const HeadLimits& limits) {
    // What lies beyond the limit is never looked at, so that the verdict does not depend on how the octets arrive.
    const bool beyond = bytes.size() >= limits.head_bytes_max;
    if (beyond) bytes = bytes.substr(0, limits.head_bytes_max);
    Result<RequestHead> result(std::in_place);
    const Error error = read(bytes.data(), bytes.data() + bytes.size(), room, limits.target_bytes_max, *result);
    if (error != Error::incomplete || result->size == 0)
        result = fail(error == Error::incomplete && beyond ? Error::head_too_large : error);
    return result;
}

} // namespace weir::http
