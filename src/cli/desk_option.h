// cli/desk_option.h - which weir's approvals a command means, and by which way: the control socket, or HTTP with a token.
#pragma once

#include "cli/tickets.h"

#include <expected>
#include <string>

namespace CLI {
class App;
}

namespace weir::gateway {
struct Config;
}

namespace weir::cli {

struct DeskOptions {
    std::string file; // -c
    std::string url;  // of an admin listener; empty: what the configuration says
    std::string ca;
    bool socket = false;
};

/// Adds `-c`, `--url` (or WEIR_URL) and `--ca`.
void add_desk_options(CLI::App& command, DeskOptions& options);

/// Scheme, host and port of `text`, without a slash at the end. A sentence: it is no such URL.
std::expected<std::string, std::string> desk_url(const std::string& text);
/// What the admin listener of `config`, which has one, is called: its address, unless its Host values say another.
std::string desk_authority(const gateway::Config& config);
/// The admin listener of `config`; empty: it serves no approvals.
std::string desk_url_of(const gateway::Config& config);

/// The URL that the options or the configuration name. Anything else was told: with what to exit.
std::expected<std::string, Exit> chosen_url(const DeskOptions& options);

/// The desk that is meant: at `--url` with a token; without it at the configuration's admin listener if there is a token for
/// it, else its control socket. Anything else was told: with what to exit.
std::expected<TicketDesk, Exit> open_desk(const DeskOptions& options);

} // namespace weir::cli
