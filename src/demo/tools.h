// demo/tools.h - the tools of acme: their definitions as tools/list shows them, and their numbers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir::demo {

enum class Tool : uint8_t { list_customers, query, refund, delete_customer, slow, countdown, help };

struct ToolDefinition {
    std::string_view name;
    std::string_view json; // one element of tools/list
};

/// In the order of Tool.
extern const std::array<ToolDefinition, 7> tool_definitions;

} // namespace weir::demo
