// detect/regex.cc - RE2 behind the face of regex.h.
#include "detect/regex.h"

#include <re2/re2.h>
#include <re2/set.h>

namespace weir::detect {
namespace {

constexpr int64_t memory_bytes_max = int64_t{2} << 20;      // of one pattern: program and DFA
constexpr int64_t set_memory_bytes_max = int64_t{64} << 20; // of one set
constexpr size_t pattern_bytes_max = 4096;

RE2::Options options(int64_t memory) {
    RE2::Options chosen;
    chosen.set_encoding(RE2::Options::EncodingUTF8);
    chosen.set_log_errors(false);
    chosen.set_max_mem(memory);
    return chosen;
}

re2::StringPiece piece(std::string_view text) { return {text.data(), text.size()}; }

} // namespace

struct Regex::Compiled {
    explicit Compiled(std::string_view pattern) : re(piece(pattern), options(memory_bytes_max)) {}
    RE2 re;
};

Regex::Regex(std::unique_ptr<Compiled> compiled) : compiled_(std::move(compiled)) {}
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;
Regex::~Regex() = default;

std::expected<Regex, std::string> Regex::compile(std::string_view pattern) {
    if (pattern.size() > pattern_bytes_max)
        return std::unexpected(std::string("the pattern is longer than 4096 bytes"));
    auto compiled = std::make_unique<Compiled>(pattern);
    if (!compiled->re.ok()) return std::unexpected(compiled->re.error());
    return Regex(std::move(compiled));
}

bool Regex::found_in(std::string_view text) const {
    return compiled_->re.Match(piece(text), 0, text.size(), RE2::UNANCHORED, nullptr, 0);
}

bool Regex::find(std::string_view text, size_t& begin, size_t& end) const {
    re2::StringPiece whole;
    if (!compiled_->re.Match(piece(text), 0, text.size(), RE2::UNANCHORED, &whole, 1)) return false;
    begin = static_cast<size_t>(whole.data() - text.data());
    end = begin + whole.size();
    return true;
}

std::string_view Regex::pattern() const { return compiled_->re.pattern(); }

struct RegexSet::Compiled {
    Compiled() : set(options(set_memory_bytes_max), RE2::UNANCHORED) {}
    RE2::Set set;
};

RegexSet::RegexSet(std::unique_ptr<Compiled> compiled) : compiled_(std::move(compiled)) {}
RegexSet::~RegexSet() = default;

std::unique_ptr<const RegexSet> RegexSet::compile(std::span<const std::string_view> patterns) {
    auto compiled = std::make_unique<Compiled>();
    for (const std::string_view pattern : patterns)
        if (compiled->set.Add(piece(pattern), nullptr) < 0) return nullptr;
    if (!compiled->set.Compile()) return nullptr;
    return std::unique_ptr<const RegexSet>(new RegexSet(std::move(compiled)));
}

bool RegexSet::find(std::string_view text, std::vector<int>& found) const {
    RE2::Set::ErrorInfo error{};
    found.clear();
    return compiled_->set.Match(piece(text), &found, &error) || error.kind == RE2::Set::kNoError;
}

} // namespace weir::detect
