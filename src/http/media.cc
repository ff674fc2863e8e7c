// http/media.cc - Content-Type and Accept, as far as MCP needs them.
#include "http/media.h"

#include "http/known.h"
#include "http/scan.h"

#include <algorithm>

namespace weir::http {
namespace {

constexpr std::string_view json = "application/json";
constexpr std::string_view event_stream = "text/event-stream";

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && scan::is_space(text.front())) text.remove_prefix(1);
    while (!text.empty() && scan::is_space(text.back())) text.remove_suffix(1);
    return text;
}

/// Takes the text up to the next `separator` that is not in a quoted string, trimmed, off the front of `rest`.
std::string_view take(std::string_view& rest, char separator) {
    bool quoted = false;
    size_t at = 0;
    for (; at < rest.size(); ++at) {
        if (rest[at] == '"') quoted = !quoted;
        if (quoted && rest[at] == '\\' && at + 1 < rest.size()) ++at;
        if (!quoted && rest[at] == separator) break;
    }
    const std::string_view part = rest.substr(0, at);
    rest.remove_prefix(std::min(at + 1, rest.size()));
    return trimmed(part);
}

// weight = "q=" qvalue (RFC 9110 section 12.4.2). Whether it is more than zero; an odd one is taken for zero.
bool weight_taken(std::string_view value) {
    if (value.empty() || value.size() > 5 || (value[0] != '0' && value[0] != '1')) return false;
    if (value.size() > 1 && value[1] != '.') return false;
    bool positive = value[0] == '1';
    for (const char octet : value.substr(std::min(value.size(), size_t{2}))) {
        if (!scan::is(octet, scan::digit) || (value[0] == '1' && octet != '0')) return false;
        positive = positive || octet != '0';
    }
    return positive;
}

} // namespace

MediaType media_type(std::string_view content_type) {
    if (content_type == json) return MediaType::json;
    if (content_type == event_stream) return MediaType::event_stream;
    std::string_view rest = content_type;
    const std::string_view type = take(rest, ';');
    const bool is_json = equals(type, json);
    if (!is_json && !equals(type, event_stream)) return MediaType::other;
    bool charset = false;
    while (!rest.empty()) {
        const std::string_view parameter = take(rest, ';');
        if (parameter.empty()) continue; // RFC 9110 section 5.6.6 allows a lone semicolon
        if (charset || (!equals(parameter, "charset=utf-8") && !equals(parameter, "charset=\"utf-8\"")))
            return MediaType::other;
        charset = true;
    }
    return is_json ? MediaType::json : MediaType::event_stream;
}

void Accepting::line(std::string_view accept) {
    any_ = true;
    if (accept == "application/json, text/event-stream") {
        json_ = event_stream_ = {3, true};
        return;
    }
    while (!accept.empty()) {
        std::string_view range = take(accept, ',');
        const std::string_view type = take(range, ';');
        bool taken = true;
        while (!range.empty()) {
            const std::string_view parameter = take(range, ';');
            if (begins_with(parameter, "q=")) taken = weight_taken(parameter.substr(2));
        }
        const auto match = [type, taken](Best& best, std::string_view wanted) {
            uint8_t specificity = 0;
            const size_t slash = wanted.find('/');
            if (equals(type, wanted)) {
                specificity = 3;
            } else if (type.size() == slash + 2 && type.back() == '*' &&
                       begins_with(type, wanted.substr(0, slash + 1))) {
                specificity = 2;
            } else if (type == "*/*") {
                specificity = 1;
            }
            if (specificity == 0 || specificity < best.specificity) return;
            best.taken = taken || (specificity == best.specificity && best.taken);
            best.specificity = specificity;
        };
        match(json_, json);
        match(event_stream_, event_stream);
    }
}

Accepts Accepting::result() const { return any_ ? Accepts{json_.taken, event_stream_.taken} : Accepts{true, true}; }

} // namespace weir::http
