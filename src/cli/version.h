// cli/version.h - the version of this binary, as meson.build has it.
#pragma once

#include <string_view>

namespace weir::cli {

/// "0.1.0".
std::string_view version();

} // namespace weir::cli
