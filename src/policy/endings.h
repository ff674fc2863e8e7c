// policy/endings.h - which functions of a file can reach their end, and so return nothing.
//
// A look at the structure of blocks: what stands behind a return, in all branches of an if, behind an endless loop or
// an error is not reached. Conditions are not weighed, so that what is said of a function is what a reader sees in it.
// Pure.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace weir::policy {

struct Function {
    uint32_t first_line, last_line; // of its `function` and its `end`
    bool reaches_end;
};

/// All functions of `text`, in the order of their ends. `text` is a file that LuaJIT has compiled.
std::vector<Function> functions_of(std::string_view text);

} // namespace weir::policy
