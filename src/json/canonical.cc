// json/canonical.cc - the digest form, written with a stack of half-written objects.
#include "json/canonical.h"

#include "json/escape.h"
#include "json/scan.h"

#include <algorithm>
#include <cstring>

namespace weir::json {

namespace {

struct Sorted {
    std::string_view name; // decoded
    uint32_t value;
};

/// A container that is half written. An array's elements are walked by `at`, an object's members by `members`.
struct Open {
    std::span<const Sorted> members;
    uint32_t at, end;
    bool object;
    bool empty;
};

std::span<const Sorted> sorted_members(Value object, Workspace& space) {
    const std::span<Sorted> members = space.array<Sorted>(object.count());
    size_t count = 0;
    for (const auto [name, value] : object.members()) members[count++] = {name.string(space), value.index()};
    std::sort(members.begin(), members.end(),
              [](const Sorted& left, const Sorted& right) { return left.name < right.name; });
    return members;
}

char* put(std::string_view text, char* to) {
    std::memcpy(to, text.data(), text.size());
    return to + text.size();
}

char* put_scalar(Value value, char* to) {
    if (!value.escaped()) return put(value.raw(), to);
    *to++ = '"';
    to = write_minimal(value.undecoded(), to);
    *to++ = '"';
    return to;
}

} // namespace

Result<void> canonical(Value value, size_t bytes_max, Workspace& space, PaddedBytes& out) {
    WEIR_ASSERT(value);
    const Document& document = *value.document();
    out.reserve(value.raw().size()); // the canonical form is never longer
    char* const first = out.data() + out.size();
    char* to = first;
    Open stack[Scanner::depth_max];
    size_t depth = 0;
    do {
        if (depth != 0) { // the next value of the innermost container, or its end
            Open& open = stack[depth - 1];
            if (open.object ? open.members.empty() : open.at == open.end) {
                *to++ = open.object ? '}' : ']';
                --depth;
                continue;
            }
            if (!open.empty) *to++ = ',';
            open.empty = false;
            if (open.object) {
                const auto [name, index] = open.members.front();
                open.members = open.members.subspan(1);
                *to++ = '"';
                to = write_escaped(name, to);
                to = put("\":", to);
                value = Value(document, index);
            } else {
                value = Value(document, open.at);
                open.at = document.nodes[open.at].next;
            }
        }
        const Kind kind = value.kind();
        if (kind == Kind::object || kind == Kind::array) {
            const bool object = kind == Kind::object;
            *to++ = object ? '{' : '[';
            stack[depth++] = {object ? sorted_members(value, space) : std::span<const Sorted>{}, value.index() + 1,
                              document.nodes[value.index()].next, object, true};
        } else {
            // An escape of six octets may stand for one: what is longer than six times the budget cannot fit.
            if (value.raw().size() / 6 > bytes_max) return fail(Error::json_too_large);
            to = put_scalar(value, to);
        }
        if (static_cast<size_t>(to - first) > bytes_max) return fail(Error::json_too_large);
    } while (depth != 0);
    const auto size = static_cast<size_t>(to - first);
    if (size > bytes_max) return fail(Error::json_too_large);
    out.grew(size);
    return {};
}

} // namespace weir::json
