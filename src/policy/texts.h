// policy/texts.h - the Lua files of policies/ that are part of weir, as the build embeds them (embed.py).
#pragma once

#include <string_view>

namespace weir::policy {

extern const std::string_view weir_lua;    // what of the environment is written in Lua
extern const std::string_view builtin_lua; // the default, in the policy language

} // namespace weir::policy
