// policy/text.cc - UTF-8 by the table of well-formed sequences (Unicode 15, table 3-7).
#include "policy/text.h"

#include <cstdint>
#include <cstring>

namespace weir::policy {
namespace {

/// The length of the well-formed sequence that begins `text`, or 0.
size_t sequence(std::string_view text) {
    const auto byte = [&](size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : uint8_t{0}; };
    const auto follows = [&](size_t i, uint8_t low = 0x80, uint8_t high = 0xbf) {
        return byte(i) >= low && byte(i) <= high;
    };
    const uint8_t lead = byte(0);
    if (lead < 0x80) return (lead >= 0x20 && lead != 0x7f) || lead == '\n' || lead == '\t' ? 1 : 0;
    if (lead >= 0xc2 && lead <= 0xdf) return follows(1) ? 2 : 0;
    if ((lead & 0xf0) == 0xe0)
        return follows(1, lead == 0xe0 ? 0xa0 : 0x80, lead == 0xed ? 0x9f : 0xbf) && follows(2) ? 3 : 0;
    if (lead >= 0xf0 && lead <= 0xf4)
        return follows(1, lead == 0xf0 ? 0x90 : 0x80, lead == 0xf4 ? 0x8f : 0xbf) && follows(2) && follows(3) ? 4 : 0;
    return 0;
}

} // namespace

std::string_view clean_copy(Workspace& space, std::string_view text, size_t bytes_max) {
    if (text.empty()) return {};
    const size_t room = text.size() < bytes_max ? text.size() : bytes_max;
    char* to = space.take(room, 1);
    size_t size = 0;
    while (!text.empty() && size < room) {
        const size_t good = sequence(text);
        if (good == 0) {
            to[size++] = '?';
            text.remove_prefix(1);
            continue;
        }
        if (size + good > room) break;
        std::memcpy(to + size, text.data(), good);
        size += good;
        text.remove_prefix(good);
    }
    return {to, size};
}

} // namespace weir::policy
