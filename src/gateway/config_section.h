// gateway/config_section.h - one table of weir.toml while its keys are being taken, and the problems found on the way.
//
// Only for config_*.cc: toml++ stays behind them. A Section takes the keys it knows, one by one, each with its type and
// bounds; finish() then notes every key that nobody took, so that none is ever ignored.
#pragma once

#include "gateway/config.h"

#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 0
#include <fmt/format.h>
#include <toml++/toml.h>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::gateway {

/// What is wrong with the file, as it is found.
class Problems {
  public:
    explicit Problems(std::string file) : file_(std::move(file)) {}
    void note(const toml::source_region& where, std::string_view code, std::string text) {
        list_.push_back({file_, static_cast<uint32_t>(where.begin.line), static_cast<uint32_t>(where.begin.column),
                         code, std::move(text)});
    }
    bool none() const { return list_.empty(); }
    /// All of them in the order of the file.
    ConfigProblems take();

  private:
    std::string file_;
    ConfigProblems list_;
};

/// "a string", "an integer": for messages.
std::string_view type_name(const toml::node& node);

/// One table of the file while its keys are being taken.
class Section {
  public:
    Section(Problems& problems, const toml::table& table, std::string name)
        : problems_(problems), table_(table), name_(std::move(name)) {}

    const toml::table& table() const { return table_; }
    const std::string& name() const { return name_; }

    /// The value of `key`, which is hereby known; nullptr when absent.
    const toml::node* take(std::string_view key) {
        known_.push_back(key);
        return table_.get(key);
    }
    /// Each of these takes a key of one type into `into`, and notes a problem for another type.
    bool text(std::string_view key, std::string& into);
    bool flag(std::string_view key, bool& into);
    bool whole(std::string_view key, uint64_t least, uint64_t most, uint64_t& into);
    bool size(std::string_view key, uint64_t least, uint64_t most, uint64_t& into);
    bool duration(std::string_view key, uint64_t least, uint64_t most, uint64_t& into);
    /// An array of strings; `or_one`: one string stands for an array of it. each(text, node).
    template <class Each> void texts(std::string_view key, bool or_one, Each each);
    /// A table under `key`, or nothing.
    std::optional<Section> section(std::string_view key);
    /// Notes a problem for each key that was not taken.
    void finish();

  private:
    Problems& problems_;
    const toml::table& table_;
    std::string name_; // "[listen]"
    std::vector<std::string_view> known_;
};

template <class Each> void Section::texts(std::string_view key, bool or_one, Each each) {
    const toml::node* node = take(key);
    if (node == nullptr) return;
    if (const auto* one = node->as_string(); one != nullptr && or_one) return each(one->get(), *node);
    const auto* array = node->as_array();
    if (array == nullptr) {
        problems_.note(node->source(), "config_type",
                       fmt::format("`{}` must be {}an array of strings, not {}", key, or_one ? "a string or " : "",
                                   type_name(*node)));
        return;
    }
    for (const toml::node& element : *array) {
        if (const auto* one = element.as_string()) each(one->get(), element);
        else {
            problems_.note(element.source(), "config_type",
                           fmt::format("`{}` holds strings only, not {}", key, type_name(element)));
        }
    }
}

} // namespace weir::gateway
