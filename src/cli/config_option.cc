// cli/config_option.cc - from `-c FILE` to a configuration whose policies load.
#include "cli/config_option.h"

#include "cli/output.h"
#include "policy/set.h"

#include <CLI/CLI.hpp>
#include <unistd.h>

namespace weir::cli {

void add_config_option(CLI::App& command, std::string& file) {
    file = access("weir.toml", F_OK) == 0 ? "weir.toml" : "/etc/weir/weir.toml";
    command.add_option("-c,--config", file, "the configuration")->type_name("FILE")->capture_default_str();
}

gateway::ConfigProblems policy_problems(const gateway::Config& config) {
    policy::Surroundings surroundings;
    surroundings.limits = config.limits;
    for (const gateway::ServerConfig& server : config.servers) {
        policy::Server& out = surroundings.servers.emplace_back();
        out.name = server.name;
        out.allow_by_default = server.allow_by_default;
        for (const auto& label : server.labels) out.labels.push_back({label.name, label.value});
        for (const auto& tag : server.tags) out.tags.push_back({tag.tag, tag.globs});
    }
    for (const auto& value : config.policy_values) surroundings.values.push_back({value.name, value.value});
    const policy::Loaded loaded = policy::PolicySet::load(config.policies_dir, std::move(surroundings));
    gateway::ConfigProblems problems;
    if (loaded) return problems;
    for (const policy::Problem& problem : loaded.error()) {
        const std::string file = problem.file.empty() ? config.policies_dir : config.policies_dir + "/" + problem.file;
        problems.push_back({file, problem.line, problem.line == 0 ? 0u : 1u, "policy_invalid", problem.text});
    }
    return problems;
}

std::optional<gateway::Config> load_or_complain(const std::string& file) {
    auto config = gateway::load_config(file);
    if (config) return std::move(*config);
    for (const gateway::ConfigProblem& problem : config.error()) complain(printable(describe(problem)));
    return std::nullopt;
}

} // namespace weir::cli
