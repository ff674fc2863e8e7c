// json/structure.cc - simdjson's first stage. Its DOM loses the text of numbers and neither of its faces sees a name
// given twice, so nothing but the first stage is used.
#include "json/structure.h"

#include "json/reserved.h"

#include <simdjson.h>

#include <algorithm>

namespace weir::json {

static_assert(padding_bytes >= simdjson::SIMDJSON_PADDING);

struct Structure::Parser {
    std::unique_ptr<simdjson::internal::dom_parser_implementation> stages;
};

Structure::Structure(size_t text_bytes_max)
    : parser_(std::make_unique<Parser>()), text_bytes_max_(std::max(text_bytes_max, size_t{64})) {
    // A depth of 1: the second stage, which would need more, is never run.
    const auto failed = simdjson::get_active_implementation()->create_dom_parser_implementation(
        text_bytes_max_, 1, parser_->stages);
    WEIR_ASSERT(failed == simdjson::SUCCESS);
}

Structure::~Structure() = default;

Result<std::span<uint32_t>> Structure::find(PaddedView text) {
    auto& stages = *parser_->stages;
    const auto failed = stages.stage1(reinterpret_cast<const uint8_t*>(text.data), text.size,
                                      simdjson::stage1_mode::regular);
    if (failed != simdjson::SUCCESS) [[unlikely]] {
        if (failed == simdjson::UTF8_ERROR) return fail(Error::json_utf8);
        return fail(failed == simdjson::CAPACITY ? Error::json_too_large : Error::json_syntax);
    }
    return std::span<uint32_t>(stages.structural_indexes.get(), stages.n_structural_indexes);
}

void Structure::trim(size_t kept) {
    if (kept < text_bytes_max_)
        give_pages_back(parser_->stages->structural_indexes.get() + kept, (text_bytes_max_ - kept) * sizeof(uint32_t));
}

bool valid_utf8(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

} // namespace weir::json
