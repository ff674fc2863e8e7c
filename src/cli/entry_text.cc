// cli/entry_text.cc - entries of the record as text. Pure but for the time zone.
#include "cli/entry_text.h"

#include <fmt/format.h>
#include <algorithm>
#include <ctime>

namespace weir::cli {
namespace {

using record::Field;
using record::Fields;
using record::Kind;

std::string hex(std::string_view bytes) {
    std::string text;
    for (const char byte : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
    return text;
}

uint64_t body_size(const Fields& fields) {
    return fields.has(Field::body_bytes) ? fields.number(Field::body_bytes) : fields.text(Field::body).size();
}

/// How many octets of UTF-8 (RFC 3629) stand at the front of `text`; 0: none.
size_t utf8_size(std::string_view text) {
    const auto at = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = at(0);
    if (lead < 0x80) return 1;
    const size_t size = lead >= 0xf0 && lead < 0xf5   ? 4
                        : lead >= 0xe0 && lead < 0xf0 ? 3
                        : lead >= 0xc2 && lead < 0xe0 ? 2
                                                      : 0;
    if (size == 0 || text.size() < size) return 0;
    for (size_t i = 1; i < size; ++i)
        if ((at(i) & 0xc0) != 0x80) return 0;
    if ((lead == 0xe0 && at(1) < 0xa0) || (lead == 0xed && at(1) >= 0xa0)) return 0; // overlong, surrogate
    if ((lead == 0xf0 && at(1) < 0x90) || (lead == 0xf4 && at(1) >= 0x90)) return 0; // overlong, above U+10FFFF
    return size;
}

} // namespace

std::string as_utf8(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const size_t size = utf8_size(text);
        out += size == 0 ? std::string_view("\xef\xbf\xbd") : text.substr(0, size);
        text.remove_prefix(std::max<size_t>(size, 1));
    }
    return out;
}

std::string utc_time(uint64_t unix_ns) {
    const auto seconds = static_cast<time_t>(unix_ns / 1'000'000'000);
    tm parts{};
    gmtime_r(&seconds, &parts);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                       parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, unix_ns / 1000 % 1'000'000);
}

std::string clock_time(uint64_t unix_ns, bool utc) {
    const auto seconds = static_cast<time_t>(unix_ns / 1'000'000'000);
    tm parts{};
    if (utc) gmtime_r(&seconds, &parts);
    else localtime_r(&seconds, &parts);
    return fmt::format("{:02}:{:02}:{:02}.{:03}", parts.tm_hour, parts.tm_min, parts.tm_sec,
                       unix_ns / 1'000'000 % 1000);
}

std::string ago(uint64_t unix_ns, uint64_t now_ns) {
    const uint64_t seconds = now_ns > unix_ns ? (now_ns - unix_ns) / 1'000'000'000 : 0;
    if (seconds < 120) return fmt::format("{}s ago", seconds);
    if (seconds < 7200) return fmt::format("{}m ago", seconds / 60);
    if (seconds < 2 * 86400) return fmt::format("{}h ago", seconds / 3600);
    return fmt::format("{}d ago", seconds / 86400);
}

std::string duration(uint64_t ns) {
    const auto value = static_cast<double>(ns);
    if (ns < 1'000'000) return fmt::format("{:.0f} us", value / 1e3);
    if (ns < 1'000'000'000) return fmt::format("{:.1f} ms", value / 1e6);
    return fmt::format("{:.1f} s", value / 1e9);
}

std::string size(uint64_t bytes) {
    const auto value = static_cast<double>(bytes);
    if (bytes < 1000) return fmt::format("{} B", bytes);
    if (bytes < 1'000'000) return fmt::format("{:.1f} kB", value / 1e3);
    return fmt::format("{:.1f} MB", value / 1e6);
}

Tone tone_of(Kind kind) {
    switch (kind) {
        case Kind::allowed:
        case Kind::approved: return Tone::good;
        case Kind::blocked:
        case Kind::denied:
        case Kind::expired:
        case Kind::not_entitled:
        case Kind::gap:
        case Kind::ambiguous: return Tone::bad;
        case Kind::held:
        case Kind::masked: return Tone::warn;
        case Kind::asked:
        case Kind::answered: return Tone::plain;
        case Kind::session_opened:
        case Kind::session_closed:
        case Kind::withdrawn:
        case Kind::executing:
        case Kind::forwarded:
        case Kind::stream_event:
        case Kind::catalogue:
        case Kind::config:
        case Kind::read:
        case Kind::mark:
        case Kind::checkpoint:
        case Kind::seal:
        case Kind::fill:
        case Kind::pruned: return Tone::faint;
    }
    return Tone::faint;
}

/// Whether the entry is a turn of a ticket, as the stream `control` has them.
bool is_turn(const record::Frame& frame, const Fields& fields) {
    return frame.exchange == 0 && fields.has(Field::ticket);
}

std::string detail(const record::Frame& frame, const Fields& fields) {
    std::string out;
    const auto add = [&](std::string_view text) {
        if (text.empty()) return;
        if (!out.empty()) out += ", ";
        out += text;
    };
    const auto text = [&](Field field) { return printable(as_utf8(fields.text(field))); };
    const auto named = [&](std::string_view word, Field field) {
        if (fields.has(field)) add(fmt::format("{} {}", word, text(field)));
    };
    const auto count = [&](std::string_view word, Field field) {
        if (fields.has(field)) add(fmt::format("{} {}", word, fields.number(field)));
    };
    const auto policies = [&] {
        std::string names;
        fields.for_each(Field::policies, [&](std::string_view policy) {
            names += (names.empty() ? "" : ", ") + printable(as_utf8(policy));
        });
        return names.empty() ? names : "by " + names;
    };
    if (is_turn(frame, fields)) {
        add(text(Field::ticket));
        if (frame.kind == Kind::held) add(policies());
        else if (fields.has(Field::by_subject))
            add(fmt::format("by {} ({}, {})", text(Field::by_person), text(Field::by_subject), text(Field::by_issuer)));
        else if (fields.text(Field::by) != "weir") named("by", Field::by);
        add(text(Field::text));
    } else if (frame.kind == Kind::session_opened) {
        add(fields.has(Field::person) ? text(Field::person) : text(Field::principal));
        named("through", Field::client);
        named("at", Field::server);
    } else if (frame.kind == Kind::asked) {
        add(fields.has(Field::name) ? text(Field::method) + " " + text(Field::name) : text(Field::method));
        named("id", Field::request_id);
        add(size(body_size(fields)));
    } else if (frame.kind == Kind::session_closed) {
        add(text(Field::reason));
        add(fmt::format("{} asked", fields.number(Field::count)));
    } else if (frame.kind == Kind::answered) {
        if (fields.has(Field::status)) add(fmt::format("HTTP {}", fields.number(Field::status)));
        if (fields.flag(Field::is_error)) add("error");
        if (fields.has(Field::code)) add(fmt::format("code {}", fields.signed_number(Field::code)));
        add("after " + duration(fields.number(Field::latency_ns)));
        add(size(fields.has(Field::wire_bytes) ? fields.number(Field::wire_bytes) : body_size(fields)));
    } else if (frame.kind == Kind::stream_event) {
        named("type", Field::event_type);
        add(text(Field::method));
        named("event", Field::event_id);
        add(size(body_size(fields)));
    } else if (frame.kind == Kind::masked) {
        fields.for_each(Field::policies, [&](std::string_view policy) { add("by " + printable(as_utf8(policy))); });
        add(fields.text(Field::path).empty() ? "the whole" : text(Field::path));
        add(fmt::format("{} value{}", fields.number(Field::count), fields.number(Field::count) == 1 ? "" : "s"));
        if (fields.has(Field::copies))
            add(fmt::format("{} cop{}", fields.number(Field::copies), fields.number(Field::copies) == 1 ? "y" : "ies"));
    } else if (frame.kind == Kind::forwarded) {
        named("to", Field::server);
        if (fields.has(Field::wire_bytes)) add(size(fields.number(Field::wire_bytes)));
    } else if (frame.kind == Kind::ambiguous) {
        named("after", Field::reason);
        add(text(Field::text));
        if (fields.has(Field::latency_ns)) add("after " + duration(fields.number(Field::latency_ns)));
    } else if (frame.kind == Kind::gap) {
        add(text(Field::reason));
        count("from seq", Field::first_seq);
        count("refused", Field::count);
        count("segment", Field::segment);
        count("errno", Field::os_error);
        if (fields.has(Field::bytes)) add(size(fields.number(Field::bytes)));
    } else { // a decision, or what the log says of itself
        if (frame.kind == Kind::allowed) named("approved as", Field::ticket);
        else named("as", Field::ticket);
        if (const std::string names = policies(); !names.empty()) add(names);
        else if (fields.text(Field::reason) == "default") add("by the server's default");
        else add(text(Field::reason));
        add(text(Field::text));
        if (fields.has(Field::code)) add(fmt::format("code {}", fields.signed_number(Field::code)));
        count("generation", Field::generation);
        count("segment", Field::segment);
        count("entries", Field::count);
    }
    return out;
}

void write_entry(json::Text& out, const record::Entry& entry, const Fields& fields, std::string_view session,
                 bool bodies) {
    const record::Frame& frame = entry.frame;
    out.begin_object().name("time").string(utc_time(frame.time_ns)).name("worker");
    if (entry.worker == record::control_stream) out.string("control");
    else out.number(entry.worker);
    out.name("seq").number(static_cast<int64_t>(frame.seq)).name("exchange").number(frame.exchange);
    out.name("kind").string(record::name_of(frame.kind));
    if (!session.empty()) out.name("session").string(session);
    for (uint8_t i = 0; i < record::field_count; ++i) {
        const auto field = static_cast<Field>(i);
        if (!fields.has(field) || field == Field::session) continue;
        if (field == Field::body) {
            if (bodies) out.name("body").string(as_utf8(fields.text(field)));
            else if (!fields.has(Field::body_bytes))
                out.name("body_bytes").number(static_cast<int64_t>(fields.text(field).size()));
            continue;
        }
        out.name(record::name_of(field));
        switch (record::type_of(field)) {
            case record::FieldType::number: out.number(fields.signed_number(field)); break;
            case record::FieldType::text: out.string(as_utf8(fields.text(field))); break;
            case record::FieldType::bytes: out.string(hex(fields.text(field))); break;
            case record::FieldType::flag: out.boolean(fields.flag(field)); break;
            case record::FieldType::texts:
                out.begin_array();
                fields.for_each(field, [&](std::string_view text) { out.string(as_utf8(text)); });
                out.end_array();
                break;
        }
    }
    out.end_object();
}

} // namespace weir::cli
