// gateway/config_section.cc - values out of a table, each with its type and bounds; the one file that compiles toml++.
#define TOML_IMPLEMENTATION
#include "gateway/config_section.h"

#include "base/nearest.h"
#include "gateway/config_limits.h"
#include "gateway/config_values.h"

#include <algorithm>

namespace weir::gateway {

ConfigProblems Problems::take() {
    std::stable_sort(list_.begin(), list_.end(), [](const ConfigProblem& left, const ConfigProblem& right) {
        return std::pair(left.line, left.column) < std::pair(right.line, right.column);
    });
    return std::move(list_);
}

namespace {

/// As nearest(); also where one is the other's plural, as `policy` is not far from `policies`.
std::string_view meant_by(std::string_view key, std::span<const std::string_view> known) {
    if (const std::string_view meant = nearest(key, known); !meant.empty() || key.size() < 5) return meant;
    const auto found = std::ranges::find_if(
        known, [stem = key.substr(0, key.size() - 1)](std::string_view name) { return name.starts_with(stem); });
    return found == known.end() ? std::string_view() : *found;
}

} // namespace

std::string_view type_name(const toml::node& node) {
    switch (node.type()) {
        case toml::node_type::none: return "nothing";
        case toml::node_type::table: return "a table";
        case toml::node_type::array: return "an array";
        case toml::node_type::string: return "a string";
        case toml::node_type::integer: return "an integer";
        case toml::node_type::floating_point: return "a number";
        case toml::node_type::boolean: return "true or false";
        case toml::node_type::date:
        case toml::node_type::time:
        case toml::node_type::date_time: return "a date or time";
    }
    return "something else";
}

bool Section::text(std::string_view key, std::string& into) {
    const toml::node* node = take(key);
    if (node == nullptr) return false;
    const auto* value = node->as_string();
    if (value == nullptr) {
        problems_.note(node->source(), "config_type",
                       fmt::format("`{}` must be a string, not {}", key, type_name(*node)));
        return false;
    }
    into = value->get();
    return true;
}

bool Section::flag(std::string_view key, bool& into) {
    const toml::node* node = take(key);
    if (node == nullptr) return false;
    const auto* value = node->as_boolean();
    if (value == nullptr) {
        problems_.note(node->source(), "config_type",
                       fmt::format("`{}` must be true or false, not {}", key, type_name(*node)));
        return false;
    }
    into = value->get();
    return true;
}

bool Section::whole(std::string_view key, uint64_t least, uint64_t most, uint64_t& into) {
    const toml::node* node = take(key);
    if (node == nullptr) return false;
    const auto* value = node->as_integer();
    if (value == nullptr) {
        problems_.note(node->source(), "config_type",
                       fmt::format("`{}` must be an integer, not {}", key, type_name(*node)));
        return false;
    }
    if (value->get() < 0 || static_cast<uint64_t>(value->get()) < least || static_cast<uint64_t>(value->get()) > most) {
        problems_.note(node->source(), "config_value",
                       fmt::format("`{}` must be from {} to {}, not {}", key, least, most, value->get()));
        return false;
    }
    into = static_cast<uint64_t>(value->get());
    return true;
}

bool Section::size(std::string_view key, uint64_t least, uint64_t most, uint64_t& into) {
    const toml::node* node = take(key);
    if (node == nullptr) return false;
    std::optional<uint64_t> bytes;
    if (const auto* number = node->as_integer()) {
        if (number->get() >= 0) bytes = static_cast<uint64_t>(number->get());
    } else if (const auto* text = node->as_string()) {
        bytes = parse_size(text->get());
    } else {
        problems_.note(node->source(), "config_type",
                       fmt::format("`{}` must be a size such as 65536 or \"4MiB\", not {}", key, type_name(*node)));
        return false;
    }
    if (!bytes) {
        problems_.note(node->source(), "config_value", fmt::format("`{}` is no size: write 65536 or \"4MiB\"", key));
        return false;
    }
    if (*bytes < least || *bytes > most) {
        problems_.note(node->source(), "config_value",
                       fmt::format("`{}` must be from {} to {}, not {}", key, limit_text(LimitUnit::bytes, least),
                                   limit_text(LimitUnit::bytes, most), limit_text(LimitUnit::bytes, *bytes)));
        return false;
    }
    into = *bytes;
    return true;
}

bool Section::duration(std::string_view key, uint64_t least, uint64_t most, uint64_t& into) {
    const toml::node* node = take(key);
    if (node == nullptr) return false;
    const auto* text = node->as_string();
    if (text == nullptr) {
        problems_.note(
            node->source(), "config_type",
            fmt::format("`{}` must be a duration with its unit such as \"45s\", not {}", key, type_name(*node)));
        return false;
    }
    const std::optional<uint64_t> ns = parse_duration(text->get());
    if (!ns) {
        problems_.note(
            node->source(), "config_value",
            fmt::format("`{}` is no duration: write digits and one of ns, us, ms, s, m, h, d, as in \"45s\"", key));
        return false;
    }
    if (*ns < least || *ns > most) {
        problems_.note(node->source(), "config_value",
                       fmt::format("`{}` must be from {} to {}, not {}", key, limit_text(LimitUnit::duration, least),
                                   limit_text(LimitUnit::duration, most), text->get()));
        return false;
    }
    into = *ns;
    return true;
}

std::optional<Section> Section::section(std::string_view key) {
    const toml::node* node = take(key);
    if (node == nullptr) return std::nullopt;
    const toml::table* table = node->as_table();
    if (table == nullptr) {
        problems_.note(node->source(), "config_type",
                       fmt::format("`{}` must be a table, not {}", key, type_name(*node)));
        return std::nullopt;
    }
    return Section(problems_, *table, name_.empty() ? fmt::format("[{}]", key) : fmt::format("{} {}", name_, key));
}

void Section::finish() {
    for (const auto& [key, value] : table_) {
        if (std::find(known_.begin(), known_.end(), key.str()) != known_.end()) continue;
        std::string text = fmt::format("unknown key `{}`{}{}", key.str(), name_.empty() ? "" : " in ", name_);
        if (const std::string_view meant = meant_by(key.str(), known_); !meant.empty()) {
            text += fmt::format("; did you mean `{}`?", meant);
        }
        problems_.note(key.source(), "config_unknown_key", std::move(text));
    }
}

} // namespace weir::gateway
