// http/answer_head.cc - the head of an answer: RFC 9112 sections 4 and 6.3, where nothing ambiguous is let through.
#include "http/head.h"
#include "http/known.h"
#include "http/lines.h"
#include "http/scan.h"

#include <charconv>

namespace weir::http {
namespace {

// Keep-Alive: timeout=5, max=100 (RFC 2068 section 19.7.1.1). A hint: what is not understood is ignored.
std::optional<uint32_t> read_timeout(std::string_view value) {
    constexpr std::string_view name = "timeout=";
    for (size_t at = 0; at < value.size(); ++at) {
        if (scan::is_space(value[at]) || value[at] == ',') continue;
        const size_t end = std::min(value.find(',', at), value.size());
        const std::string_view parameter = value.substr(at, end - at);
        if (begins_with(parameter, name)) {
            uint32_t seconds = 0;
            const char* const last = parameter.data() + parameter.size();
            const auto [stop, error] = std::from_chars(parameter.data() + name.size(), last, seconds);
            if (error != std::errc() || (stop != last && !scan::is_space(*stop))) return std::nullopt;
            return seconds;
        }
        at = end;
    }
    return std::nullopt;
}

// What the fields say about the body and the connection. False: it is not to be trusted.
bool interpret(AnswerHead& head, bool http_1_0) {
    const bool coded = head.has(FieldId::transfer_encoding), measured = head.has(FieldId::content_length);
    if (coded && (measured || http_1_0 || !equals(head.value(FieldId::transfer_encoding), "chunked"))) return false;
    if (measured) {
        const auto length = read_content_length(head.value(FieldId::content_length));
        if (!length) return false;
        head.content_length = *length;
    }
    if (head.status < 200 || head.status == 204 || head.status == 304) {
        if (coded) return false;
        if (head.status != 304 && head.content_length != 0) return false;
        head.content_length = 0;
    } else if (coded) {
        head.framing = Framing::chunked;
    } else if (!measured) {
        head.framing = Framing::until_close;
    } else if (head.content_length != 0) {
        head.framing = Framing::length;
    }
    head.keep_alive = !http_1_0 && head.framing != Framing::until_close;
    if (head.has(FieldId::connection)) {
        const auto connection = read_connection(head);
        if (!connection) return false;
        head.keep_alive = head.keep_alive && !connection->close;
    }
    if (head.has(FieldId::content_encoding) && !equals(head.value(FieldId::content_encoding), "identity")) return false;
    if (head.has(FieldId::content_type)) head.content_type = media_type(head.value(FieldId::content_type));
    if (head.has(FieldId::keep_alive)) head.keep_alive_timeout_s = read_timeout(head.value(FieldId::keep_alive));
    return true;
}

// The status line but for its version: SP 3DIGIT SP [reason] CRLF. Errors: incomplete, upstream_malformed.
Result<const char*> read_status(const char* at, const char* end, AnswerHead& head) {
    uint32_t status = 0;
    for (int i = 0; i < 5; ++i, ++at) {
        if (at == end) return fail(Error::incomplete);
        const bool space = i == 0 || i == 4;
        if (space ? *at != ' ' : !scan::is(*at, scan::digit)) return fail(Error::upstream_malformed);
        if (!space) status = status * 10 + static_cast<uint32_t>(*at - '0');
    }
    if (status < 100 || status > 599 || status == 101) return fail(Error::upstream_malformed);
    head.status = static_cast<uint16_t>(status);
    bool high = false;
    const char* const stop = scan::value_end(at, end, high);
    head.reason = {at, static_cast<size_t>(stop - at)};
    if (stop == end || (*stop == '\r' && end - stop < 2)) return fail(Error::incomplete);
    if (*stop != '\r' || stop[1] != '\n') return fail(Error::upstream_malformed);
    return stop + 2;
}

Error read(const char* begin, const char* end, std::span<Field> room, AnswerHead& head) {
    constexpr std::string_view version = "HTTP/1.";
    const char* at = begin;
    for (const char octet : version) {
        if (at == end) return Error::incomplete;
        if (*at++ != octet) return Error::upstream_malformed;
    }
    if (at == end) return Error::incomplete;
    if (*at != '1' && *at != '0') return Error::upstream_malformed;
    const bool http_1_0 = *at == '0';
    const auto lines = read_status(at + 1, end, head);
    if (!lines) return lines.error();
    const auto after = read_lines(*lines, end, room, head);
    if (!after) {
        if (after.error() == Error::incomplete) return Error::incomplete;
        return after.error() == Error::head_too_large ? Error::upstream_too_large : Error::upstream_malformed;
    }
    if (!interpret(head, http_1_0)) return Error::upstream_malformed;
    head.size = static_cast<uint32_t>(*after - begin);
    return Error::incomplete;
}

} // namespace

Result<AnswerHead> read_answer_head(std::string_view bytes, std::span<Field> room, const HeadLimits& limits) {
    const bool beyond = bytes.size() >= limits.head_bytes_max;
    if (beyond) bytes = bytes.substr(0, limits.head_bytes_max);
    Result<AnswerHead> result(std::in_place);
    const Error error = read(bytes.data(), bytes.data() + bytes.size(), room, *result);
    if (result->size == 0) result = fail(error == Error::incomplete && beyond ? Error::upstream_too_large : error);
    return result;
}

} // namespace weir::http
