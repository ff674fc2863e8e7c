// http/write.cc - heads and the framing of chunks, written.
#include "http/write.h"

#include "http/scan.h"

#include <algorithm>
#include <bit>

namespace weir::http {
namespace {

bool is_token(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char octet) { return scan::is(octet, scan::token); });
}

bool is_value(std::string_view text) {
    bool high = false;
    const char* const end = text.data() + text.size();
    return scan::value_end(text.data(), end, high) == end;
}

} // namespace

std::string_view reason_of(uint16_t status) {
    switch (status) {
        case 100: return "Continue";
        case 200: return "OK";
        case 201: return "Created";
        case 202: return "Accepted";
        case 204: return "No Content";
        case 301: return "Moved Permanently";
        case 302: return "Found";
        case 303: return "See Other";
        case 304: return "Not Modified";
        case 307: return "Temporary Redirect";
        case 308: return "Permanent Redirect";
        case 400: return "Bad Request";
        case 401: return "Unauthorized";
        case 403: return "Forbidden";
        case 404: return "Not Found";
        case 405: return "Method Not Allowed";
        case 406: return "Not Acceptable";
        case 408: return "Request Timeout";
        case 409: return "Conflict";
        case 410: return "Gone";
        case 411: return "Length Required";
        case 412: return "Precondition Failed";
        case 413: return "Content Too Large";
        case 414: return "URI Too Long";
        case 415: return "Unsupported Media Type";
        case 417: return "Expectation Failed";
        case 422: return "Unprocessable Content";
        case 429: return "Too Many Requests";
        case 431: return "Request Header Fields Too Large";
        case 500: return "Internal Server Error";
        case 501: return "Not Implemented";
        case 502: return "Bad Gateway";
        case 503: return "Service Unavailable";
        case 504: return "Gateway Timeout";
        case 505: return "HTTP Version Not Supported";
        default: return "";
    }
}

void HeadWriter::request(Method method, std::string_view target) {
    const bool good = !target.empty() && target[0] == '/' &&
                      std::ranges::all_of(target, [](char octet) { return octet > ' ' && octet <= '~'; });
    if (!good) refused_ = true;
    out_.reserve(target.size() + 32);
    out_.append(name_of(method));
    out_.append(' ');
    out_.append(target);
    out_.append(" HTTP/1.1\r\n");
}

void HeadWriter::answer(uint16_t status) {
    WEIR_ASSERT(status >= 100 && status <= 599);
    out_.reserve(64);
    out_.append("HTTP/1.1 ");
    out_.append_number(status);
    out_.append(' ');
    out_.append(reason_of(status));
    out_.append("\r\n");
}

void HeadWriter::lines(ConstantLines constant) { out_.append(constant.text()); }

void HeadWriter::field(std::string_view name, std::string_view value) {
    if (!is_token(name) || !is_value(value)) refused_ = true;
    out_.reserve(name.size() + value.size() + 4);
    out_.append(name);
    out_.append(": ");
    out_.append(value);
    out_.append("\r\n");
}

void HeadWriter::field(std::string_view name, uint64_t value) {
    if (!is_token(name)) refused_ = true;
    out_.append(name);
    out_.append(": ");
    out_.append_number(value);
    out_.append("\r\n");
}

Result<void> HeadWriter::finish() {
    if (refused_) {
        out_.resize_down(begin_);
        return fail(Error::invalid);
    }
    out_.append("\r\n");
    return {};
}

void write_chunk_head(PaddedBytes& out, uint64_t size) {
    WEIR_ASSERT(size != 0);
    char digits[18];
    const int count = (static_cast<int>(std::bit_width(size)) + 3) / 4;
    for (int i = 0; i < count; ++i) digits[i] = "0123456789abcdef"[size >> (4 * (count - 1 - i)) & 15];
    digits[count] = '\r';
    digits[count + 1] = '\n';
    out.append(std::string_view(digits, static_cast<size_t>(count) + 2));
}

void write_chunk(PaddedBytes& out, std::string_view payload) {
    if (payload.empty()) return;
    out.reserve(payload.size() + 20);
    write_chunk_head(out, payload.size());
    out.append(payload);
    out.append("\r\n");
}

void write_last_chunk(PaddedBytes& out) { out.append("0\r\n\r\n"); }

} // namespace weir::http
