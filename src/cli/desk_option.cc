// cli/desk_option.cc - from options to a desk.
#include "cli/desk_option.h"

#include "cli/config_option.h"
#include "cli/output.h"
#include "cli/sign_in.h"
#include "http/url.h"
#include "identity/issuer.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <algorithm>

namespace weir::cli {

void add_desk_options(CLI::App& command, DeskOptions& options) {
    add_config_option(command, options.file);
    command
        .add_option("--url", options.url,
                    "the admin listener of a weir, as in https://weir.example:7071, with a token (see `weir login`)")
        ->envname("WEIR_URL");
    command.add_option("--ca", options.ca, "a file of authorities for it, in place of the system's")->type_name("FILE");
}

std::expected<std::string, std::string> desk_url(const std::string& text) {
    const auto url = http::read_url(text);
    if (!url || (url->target != "/" && !url->target.empty()))
        return std::unexpected(
            fmt::format("\"{}\" is not the URL of an admin listener, as in https://weir.example:7071", text));
    std::string out = fmt::format("{}://{}", url->tls ? "https" : "http", url->authority);
    if (!identity::may_fetch(out))
        return std::unexpected(fmt::format("{}: a token is sent by https only (by http within this machine)", out));
    return out;
}

std::string desk_authority(const gateway::Config& config) {
    const auto& hosts = config.deciders.hosts;
    const std::string& address = config.admin->text;
    const bool known = std::ranges::find(hosts, address) != hosts.end() || hosts.empty();
    return known ? address : hosts.front();
}

std::string desk_url_of(const gateway::Config& config) {
    if (!config.admin || config.deciders.audiences.empty()) return {};
    return fmt::format("{}://{}", config.admin_tls ? "https" : "http", desk_authority(config));
}

std::expected<std::string, Exit> chosen_url(const DeskOptions& options) {
    if (!options.url.empty()) {
        auto url = desk_url(options.url);
        if (url) return std::move(*url);
        complain(printable(url.error()));
        return std::unexpected(Exit::usage);
    }
    const auto config = load_or_complain(options.file);
    if (!config) return std::unexpected(Exit::invalid_config);
    std::string url = desk_url_of(*config);
    if (!url.empty()) return url;
    complain(printable(fmt::format(
        "{}: [admin] has no `audience`, so nobody signs in to this weir; --url names another", options.file)));
    return std::unexpected(Exit::usage);
}

std::expected<TicketDesk, Exit> open_desk(const DeskOptions& options) {
    const auto at = [&](const std::string& url) {
        return TicketDesk(url, options.ca, [url] { return token_for(url); });
    };
    if (!options.url.empty() && !options.socket) {
        const auto url = chosen_url(options);
        if (!url) return std::unexpected(url.error());
        return at(*url);
    }
    const auto config = load_or_complain(options.file);
    if (!config) return std::unexpected(Exit::invalid_config);
    const std::string url = desk_url_of(*config);
    if (!options.socket && !url.empty() && has_token_for(url)) return at(url);
    return TicketDesk(config->state_dir + "/control.sock");
}

} // namespace weir::cli
