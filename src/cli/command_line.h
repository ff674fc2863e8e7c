// cli/command_line.h - the tree of commands, parsed by CLI11, and what every command has in common.
//
// Exit codes 0..9 and 130 as in commands.h; a command line that cannot be read is 2, with a hint on standard error.
#pragma once

#include "cli/commands.h"

#include <memory>

namespace weir::cli {

class CommandLine {
  public:
    CommandLine();
    ~CommandLine();
    CommandLine(const CommandLine&) = delete;
    CommandLine& operator=(const CommandLine&) = delete;

    void add(void (*command)(CLI::App& app, Exit& exit)) { command(*app_, exit_); }
    /// Parses, runs what was asked for, and gives the exit code.
    int execute(int argc, char** argv);

  private:
    std::unique_ptr<CLI::App> app_;
    Exit exit_ = Exit::usage;
};

} // namespace weir::cli
