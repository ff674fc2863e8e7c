// cli/command_line.cc - CLI11 around the commands; the only place where its exceptions are caught.
#include "cli/command_line.h"

#include "cli/output.h"
#include "cli/version.h"

#include <CLI/CLI.hpp>
#include <string>

namespace weir::cli {

CommandLine::CommandLine()
    : app_(std::make_unique<CLI::App>("weir: a gateway for the Model Context Protocol", "weir")) {
    app_->require_subcommand(1);
    app_->fallthrough(); // --no-color may stand behind the command too
    app_->set_version_flag("--version", "weir " + std::string(version()));
    app_->add_flag_callback("--no-color", forbid_colour, "no colour, as with NO_COLOR=1");
    app_->footer(
        "Exit codes: 0 good, 1 failed, 2 usage, 3 invalid configuration or policy, 4 a check did not hold,\n"
        "5 denied, 6 not found, 7 timed out, 8 conflict, 9 cannot reach weir, 130 interrupted.");
}

CommandLine::~CommandLine() = default;

int CommandLine::execute(int argc, char** argv) {
    try {
        app_->parse(argc, argv);
    } catch (const CLI::Success& asked) { // --help, --version
        return app_->exit(asked);
    } catch (const CLI::ParseError& error) {
        complain(printable(error.what(), true));
        const CLI::App* at = app_.get();
        std::string words = "weir";
        while (!at->get_subcommands().empty()) {
            at = at->get_subcommands().front();
            words += " " + at->get_name();
        }
        say("Try `" + words + " --help`.");
        return static_cast<int>(Exit::usage);
    }
    return static_cast<int>(exit_);
}

} // namespace weir::cli
