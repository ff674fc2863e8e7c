// cli/config_option.cc - from `-c FILE` to a configuration.
#include "cli/config_option.h"

#include "cli/output.h"

#include <unistd.h>
#include <CLI/CLI.hpp>

namespace weir::cli {

void add_config_option(CLI::App& command, std::string& file) {
    file = access("weir.toml", F_OK) == 0 ? "weir.toml" : "/etc/weir/weir.toml";
    command.add_option("-c,--config", file, "the configuration")->type_name("FILE")->capture_default_str();
}

std::optional<gateway::Config> load_or_complain(const std::string& file) {
    auto config = gateway::load_config(file);
    if (config) return std::move(*config);
    for (const gateway::ConfigProblem& problem : config.error()) complain(printable(describe(problem)));
    return std::nullopt;
}

} // namespace weir::cli
