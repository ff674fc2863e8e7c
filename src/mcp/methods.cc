// mcp/methods.cc - look-ups in the table of methods.
#include "mcp/methods.h"

#include <array>

namespace weir::mcp {
namespace {

struct Row {
    std::string_view name;
    Named named;
    std::string_view list;
};

constexpr auto rows = std::to_array<Row>({
#define WEIR_ROW(id, name, named, list) {name, Named::named, list},
    WEIR_MCP_METHODS(WEIR_ROW)
#undef WEIR_ROW
    {{}, Named::none, {}},
});

} // namespace

Method method_of(std::string_view name) {
    if (name == rows[static_cast<size_t>(Method::tools_call)].name) return Method::tools_call; // by far the most frequent
    for (size_t i = 0; i + 1 < rows.size(); ++i)
        if (rows[i].name == name) return static_cast<Method>(i);
    return Method::unknown;
}

std::string_view name_of(Method method) { return rows[static_cast<size_t>(method)].name; }
Named named_by(Method method) { return rows[static_cast<size_t>(method)].named; }
std::string_view list_of(Method method) { return rows[static_cast<size_t>(method)].list; }

} // namespace weir::mcp
