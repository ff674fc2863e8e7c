// policy/predicate.cc - reads paths, and asks tests of values.
#include "policy/predicate.h"

#include "base/glob.h"

#include <algorithm>
#include <charconv>

namespace weir::policy {
namespace {

constexpr size_t steps_max = 32;

/// The characters of UTF-8 text that is known to be valid.
size_t characters(std::string_view text) {
    return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

bool equal(json::Value value, const Scalar& scalar) {
    if (const auto* text = std::get_if<std::string>(&scalar))
        return value.is(json::Kind::string) && value.equals(*text);
    if (const auto* number = std::get_if<double>(&scalar))
        return value.is(json::Kind::number) && value.number() == *number;
    return value.is(json::Kind::boolean) && value.boolean() == std::get<bool>(scalar);
}

bool any_equal(json::Value value, const std::vector<Scalar>& scalars) {
    return std::any_of(scalars.begin(), scalars.end(), [&](const Scalar& scalar) { return equal(value, scalar); });
}

/// Whether the pattern of `test` occurs in `text`, alone or by the pass of its group. Each pass is paid for once.
bool occurs(const Test& test, json::Value value, std::string_view text, Looking& looking) {
    if (test.group == nullptr) return looking.budget.take(text.size()) && test.regex->found_in(text);
    const RegexPass* pass = looking.passes.known(*test.group, value);
    if (pass == nullptr) {
        if (!looking.budget.take(text.size())) return false;
        pass = &looking.passes.make(*test.group, value, text);
    }
    if (pass->failed) return looking.budget.take(text.size()) && test.regex->found_in(text);
    return std::binary_search(pass->found.begin(), pass->found.end(), test.member);
}

bool holds_for(json::Value value, const Test& test, Looking& looking) {
    switch (test.kind) {
        case Test::Kind::present:
        case Test::Kind::absent: return true;
        case Test::Kind::any_of:
        case Test::Kind::none_of: return any_equal(value, test.scalars);
        case Test::Kind::num: {
            const auto number = value.number();
            return number && test.bounds.hold(*number);
        }
        case Test::Kind::len: {
            if (value.is(json::Kind::array) || value.is(json::Kind::object))
                return test.bounds.hold(static_cast<double>(value.count()));
            if (!value.is(json::Kind::string)) return false;
            const std::string_view text = looking.text_of(value);
            return looking.budget.take(text.size()) && test.bounds.hold(static_cast<double>(characters(text)));
        }
        case Test::Kind::glob: {
            if (!value.is(json::Kind::string)) return false;
            const std::string_view text = looking.text_of(value);
            return std::any_of(test.globs.begin(), test.globs.end(), [&](const std::string& glob) {
                // glob_match may take pattern times text, if rarely: long globs pay more.
                return looking.budget.take(text.size() * (glob.size() / 8)) && glob_match(glob, text);
            });
        }
        case Test::Kind::re:
            return value.is(json::Kind::string) && occurs(test, value, looking.text_of(value), looking);
    }
    __builtin_unreachable();
}

} // namespace

std::string_view Looking::text_of(json::Value value) {
    if (!value.escaped()) return value.undecoded();
    if (!decoded || decoded.index() != value.index() || decoded.document() != value.document()) {
        decoded = value;
        decoded_text = value.string(*space);
    }
    return decoded_text;
}

bool Bounds::hold(double value) const {
    return !(ge && !(value >= *ge)) && !(gt && !(value > *gt)) && !(le && !(value <= *le)) && !(lt && !(value < *lt)) &&
           !(eq && value != *eq) && !(ne && value == *ne);
}

std::expected<Path, std::string> Path::parse(std::string_view text) {
    const auto wrong = [&](std::string_view why) {
        return std::unexpected("'" + std::string(text) + "' is no path: " + std::string(why));
    };
    Path path;
    path.text_ = text;
    bool deep = false;
    for (size_t at = 0; at < text.size();) {
        if (path.steps_.size() == steps_max) return wrong("it has more than 32 steps");
        if (text[at] == '[') {
            const size_t end = text.find(']', at);
            if (end == std::string_view::npos) return wrong("a bracket is not closed");
            const std::string_view inside = text.substr(at + 1, end - at - 1);
            if (inside == "*") {
                path.steps_.push_back({Kind::any_element, 0, {}});
            } else {
                uint32_t element = 0;
                const auto [rest, error] = std::from_chars(inside.data(), inside.data() + inside.size(), element);
                if (error != std::errc() || rest != inside.data() + inside.size())
                    return wrong("brackets take a number from 0, or *");
                path.steps_.push_back({Kind::element, element, {}});
            }
            at = end + 1;
            if (at < text.size() && text[at] != '.' && text[at] != '[') return wrong("after a bracket comes a dot");
        } else {
            const size_t end = std::min(text.find_first_of(".[", at), text.size());
            const std::string_view name = text.substr(at, end - at);
            if (name.empty()) return wrong("a name is empty");
            if (name == "**") {
                if (deep) return wrong("** may occur once");
                deep = true;
                path.steps_.push_back({Kind::any_depth, 0, {}});
            } else if (name.find_first_of("*]") != std::string_view::npos) {
                return wrong("names are exact; wildcards are [*] and **");
            } else {
                path.steps_.push_back({Kind::member, 0, std::string(name)});
            }
            at = end;
        }
        if (at < text.size() && text[at] == '.' && ++at == text.size()) return wrong("it ends in a dot");
        if (at < text.size() && text[at] == '[' && text[at - 1] == '.')
            return wrong("between a dot and a bracket stands a name");
    }
    return path;
}

bool ArgumentTest::holds(json::Value root, Looking& looking) const {
    const bool negated = test.kind == Test::Kind::absent || test.kind == Test::Kind::none_of;
    bool found = false;
    if (root)
        path.each(root, [&](json::Value value) {
            found = holds_for(value, test, looking);
            return !found && !looking.budget.exceeded;
        });
    return found != negated;
}

} // namespace weir::policy
