// cli/check.cc - `weir check`: everything that `weir run` would refuse, and what it would do oddly, without serving.
#include "cli/commands.h"
#include "cli/config_option.h"
#include "cli/output.h"
#include "gateway/config_limits.h"
#include "gateway/generation_load.h"
#include "gateway/tls_files.h"
#include "json/text.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <ctime>
#include <memory>
#include <utility>

namespace weir::cli {
namespace {

struct CheckOptions {
    std::string file;
    bool strict = false, json = false, limits = false;
};

std::string problems_json(const gateway::ConfigProblems& errors, const gateway::ConfigProblems& warnings) {
    json::Text out;
    out.begin_object().name("valid").boolean(errors.empty()).name("problems").begin_array();
    for (const auto* list : {&errors, &warnings}) {
        for (const gateway::ConfigProblem& problem : *list) {
            out.begin_object().name("severity").string(list == &errors ? "error" : "warning");
            out.name("file")
                .string(problem.file)
                .name("line")
                .number(problem.line)
                .name("column")
                .number(problem.column);
            out.name("code").string(problem.code).name("text").string(problem.text).end_object();
        }
    }
    out.end_array().end_object();
    return out.text() + "\n";
}

std::string limits_text(const gateway::Config& config, bool json) {
    Table table({"limit", "value", "default", "when it is reached"});
    json::Text out;
    out.begin_object();
    for (const gateway::LimitRow& row : gateway::limit_rows()) {
        const std::string value = gateway::limit_text(row.unit, row.get(config.limits));
        const std::string usual = gateway::limit_text(row.unit, row.get(Limits{}));
        table.row({{std::string(row.key)},
                   {value, value == usual ? Tone::plain : Tone::warn},
                   {usual},
                   {std::string(row.answer)}});
        out.name(row.key).string(value);
    }
    out.end_object();
    return json ? out.text() + "\n" : table.text(out_surface());
}

Exit check(const CheckOptions& options) {
    const auto config = gateway::load_config(options.file);
    gateway::ConfigProblems errors, warnings;
    if (!config) {
        errors = config.error();
    } else {
        warnings = gateway::warnings_of(*config);
        const auto odd = gateway::tls_warnings(*config, static_cast<uint64_t>(std::time(nullptr)));
        warnings.insert(warnings.end(), odd.begin(), odd.end());
        errors = gateway::source_problems(*config);
        if (auto policies = gateway::load_policies(*config); !policies) {
            errors.insert(errors.end(), policies.error().begin(), policies.error().end());
        } else {
            const auto undecided = gateway::policy_warnings(*config, **policies);
            warnings.insert(warnings.end(), undecided.begin(), undecided.end());
        }
    }
    if (options.limits && config) {
        print(limits_text(*config, options.json));
    } else if (options.json) {
        print(problems_json(errors, warnings));
    }
    if (!options.json) {
        for (const auto& problem : errors)
            say(toned(err_surface(), Tone::bad, "error: ") + printable(describe(problem)));
        for (const auto& problem : warnings)
            say(toned(err_surface(), Tone::warn, "warning: ") + printable(describe(problem)));
    }
    if (!errors.empty()) return Exit::invalid_config;
    if (options.strict && !warnings.empty()) return Exit::assertion;
    if (!options.json && !options.limits) {
        say(fmt::format("{}: good; {} server{}, {}", options.file, config->servers.size(),
                        config->servers.size() == 1 ? "" : "s",
                        config->policies_dir.empty() ? "no policies" : "policies in " + config->policies_dir));
    }
    return Exit::ok;
}

} // namespace

void add_check(CLI::App& app, Exit& exit) {
    CLI::App* command = app.add_subcommand("check", "Check the configuration and the policies without serving");
    auto options = std::make_shared<CheckOptions>();
    add_config_option(*command, options->file);
    command->add_flag("--strict", options->strict, "a warning is a failure (exit code 4)");
    command->add_flag("--json", options->json, "one JSON document");
    command->add_flag("--limits", options->limits, "print every limit with its value here");
    command->callback([options, &exit] { exit = check(*options); });
}

} // namespace weir::cli
