// cli/commands.h - the subcommands of `weir`, one file each, and the exit codes they share.
//
// Each add_* puts one command into the tree of CLI11 and notes its outcome in `exit` when it ran. Data goes to standard
// output, talk to standard error (operating.md has the conventions). One thread, until `run` starts workers.
#pragma once

#include <cstdint>

namespace CLI {
class App;
}

namespace weir::cli {

/// Stable; docs/operating.md tells each.
enum class Exit : uint8_t {
    ok = 0,
    failed = 1, // at run time
    usage = 2,
    invalid_config = 3, // or policy
    assertion = 4,      // a check that was asked for did not hold: check --strict
    denied = 5,
    not_found = 6,
    timed_out = 7,
    conflict = 8,
    unreachable = 9,
    interrupted = 130,
};

void add_run(CLI::App& app, Exit& exit);
void add_check(CLI::App& app, Exit& exit);
void add_demo(CLI::App& app, Exit& exit);
void add_call(CLI::App& app, Exit& exit);
void add_tools(CLI::App& app, Exit& exit);
void add_approvals(CLI::App& app, Exit& exit);
void add_login(CLI::App& app, Exit& exit); // logout and whoami, too
void add_sessions(CLI::App& app, Exit& exit);
void add_status(CLI::App& app, Exit& exit);
void add_token(CLI::App& app, Exit& exit);
void add_doctor(CLI::App& app, Exit& exit);
void add_version(CLI::App& app, Exit& exit);

} // namespace weir::cli
