// base/log.cc - JSON lines on standard error.
#include "base/log.h"

#include <fmt/format.h>

#include <unistd.h>
#include <atomic>
#include <ctime>
#include <iterator>

namespace weir::log {
namespace {

std::atomic<Level> level_now{Level::info};

void quote(fmt::memory_buffer& to, std::string_view text) {
    to.push_back('"');
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            to.push_back('\\');
            to.push_back(c);
        } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
            fmt::format_to(std::back_inserter(to), "\\u{:04x}", static_cast<unsigned char>(c));
        } else {
            to.push_back(c);
        }
    }
    to.push_back('"');
}

} // namespace

void set_level(Level level) { level_now = level; }

void write(Level level, std::string_view event, std::initializer_list<Pair> pairs) {
    if (level < level_now.load(std::memory_order_relaxed)) return;
    static constexpr std::string_view names[] = {"debug", "info", "warn", "error"};
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    tm utc{};
    gmtime_r(&now.tv_sec, &utc);
    fmt::memory_buffer line;
    fmt::format_to(std::back_inserter(line),
                   R"({{"ts":"{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z","level":"{}","event":)", utc.tm_year + 1900,
                   utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, now.tv_nsec / 1000000,
                   names[static_cast<size_t>(level)]);
    quote(line, event);
    for (const auto& pair : pairs) {
        line.push_back(',');
        quote(line, pair.name);
        line.push_back(':');
        quote(line, pair.text);
    }
    line.append(std::string_view("}\n"));
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

} // namespace weir::log
