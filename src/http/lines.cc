// http/lines.cc - field lines: RFC 9112 section 5 and RFC 9110 section 5, without leniency.
#include "http/lines.h"

#include "http/known.h"
#include "http/scan.h"

#include <algorithm>

namespace weir::http {
namespace {

struct Name {
    size_t size;
    FieldId id;
};

// A name that is no known one, or that is at the very end of the bytes.
Result<Name> read_rare_name(const char* at, const char* end, bool looked_up) {
    const char* stop = at;
    bool underscore = false;
    while (stop != end && scan::is(*stop, scan::token)) underscore |= *stop++ == '_';
    if (stop == end) return fail(Error::incomplete);
    if (*stop != ':' || stop == at) return fail(Error::head_malformed);
    const std::string_view name(at, static_cast<size_t>(stop - at));
    if (underscore && is_disguised(name)) return fail(Error::head_malformed);
    // What was looked up and not found can still be a parameter.
    const bool other = looked_up && (*at | 0x20) != 'm';
    return Name{name.size(), other ? FieldId::other : field_id(name)};
}

// Mcp-Param-{X} may come with many X, but with each only once.
bool repeats_parameter(const FieldSet& set) {
    const auto fields = set.fields;
    for (size_t i = set.first[static_cast<size_t>(FieldId::mcp_param)]; i < fields.size(); ++i) {
        if (fields[i].id != FieldId::mcp_param) continue;
        for (size_t j = i + 1; j < fields.size(); ++j)
            if (fields[j].id == FieldId::mcp_param && fields[j].name.size() == fields[i].name.size() &&
                std::ranges::equal(fields[i].name, fields[j].name, {}, scan::lower, scan::lower))
                return true;
    }
    return false;
}

// One Connection line: a list of tokens, each close, or a field that is about one connection only, or unknown.
bool read_options(std::string_view value, Connection& connection) {
    if (value == "keep-alive") return true;
    const char* at = value.data();
    const char* const end = at + value.size();
    for (;; ++at) {
        while (at != end && scan::is_space(*at)) ++at;
        const char* const begin = at;
        while (at != end && scan::is(*at, scan::token)) ++at;
        const std::string_view option(begin, static_cast<size_t>(at - begin));
        while (at != end && scan::is_space(*at)) ++at;
        if (at != end && *at != ',') return false;
        if (equals(option, "close")) {
            connection.close = true;
        } else if (!option.empty()) {
            const FieldId id = field_id(option);
            if (id != FieldId::other && (bit_of(id) & known.hop) == 0) return false;
            if (begins_with(option, mcp_prefix) || is_disguised(option)) return false;
        }
        if (at == end) return true;
    }
}

Error twice(FieldId id) {
    const bool length = id == FieldId::content_length || id == FieldId::transfer_encoding;
    return length ? Error::framing_ambiguous : Error::head_malformed;
}

} // namespace

Result<const char*> read_lines(const char* at, const char* end, std::span<Field> room, FieldSet& set) {
    const size_t count_max = std::min(room.size(), FieldSet::fields_max);
    size_t count = 0;
    uint64_t seen = 0, repeated = 0;
    for (;; ++count) {
        if (end - at < 2) {
            if (at != end && *at != '\r' && !scan::is(*at, scan::token)) return fail(Error::head_malformed);
            return fail(Error::incomplete);
        }
        if (*at == '\r') {
            if (at[1] != '\n') return fail(Error::head_malformed);
            break;
        }
        if (count == count_max) return fail(Error::head_too_large);

        // The usual case first: a colon is near and what stands before it is a known name, hence a token.
        Name name{0, FieldId::other};
        bool looked_up = false;
        if (end - at >= 32) {
            name.size = scan::colon(at);
            name.id = known_id(at, name.size);
            looked_up = name.size != 32;
        }
        if (name.id == FieldId::other) {
            const auto rare = read_rare_name(at, end, looked_up);
            if (!rare) return fail(rare.error());
            name = *rare;
        }

        const char* value = at + name.size + 1;
        if (value != end && *value == ' ') ++value;
        while (value != end && scan::maybe_space(*value) && scan::is_space(*value)) ++value;
        bool high = false;
        const char* stop = scan::value_end(value, end, high);
        if (end - stop < 2) return fail(stop == end || *stop == '\r' ? Error::incomplete : Error::head_malformed);
        if (stop[0] != '\r' || stop[1] != '\n') return fail(Error::head_malformed);
        const char* const next = stop + 2;
        while (scan::maybe_space(stop[-1]) && scan::is_space(stop[-1]) && stop != value) --stop;

        if (name.id != FieldId::other) {
            const uint64_t bit = bit_of(name.id);
            if (high && (bit & known.ascii) != 0) return fail(Error::head_malformed);
            if ((seen & bit) == 0) [[likely]] {
                seen |= bit;
                set.first[static_cast<size_t>(name.id)] = static_cast<uint8_t>(count);
            } else {
                if ((bit & known.single) != 0) return fail(twice(name.id));
                repeated |= bit;
            }
        }
        room[count] = {{at, name.size}, {value, static_cast<size_t>(stop - value)}, name.id};
        at = next;
    }
    set.seen = seen;
    set.repeated = repeated;
    set.fields = room.first(count);
    if ((repeated & bit_of(FieldId::mcp_param)) != 0 && repeats_parameter(set)) return fail(Error::head_malformed);
    return at + 2;
}

Result<Connection> read_connection(const FieldSet& set) {
    Connection connection;
    bool good = true;
    set.each(FieldId::connection, [&](std::string_view value) { good = good && read_options(value, connection); });
    if (!good) return fail(Error::head_malformed);
    return connection;
}

Result<uint64_t> read_content_length(std::string_view value) {
    if (value.empty() || (value[0] == '0' && value.size() > 1)) return fail(Error::framing_ambiguous);
    uint64_t length = 0; // What wraps has too many digits.
    for (const char octet : value) {
        const auto digit = static_cast<unsigned char>(octet - '0');
        if (digit > 9) return fail(Error::framing_ambiguous);
        length = length * 10 + digit;
    }
    if (value.size() > 18) return fail(Error::body_too_large);
    return length;
}

} // namespace weir::http
