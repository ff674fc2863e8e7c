// cli/config_option.h - the `-c FILE` that most commands share, and what they read through it.
#pragma once

#include "gateway/config.h"

#include <string>

namespace CLI {
class App;
}

namespace weir::cli {

/// Adds `-c,--config FILE`: by default weir.toml here if there is one, else /etc/weir/weir.toml.
void add_config_option(CLI::App& command, std::string& file);

/// Reads `file`, telling every problem on standard error. Nothing when there was one (exit code 3).
std::optional<gateway::Config> load_or_complain(const std::string& file);

} // namespace weir::cli
