// detect/regex.h - regular expressions without backtracking (RE2), one at a time and many at once.
//
// The only files that know RE2. Linear in the text whatever the pattern; memory per pattern is bounded. No hook can
// stop a search, so the caller keeps a budget of bytes (ScanBudget) and asks it first.
// Immutable after compile(), safe from any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::detect {

/// How many more bytes may be searched for one message. Once exceeded it stays exceeded.
struct ScanBudget {
    uint64_t bytes_left = 0;
    bool exceeded = false;
    /// Takes `bytes`; false, and exceeded, when there are not that many left.
    bool take(uint64_t bytes) {
        if (exceeded || bytes > bytes_left) {
            exceeded = true;
            return false;
        }
        bytes_left -= bytes;
        return true;
    }
};

class Regex {
  public:
    /// The compiled `pattern` (RE2's syntax, UTF-8), or a sentence that says what is wrong with it.
    static std::expected<Regex, std::string> compile(std::string_view pattern);
    Regex(Regex&&) noexcept;
    Regex& operator=(Regex&&) noexcept;
    ~Regex();

    /// Whether the pattern occurs anywhere in `text`.
    bool found_in(std::string_view text) const;
    /// Where the leftmost occurrence is; false when there is none.
    bool find(std::string_view text, size_t& begin, size_t& end) const;
    std::string_view pattern() const;

  private:
    struct Compiled;
    explicit Regex(std::unique_ptr<Compiled> compiled);
    std::unique_ptr<Compiled> compiled_;
};

/// Several patterns that are searched for in one pass.
class RegexSet {
  public:
    /// Patterns that Regex::compile() has accepted. Null when RE2 cannot hold them all in its memory.
    static std::unique_ptr<const RegexSet> compile(std::span<const std::string_view> patterns);
    ~RegexSet();

    /// Puts the indexes of the patterns that occur in `text` into `found`, in no particular order. False when RE2 ran
    /// out of memory: nothing is known then.
    bool find(std::string_view text, std::vector<int>& found) const;

  private:
    struct Compiled;
    explicit RegexSet(std::unique_ptr<Compiled> compiled);
    std::unique_ptr<Compiled> compiled_;
};

} // namespace weir::detect
