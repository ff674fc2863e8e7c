// cli/version_command.cc - `weir version`: what this binary is.
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/version.h"
#include "json/text.h"

#include <CLI/CLI.hpp>
#include <memory>

namespace weir::cli {

void add_version(CLI::App& app, Exit& exit) {
    CLI::App* command = app.add_subcommand("version", "Print the version");
    auto json = std::make_shared<bool>(false);
    command->add_flag("--json", *json, "one JSON document");
    command->callback([json, &exit] {
        exit = Exit::ok;
        if (!*json) return print("weir " + std::string(version()) + "\n");
        json::Text out;
        out.begin_object().name("version").string(version()).name("compiler").string(__VERSION__);
        out.name("protocols").begin_array();
        for (const std::string_view revision : {"2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"})
            out.string(revision);
        out.end_array().end_object();
        print(out.text() + "\n");
    });
}

} // namespace weir::cli
