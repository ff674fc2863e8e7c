// json/path.h - where values stand in a document: paths as policies write them.
//
// `a.b` members by name, `[0]` an element, `[*]` any element, `**` (once) any depth, none included; an empty path is
// the root itself. Names are exact and compared after their escapes are decoded; there is no way to write a name with a
// dot, a bracket or an asterisk. Read once, walked often. Pure; a Path is immutable.
//
// Ownership: a Path owns its text, a PathView borrows it.
#pragma once

#include "base/workspace.h"
#include "json/document.h"

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::json {

/// One step of a path. A member's name is a piece of the path's text.
struct PathStep {
    enum class Kind : uint8_t { member, element, any_element, any_depth } kind = Kind::member;
    uint32_t at = 0; // member: where the name begins; element: its index
    uint32_t bytes = 0;
};

/// A path that lies elsewhere: in a Path, or copied into a Workspace.
class PathView {
  public:
    PathView() = default;
    PathView(std::string_view text, std::span<const PathStep> steps) : text_(text), steps_(steps) {}

    /// Calls `found(value)` for every value the path leads to from `root`, each once, until it returns false.
    template <class Found> void each(Value root, Found found) const {
        if (root) walk(root, 0, found);
    }
    /// Whether it may lead to more than one value.
    bool has_wildcard() const;
    std::string_view text() const { return text_; }
    PathView copy_to(Workspace& space) const;

  private:
    /// Recursion is bounded by the steps and, below `**`, by the depth of the document (Limits::json_depth_max).
    template <class Found> bool walk(Value at, size_t step, Found& found) const;
    std::string_view name_of(const PathStep& step) const { return text_.substr(step.at, step.bytes); }

    std::string_view text_;
    std::span<const PathStep> steps_;
};

class Path {
  public:
    static constexpr size_t steps_max = 32, text_bytes_max = 1024;

    /// Reads `customers[*].phone`, `**.ssn`, `list[0]`. A sentence says what is wrong.
    static std::expected<Path, std::string> parse(std::string_view text);

    PathView view() const { return {text_, steps_}; }
    template <class Found> void each(Value root, Found found) const { view().each(root, found); }
    const std::string& text() const { return text_; }

  private:
    std::string text_;
    std::vector<PathStep> steps_;
};

template <class Found> bool PathView::walk(Value at, size_t step, Found& found) const {
    if (step == steps_.size()) return found(at);
    const PathStep& here = steps_[step];
    switch (here.kind) {
        case PathStep::Kind::member: {
            const Value next = at.find(name_of(here));
            return !next || walk(next, step + 1, found);
        }
        case PathStep::Kind::element: {
            const Value next = at.at(here.at);
            return !next || walk(next, step + 1, found);
        }
        case PathStep::Kind::any_element:
            for (const Value element : at.elements())
                if (!walk(element, step + 1, found)) return false;
            return true;
        case PathStep::Kind::any_depth:
            if (!walk(at, step + 1, found)) return false;
            for (const Value element : at.elements())
                if (!walk(element, step, found)) return false;
            for (const Value::Member member : at.members())
                if (!walk(member.value, step, found)) return false;
            return true;
    }
    __builtin_unreachable();
}

} // namespace weir::json
