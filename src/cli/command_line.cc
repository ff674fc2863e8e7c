// cli/command_line.cc - CLI11 around the commands; the only place where its exceptions are caught.
#include "cli/command_line.h"

#include "base/nearest.h"
#include "cli/output.h"
#include "cli/version.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

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

namespace {

/// What is said when a word stands where a command must, and is none; nothing if no word does.
std::string unknown_command(const CLI::App& at, const CLI::App& root, const std::string& words) {
    const auto left = root.remaining(true);
    if (left.empty() || left.front().starts_with('-')) return {};
    std::vector<std::string_view> names;
    for (const CLI::App* each : at.get_subcommands([](const CLI::App*) { return true; }))
        names.push_back(each->get_name());
    if (names.empty()) return {};
    const std::string_view meant = nearest(left.front(), names);
    return "`" + left.front() + "` is no command of `" + words + "`" +
           (meant.empty() ? std::string() : "; did you mean `" + std::string(meant) + "`?");
}

/// `exit`, unless what was printed is not all there: then no exit code may say that it is.
int whole_or_failed(int exit) {
    const std::string problem = output_problem();
    if (problem.empty()) return exit;
    complain(problem);
    return exit != 0 ? exit : static_cast<int>(Exit::failed);
}

} // namespace

int CommandLine::execute(int argc, char** argv) {
    try {
        app_->parse(argc, argv);
    } catch (const CLI::Success& asked) { // --help, --version
        const int exit = app_->exit(asked);
        const bool whole = static_cast<bool>(std::cout.flush());
        if (!whole) complain("standard output: it could not be written");
        return whole ? exit : static_cast<int>(Exit::failed);
    } catch (const CLI::ParseError& error) {
        const CLI::App* at = app_.get();
        std::string words = "weir";
        while (!at->get_subcommands().empty()) {
            at = at->get_subcommands().front();
            words += " " + at->get_name();
        }
        std::string text;
        if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::RequiredError))
            text = unknown_command(*at, *app_, words);
        complain(printable(text.empty() ? error.what() : text, true));
        say("Try `" + words + " --help`.");
        return static_cast<int>(Exit::usage);
    }
    return whole_or_failed(static_cast<int>(exit_));
}

} // namespace weir::cli
