// policy/predicate.cc - reads paths, and asks tests of values.
#include "policy/predicate.h"

#include "base/glob.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace weir::policy {
namespace {

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

bool Bounds::possible(bool lengths) const {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    if (eq) return hold(*eq) && (!lengths || (*eq >= 0 && *eq == std::floor(*eq)));
    // The numbers within: next to each bound that is not one of them lies the nearest that is.
    const double above = lengths && gt ? std::floor(*gt) + 1 : gt ? std::nextafter(*gt, infinity) : -infinity;
    const double below = lengths && lt ? std::ceil(*lt) - 1 : lt ? std::nextafter(*lt, -infinity) : infinity;
    double least = std::max(ge.value_or(-infinity), above), most = std::min(le.value_or(infinity), below);
    if (lengths) {
        least = std::max(0.0, std::ceil(least));
        most = std::floor(most);
    }
    return least <= most && !(ne && least == most && *ne == least);
}

bool ValueTest::holds(json::Value root, Looking& looking) const {
    const bool negated = test.kind == Test::Kind::absent || test.kind == Test::Kind::none_of;
    bool found = false;
    path.each(root, [&](json::Value value) {
        found = holds_for(value, test, looking);
        return !found && !looking.budget.exceeded;
    });
    return found != negated;
}

} // namespace weir::policy
