// policy/predicate.h - what a policy asks of one argument: a path to it, and a test of what is found there.
//
// Pure: reads a json::Document, changes nothing. Paths: members by name, `[0]` and `[*]` for elements, `**` (once) for
// any depth, this one included. A test holds if it holds for any value the path leads to; absent and none_of hold if
// present and any_of do not. Tests that ask for a string or number do not hold for values of other types: nothing is
// converted. Immutable after loading, shared by all workers.
#pragma once

#include "base/workspace.h"
#include "detect/regex.h"
#include "json/document.h"
#include "policy/regex_groups.h"

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace weir::policy {

/// Where a value stands in the arguments.
class Path {
  public:
    /// Reads `customers[*].phone`, `**.ssn`, `list[0]`; an empty text is the root. A sentence says what is wrong.
    static std::expected<Path, std::string> parse(std::string_view text);

    /// Calls `found(value)` for every value the path leads to from `root`, in order, until it returns false.
    template <class Found> void each(json::Value root, Found found) const { walk(root, 0, found); }
    const std::string& text() const { return text_; }

  private:
    enum class Kind : uint8_t { member, element, any_element, any_depth };
    struct Step {
        Kind kind;
        uint32_t element = 0;
        std::string member;
    };
    /// Recursion is bounded by the steps and, below `**`, by the depth of the document (Limits::json_depth_max).
    template <class Found> bool walk(json::Value at, size_t step, Found& found) const;

    std::string text_;
    std::vector<Step> steps_;
};

/// What tests use up and need while they look at one message. Its memory is kept for the next.
struct Looking {
    Workspace* space = nullptr; // for decoding strings that have escapes
    detect::ScanBudget budget;
    RegexPasses passes;
    json::Value decoded; // the last string that had escapes, and what it is without
    std::string_view decoded_text;

    /// Before each judgement.
    void begin(Workspace& workspace, uint64_t bytes) {
        space = &workspace;
        budget = {bytes, false};
        passes.forget();
        decoded = {};
    }
    /// The decoded form of the string `value`.
    std::string_view text_of(json::Value value);
};

/// A string, number or boolean that any_of and none_of compare with.
using Scalar = std::variant<std::string, double, bool>;

/// Bounds of num{} and len{}; any may be missing.
struct Bounds {
    std::optional<double> ge, gt, le, lt, eq, ne;
    bool hold(double value) const;
};

struct Test {
    enum class Kind : uint8_t { present, absent, glob, any_of, none_of, num, len, re } kind = Kind::present;
    std::vector<std::string> globs; // any of them
    std::vector<Scalar> scalars;
    Bounds bounds;
    std::shared_ptr<const detect::Regex> regex;
    const RegexGroup* group = nullptr; // of several patterns that are asked together; regex is one of them
    int member = 0;
};

/// One entry of `args = { [path] = test }`.
struct ArgumentTest {
    Path path;
    Test test;

    /// Whether it holds for the arguments `root` (nothing if there are none). An exceeded budget means: nothing is
    /// known, the message must not go on; check looking.budget.exceeded.
    bool holds(json::Value root, Looking& looking) const;
};

template <class Found> bool Path::walk(json::Value at, size_t step, Found& found) const {
    if (step == steps_.size()) return found(at);
    const Step& here = steps_[step];
    switch (here.kind) {
        case Kind::member: {
            const json::Value next = at.find(here.member);
            return !next || walk(next, step + 1, found);
        }
        case Kind::element: {
            const json::Value next = at.at(here.element);
            return !next || walk(next, step + 1, found);
        }
        case Kind::any_element:
            if (!at.is(json::Kind::array)) return true;
            for (const json::Value element : at.elements())
                if (!walk(element, step + 1, found)) return false;
            return true;
        case Kind::any_depth:
            if (!walk(at, step + 1, found)) return false;
            if (at.is(json::Kind::array)) {
                for (const json::Value element : at.elements())
                    if (!walk(element, step, found)) return false;
            } else if (at.is(json::Kind::object)) {
                for (const json::Value::Member member : at.members())
                    if (!walk(member.value, step, found)) return false;
            }
            return true;
    }
    __builtin_unreachable();
}

} // namespace weir::policy
