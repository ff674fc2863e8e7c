// cli/login.cc - `weir login|logout|whoami`: a person signs in to a weir, by the device flow at the issuer that it names.
#include "cli/commands.h"
#include "cli/desk_option.h"
#include "cli/kept_login.h"
#include "cli/output.h"
#include "cli/sign_in.h"
#include "json/text.h"

#include <fmt/format.h>
#include <poll.h>
#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>

namespace weir::cli {
namespace {

struct LoginOptions {
    DeskOptions desk;
    std::string issuer, issuer_ca, client, audience;
    std::vector<std::string> scopes;
    bool json = false;
};

Exit told(const std::string& why, Exit exit) {
    complain(printable(why));
    return exit;
}

void tell(const DeviceCode& code) {
    if (!code.whole_place.empty()) {
        say(printable(fmt::format("Open {}", code.whole_place)));
        say(printable(fmt::format("and see that it shows the code {}", code.user_code)));
    } else {
        say(printable(fmt::format("Open {} and enter the code {}", code.place, code.user_code)));
    }
    say(fmt::format("It is good for {} minutes.", (code.ends_s + 59) / 60));
}

Exit login(const LoginOptions& options) {
    const auto url = chosen_url(options.desk);
    if (!url) return url.error();
    const auto directory = login_directory();
    if (!directory) return told(directory.error(), Exit::failed);
    auto place = sign_in_place(*url, options.desk.ca);
    if (!place) return told(place.error(), Exit::unreachable);
    if (!options.issuer.empty() && options.issuer != place->issuer) {
        place->issuer = options.issuer;
        place->metadata_url.clear();
    }
    if (!options.client.empty()) place->client_id = options.client;
    if (!options.audience.empty()) place->audience = options.audience;
    if (!options.scopes.empty()) place->scopes = options.scopes;
    if (place->issuer.empty() || place->client_id.empty())
        return told(
            *url +
                " does not say how people sign in ([admin.login] in its configuration): name the issuer's client "
                "with --client",
            Exit::usage);
    if (place->metadata_url.empty())
        place->metadata_url =
            place->issuer + (place->issuer.ends_with('/') ? "" : "/") + ".well-known/openid-configuration";
    // It is kept with the login, for when that is renewed: from wherever that happens.
    const std::string issuer_ca =
        options.issuer_ca.empty() ? "" : std::filesystem::absolute(options.issuer_ca).string();
    const auto got = sign_in(*url, *place, issuer_ca, tell, [](uint64_t seconds) {
        ::poll(nullptr, 0, static_cast<int>(seconds * 1000));
        return true;
    });
    if (!got) return told(got.error(), Exit::denied);
    if (const auto written = write_login(*directory, *got); !written) return told(written.error(), Exit::failed);
    const TicketDesk desk(*url, options.desk.ca,
                          [token = got->access_token]() -> std::expected<std::string, std::string> { return token; });
    const auto who = desk.whoami();
    if (!who) return told(fmt::format("signed in, but {}: {}", *url, who.error().why), who.error().exit);
    say(printable(fmt::format("Signed in to {} as {}", *url, who->text)));
    return Exit::ok;
}

Exit logout(const LoginOptions& options) {
    const auto url = chosen_url(options.desk);
    if (!url) return url.error();
    const auto directory = login_directory();
    if (!directory) return told(directory.error(), Exit::failed);
    const auto removed = remove_login(*directory, *url);
    if (!removed) return told(removed.error(), Exit::failed);
    say(printable((*removed ? "Signed out of " : "Nobody was signed in to ") + *url));
    return Exit::ok;
}

Exit whoami(const LoginOptions& options) {
    auto desk = open_desk(options.desk);
    if (!desk) return desk.error();
    const auto who = desk->whoami();
    if (!who) return told(who.error().why, who.error().exit);
    print((options.json ? who->json : printable(who->text)) + "\n");
    return Exit::ok;
}

} // namespace

void add_login(CLI::App& app, Exit& exit) {
    const auto add = [&](const char* name, const char* text, Exit (*run)(const LoginOptions&)) {
        CLI::App* command = app.add_subcommand(name, text);
        auto options = std::make_shared<LoginOptions>();
        add_desk_options(*command, options->desk);
        command->callback([options, run, &exit] { exit = run(*options); });
        return std::pair(command, options);
    };
    const auto [command, options] = add("login", "Sign in, to decide about calls under your own name", login);
    command->add_option("--issuer", options->issuer, "sign in there, in place of what weir says")->type_name("URL");
    command
        ->add_option("--issuer-ca", options->issuer_ca,
                     "a file of authorities for the issuer, in place of the system's; kept with the login")
        ->type_name("FILE");
    command->add_option("--client", options->client, "the issuer's OAuth client for it")->type_name("ID");
    command->add_option("--audience", options->audience, "what the token is to be for");
    command->add_option("--scope", options->scopes, "ask for this scope; several times for several");
    add("logout", "Forget the login", logout);
    const auto [asking, asked] = add("whoami", "Say as whom approvals are decided", whoami);
    asking->add_flag("--socket", asked->desk.socket, "by the control socket, though there is a login");
    asking->add_flag("--json", asked->json, "one JSON document");
}

} // namespace weir::cli
