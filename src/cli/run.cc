// cli/run.cc - `weir run`: serve until a signal, then let what runs end.
#include "cli/commands.h"
#include "cli/config_option.h"
#include "cli/output.h"
#include "cli/signals.h"

#include "base/log.h"
#include "gateway/gateway.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <CLI/CLI.hpp>
#include <memory>

namespace weir::cli {
namespace {

Exit run(const std::string& file) {
    auto config = load_or_complain(file);
    if (!config) return Exit::invalid_config;
    for (const auto& warning : gateway::warnings_of(*config))
        log::warn("config_warning", {{"text", describe(warning)}});
    std::string addresses;
    for (const auto& address : config->addresses) addresses.append(addresses.empty() ? "" : " ").append(address.text);

    ::umask(077);          // Whatever is made from here on, SQLite's files too, is its owner's alone.
    const Signals signals; // before any thread, so that none of them gets one
    auto gateway = gateway::Gateway::start(std::move(*config));
    if (!gateway) {
        for (const std::string& line : gateway.error().lines) complain(printable(line));
        return static_cast<Exit>(gateway.error().exit_code);
    }
    log::info("serving", {{"addresses", addresses},
                          {"workers", std::to_string((*gateway)->workers())},
                          {"policies", std::to_string((*gateway)->policies())}});
    signals.wait();
    log::info("draining");
    (*gateway)->drain();
    signals.leave_at_next();
    (*gateway)->join();
    log::info("stopped");
    return Exit::ok;
}

} // namespace

void add_run(CLI::App& app, Exit& exit) {
    CLI::App* command = app.add_subcommand("run", "Serve, in the foreground, until SIGTERM or Ctrl-C");
    auto file = std::make_shared<std::string>();
    add_config_option(*command, *file);
    command->callback([file, &exit] { exit = run(*file); });
}

} // namespace weir::cli
