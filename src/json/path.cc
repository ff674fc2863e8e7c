// json/path.cc - reads paths.
#include "json/path.h"

#include <algorithm>
#include <charconv>

namespace weir::json {

bool PathView::has_wildcard() const {
    return std::any_of(steps_.begin(), steps_.end(), [](const PathStep& step) {
        return step.kind == PathStep::Kind::any_element || step.kind == PathStep::Kind::any_depth;
    });
}

PathView PathView::copy_to(Workspace& space) const {
    const auto steps = space.array<PathStep>(steps_.size());
    std::copy(steps_.begin(), steps_.end(), steps.begin());
    return {space.copy(text_), steps};
}

std::expected<Path, std::string> Path::parse(std::string_view text) {
    using Step = PathStep::Kind;
    const auto wrong = [&](std::string_view why) {
        return std::unexpected("'" + std::string(text.substr(0, 200)) + "' is no path: " + std::string(why));
    };
    if (text.size() > text_bytes_max) return wrong("it is longer than 1 KiB");
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
                path.steps_.push_back({.kind = Step::any_element});
            } else {
                uint32_t element = 0;
                const auto [rest, error] = std::from_chars(inside.data(), inside.data() + inside.size(), element);
                if (error != std::errc() || rest != inside.data() + inside.size())
                    return wrong("brackets take a number from 0, or *");
                path.steps_.push_back({.kind = Step::element, .at = element});
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
                path.steps_.push_back({.kind = Step::any_depth});
            } else if (name.find_first_of("*]") != std::string_view::npos) {
                return wrong("names are exact; wildcards are [*] and **");
            } else {
                path.steps_.push_back({.kind = Step::member,
                                       .at = static_cast<uint32_t>(at),
                                       .bytes = static_cast<uint32_t>(name.size())});
            }
            at = end;
        }
        if (at < text.size() && text[at] == '.' && ++at == text.size()) return wrong("it ends in a dot");
        if (at < text.size() && text[at] == '[' && text[at - 1] == '.')
            return wrong("between a dot and a bracket stands a name");
    }
    return path;
}

} // namespace weir::json
