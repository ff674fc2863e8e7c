// cli/output.cc - terminals, tables and JSON for people and for pipes.
#include "cli/output.h"

#include <fmt/format.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace weir::cli {
namespace {

bool colour_forbidden = false;
int output_errno = 0; // of the first write that failed

Surface surface_of(int fd) {
    const char* no_color = std::getenv("NO_COLOR");
    const char* term = std::getenv("TERM");
    Surface surface;
    surface.terminal = isatty(fd) == 1;
    surface.colour = surface.terminal && (no_color == nullptr || *no_color == '\0') && term != nullptr &&
                     std::string_view(term) != "dumb";
    return surface;
}

Surface& surface_at(int fd) {
    static Surface out = surface_of(STDOUT_FILENO), err = surface_of(STDERR_FILENO);
    Surface& surface = fd == STDOUT_FILENO ? out : err;
    if (colour_forbidden) surface.colour = false;
    return surface;
}

struct Rune {
    uint32_t value;
    size_t size; // octets; 0: not UTF-8
};

/// The code point at the front of `text` (RFC 3629).
Rune first_rune(std::string_view text) {
    const auto lead = static_cast<unsigned char>(text[0]);
    if (lead < 0x80) return {lead, 1};
    const size_t size = lead >= 0xf0 && lead < 0xf5 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0;
    if (size == 0 || lead >= 0xf5 || text.size() < size) return {lead, 0};
    uint32_t value = lead & (0x7fu >> size);
    for (size_t i = 1; i < size; ++i) {
        const auto next = static_cast<unsigned char>(text[i]);
        if ((next & 0xc0) != 0x80) return {lead, 0};
        value = value << 6 | (next & 0x3fu);
    }
    constexpr uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (value < least[size] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) return {lead, 0};
    return {value, size};
}

/// What turns the direction of text around or is not seen: Default_Ignorable_Code_Point and Bidi_Control of the Unicode
/// Character Database, the marks of interlinear annotation, and letters and signs that are blank. Ascending.
constexpr std::pair<uint32_t, uint32_t> unseen[] = {
    {0xad, 0xad},     {0x34f, 0x34f},   {0x61c, 0x61c},   {0x115f, 0x1160},   {0x17b4, 0x17b5},   {0x180b, 0x180f},
    {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f}, {0x2800, 0x2800},   {0x3164, 0x3164},   {0xfe00, 0xfe0f},
    {0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xfff0, 0xfffb}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
};

/// Controls, and what is unseen.
bool steers(uint32_t rune) {
    if (rune < 0x20 || (rune >= 0x7f && rune < 0xa0)) return true;
    return rune >= 0xad &&
           std::ranges::any_of(unseen, [&](const auto& range) { return rune >= range.first && rune <= range.second; });
}

size_t width_of(std::string_view text) {
    return static_cast<size_t>(std::count_if(
        text.begin(), text.end(), [](char byte) { return (static_cast<unsigned char>(byte) & 0xc0) != 0x80; }));
}

} // namespace

const Surface& out_surface() { return surface_at(STDOUT_FILENO); }
const Surface& err_surface() { return surface_at(STDERR_FILENO); }
void forbid_colour() { colour_forbidden = true; }

std::string printable(std::string_view text, bool lines) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const Rune rune = first_rune(text);
        if (rune.size == 0) out += "\\x" + fmt::format("{:02x}", rune.value);
        else if (lines && rune.value == '\n') out += '\n';
        else if (steers(rune.value)) out += fmt::format("\\u{{{:x}}}", rune.value);
        else out.append(text.substr(0, rune.size));
        text.remove_prefix(std::max<size_t>(rune.size, 1));
    }
    return out;
}

std::string toned(const Surface& surface, Tone tone, std::string_view text) {
    if (!surface.colour || tone == Tone::plain) return std::string(text);
    const char* code = "";
    switch (tone) {
        case Tone::plain: break;
        case Tone::good: code = "32"; break;
        case Tone::warn: code = "33"; break;
        case Tone::bad: code = "31"; break;
        case Tone::faint: code = "2"; break;
    }
    return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

void print(std::string_view text) {
    const bool whole = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
    if (!whole && output_errno == 0) output_errno = errno != 0 ? errno : EIO;
}

std::string output_problem() {
    print(""); // what others have left in the buffer
    return output_errno == 0 ? std::string() : "standard output: " + std::string(std::strerror(output_errno));
}

void say(std::string_view text) {
    std::string line(text);
    line += '\n';
    std::fwrite(line.data(), 1, line.size(), stderr);
}

void complain(std::string_view text) { say(toned(err_surface(), Tone::bad, "weir:") + " " + std::string(text)); }

std::string Table::text(const Surface& surface) const {
    std::string out;
    if (!surface.terminal) {
        for (const auto& row : rows_) {
            for (size_t i = 0; i < row.size(); ++i) {
                if (i > 0) out += '\t';
                out += printable(row[i].text);
            }
            out += '\n';
        }
        return out;
    }
    std::vector<size_t> widths;
    for (const std::string& name : heading_) widths.push_back(width_of(name));
    for (const auto& row : rows_) {
        for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(printable(row[i].text)));
    }
    const auto line = [&](const std::vector<Cell>& cells) {
        for (size_t i = 0; i < cells.size(); ++i) {
            const std::string text = printable(cells[i].text);
            out += toned(surface, cells[i].tone, text);
            if (i + 1 < cells.size()) out.append(widths[i] - width_of(text) + 2, ' ');
        }
        out += '\n';
    };
    std::vector<Cell> heading;
    for (const std::string& name : heading_) heading.push_back({name, Tone::faint});
    line(heading);
    for (const auto& row : rows_) line(row);
    return out;
}

} // namespace weir::cli
