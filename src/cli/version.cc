// cli/version.cc - the version, which the build gives.
#include "cli/version.h"

namespace weir::cli {

std::string_view version() { return WEIR_VERSION; }

} // namespace weir::cli
