// tests/mask/masked.h - a message, the fields of a mask, and what becomes of it.
#pragma once

#include "json/scan.h"
#include "mask/masker.h"

#include <catch2/catch_test_macros.hpp>

#include <deque>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace weir::mask {

/// Fields as policies write them: path and act, in pairs.
class Fields {
  public:
    Fields(std::initializer_list<std::pair<std::string_view, std::string_view>> pairs) {
        for (const auto& [path, act] : pairs) add(path, act);
    }
    void add(std::string_view path, std::string_view act) {
        auto parsed = json::Path::parse(path);
        REQUIRE(parsed);
        const json::Path& kept = paths_.emplace_back(std::move(*parsed));
        const std::string& text = texts_.emplace_back(act);
        const Act what = act == "drop"    ? Act::drop
                         : act == "null"  ? Act::null
                         : act == "last4" ? Act::last4
                                          : Act::replace;
        fields_.push_back({kept.view(), what, text});
    }
    std::span<const Field> all() const { return fields_; }

  private:
    std::deque<json::Path> paths_;
    std::deque<std::string> texts_;
    std::vector<Field> fields_;
};

struct Masked {
    std::string text;    // as it is to be sent
    std::string problem; // why it cannot be
    std::vector<Tally> tallies;
    bool changed = false;
};

inline Masked mask_text(std::string_view message, const Fields& fields, Limits limits = {}) {
    BufferPool pool;
    PaddedBytes bytes(pool), out(pool);
    Workspace space(pool);
    bytes.append(message);
    json::Scanner scanner{json::ScanLimits{}};
    const auto document = scanner.scan(bytes.padded());
    INFO(message);
    REQUIRE(document);
    Masker masker(limits, pool);
    const auto outcome = masker.mask(json::Value::root(*document), fields.all(), space);
    Masked masked;
    if (!outcome) {
        CHECK(outcome.error() == Error::mask_failed);
        masked.problem = masker.problem();
        CHECK_FALSE(masked.problem.empty());
        return masked;
    }
    masked.changed = !outcome->edits.empty();
    masked.tallies.assign(outcome->tallies.begin(), outcome->tallies.end());
    json::serialise(*document, outcome->edits, out);
    masked.text = masked.changed ? out.text() : message;
    return masked;
}

/// The answer with this `result`.
inline std::string answer(std::string_view result) {
    return R"({"jsonrpc":"2.0","id":1,"result":)" + std::string(result) + "}";
}

} // namespace weir::mask
