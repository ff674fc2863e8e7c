// mcp/uri.cc - one pass for encoded octets, one for dot segments.
#include "mcp/uri.h"

#include <cstddef>

namespace weir::mcp {
namespace {

int hexadecimal(char digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    const char lower = static_cast<char>(digit | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// Letters, digits and the punctuation of RFC 3986, section 2.3, less the tilde.
bool needs_no_encoding(int octet) {
    const int lower = octet | 0x20;
    return (lower >= 'a' && lower <= 'z') || (octet >= '0' && octet <= '9') || octet == '-' || octet == '.' ||
           octet == '_';
}

bool ends_segment(char octet) { return octet == '/' || octet == '\\' || octet == '?' || octet == '#'; }

} // namespace

bool has_one_reading(std::string_view uri) {
    for (size_t at = uri.find('%'); at != std::string_view::npos; at = uri.find('%', at + 1)) {
        if (uri.size() - at < 3) break; // no encoding any more
        const int high = hexadecimal(uri[at + 1]), low = hexadecimal(uri[at + 2]);
        if (high >= 0 && low >= 0 && needs_no_encoding(high * 16 + low)) return false;
    }
    // The encodings of dots are gone, so that segments can be told by their text. Those of a query are only text.
    const std::string_view path = uri.substr(0, uri.find_first_of("?#"));
    for (size_t at = path.find_first_of("/\\"); at != std::string_view::npos; at = path.find_first_of("/\\", at + 1)) {
        std::string_view rest = path.substr(at + 1);
        for (int dots = 0; dots < 2 && rest.starts_with('.'); ++dots) {
            rest.remove_prefix(1);
            if (rest.empty() || ends_segment(rest.front())) return false;
        }
    }
    return true;
}

} // namespace weir::mcp
