// base/result.cc - the rows of the error table.
#include "base/result.h"

#include "base/assert.h"

#include <array>

namespace weir {
namespace {
constexpr auto rows = std::to_array<ErrorRow>({
#define WEIR_ROW(name, status, code, text) {#name, status, code, text},
    WEIR_ERRORS(WEIR_ROW)
#undef WEIR_ROW
});
} // namespace

const ErrorRow& row_of(Error error) {
    const auto at = static_cast<size_t>(error);
    WEIR_ASSERT(at < rows.size());
    return rows[at];
}

} // namespace weir
