// policy/predicate.h - what a policy asks of one argument, or of one value of a result: a path to it (json/path.h), and
// a test of what is found there.
//
// Pure: reads a json::Document, changes nothing. A test holds if it holds for any value the path leads to; absent and
// none_of hold if present and any_of do not. Tests that ask for a string or number do not hold for values of other types: nothing is
// converted. Immutable after loading, shared by all workers.
#pragma once

#include "base/workspace.h"
#include "detect/regex.h"
#include "json/document.h"
#include "json/path.h"
#include "policy/regex_groups.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace weir::policy {

/// What tests use up and need while they look at one message. Its memory is kept for the next.
struct Looking {
    Workspace* space = nullptr; // for decoding strings that have escapes
    detect::ScanBudget budget;
    RegexPasses passes;
    json::Value decoded; // the last string that had escapes, and what it is without
    std::string_view decoded_text;
    bool groups_unknown = false; // a condition asked for a group, and the principal may have more than are known

    /// Before each judgement.
    void begin(Workspace& workspace, uint64_t bytes) {
        space = &workspace;
        budget = {bytes, false};
        passes.forget();
        decoded = {};
        groups_unknown = false;
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
    /// Whether they hold for any number, or, if `lengths`, for any whole number from 0.
    bool possible(bool lengths) const;
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

/// One entry of `args = { [path] = test }` or of `result`.
struct ValueTest {
    json::Path path;
    Test test;

    /// Whether it holds below `root` (nothing if there are none). An exceeded budget means: nothing is
    /// known, the message must not go on; check looking.budget.exceeded.
    bool holds(json::Value root, Looking& looking) const;
};

} // namespace weir::policy
