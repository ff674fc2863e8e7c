// cli/sign_in.cc - metadata, device codes and tokens.
#include "cli/sign_in.h"

#include "cli/scanned.h"
#include "control/fetch.h"
#include "identity/issuer.h"

#include <fmt/format.h>
#include <time.h>
#include <algorithm>
#include <cstdlib>

namespace weir::cli {
namespace {

constexpr uint64_t renew_s = 30;                // a token that ends sooner is renewed first
constexpr uint64_t wait_s = 5, wait_s_max = 60; // between two questions, unless the issuer says (RFC 8628, 3.2)
constexpr uint64_t code_s_max = 3600;           // however long the issuer says its code lasts
constexpr uint64_t token_s = 300, token_s_max = uint64_t{365} * 86'400; // of a token whose end is not said; at most
constexpr std::string_view device_grant = "urn:ietf:params:oauth:grant-type:device_code";
using Form = std::vector<std::pair<std::string, std::string>>;

uint64_t unix_now_s() { return static_cast<uint64_t>(::time(nullptr)); }

/// A number of seconds under `name`, within bounds.
uint64_t seconds_of(json::Value from, std::string_view name, uint64_t usual, uint64_t most) {
    const auto number = from.find(name).integer();
    return number && *number > 0 ? std::min(static_cast<uint64_t>(*number), most) : usual;
}

/// Printable ASCII of what an issuer answered, short enough for a line.
std::string plain(std::string_view text) {
    std::string out;
    for (const char c : text.substr(0, 200)) out += c >= ' ' && c <= '~' ? c : '?';
    return out;
}

std::expected<void, std::string> get(const std::string& url, const std::string& ca, Scanned& into) {
    const auto answer = control::fetch({.url = url, .ca = ca});
    if (!answer) return std::unexpected(fmt::format("{}: {}", url, answer.error()));
    if (answer->status != 200) return std::unexpected(fmt::format("{}: HTTP {}", url, answer->status));
    if (!into.scan(answer->body) || !into.value().is(json::Kind::object))
        return std::unexpected(fmt::format("{}: what came is no JSON object", url));
    return {};
}

/// Asks with a form; any status whose answer is an object counts as one.
std::expected<uint16_t, std::string> post(const std::string& url, const std::string& ca, const Form& form,
                                          Scanned& into) {
    const auto answer = control::fetch({.url = url,
                                        .post = true,
                                        .type = "application/x-www-form-urlencoded",
                                        .body = control::form_of(form),
                                        .ca = ca});
    if (!answer) return std::unexpected(fmt::format("{}: {}", url, answer.error()));
    if (!into.scan(answer->body) || !into.value().is(json::Kind::object))
        return std::unexpected(fmt::format("{}: HTTP {}, and no JSON object", url, answer->status));
    return answer->status;
}

std::string refusal_of(Scanned& answer) {
    std::string why = plain(answer.member("error"));
    if (const std::string more = plain(answer.member("error_description")); !more.empty()) why += ": " + more;
    return why.empty() ? "without saying why" : why;
}

/// Takes the tokens of a good answer.
std::expected<void, std::string> take_tokens(Scanned& answer, KeptLogin& login) {
    login.access_token = answer.member("access_token");
    if (login.access_token.empty()) return std::unexpected(std::string("the issuer's answer has no access_token"));
    // An issuer that does not rotate sends no other refresh token (RFC 6749, section 6).
    if (std::string next = answer.member("refresh_token"); !next.empty()) login.refresh_token = std::move(next);
    login.ends_unix_s = unix_now_s() + seconds_of(answer.value(), "expires_in", token_s, token_s_max);
    return {};
}

/// Where the issuer's endpoints are.
struct Endpoints {
    std::string device, token;
};
std::expected<Endpoints, std::string> endpoints_of(const SignInPlace& place, const std::string& ca) {
    Scanned metadata;
    if (auto got = get(place.metadata_url, ca, metadata); !got) return std::unexpected(got.error());
    if (metadata.member("issuer") != place.issuer) return std::unexpected(place.metadata_url + " is another issuer's");
    Endpoints endpoints{metadata.member("device_authorization_endpoint"), metadata.member("token_endpoint")};
    if (endpoints.device.empty())
        return std::unexpected(place.issuer +
                               " has no device flow (device_authorization_endpoint): set WEIR_TOKEN instead");
    for (const std::string& url : {endpoints.device, endpoints.token})
        if (!identity::may_fetch(url)) return std::unexpected(place.issuer + " names an endpoint that is not https");
    return endpoints;
}

/// Seconds to wait before the next question; nothing: `login` has its tokens.
std::expected<uint64_t, std::string> ask_once(const KeptLogin& login, const std::string& ca, const std::string& code,
                                              uint64_t every_s, KeptLogin& into) {
    Scanned answer;
    Form form = {{"grant_type", std::string(device_grant)}, {"device_code", code}, {"client_id", login.client_id}};
    if (!login.resource.empty()) form.emplace_back("resource", login.resource);
    const auto status = post(login.token_endpoint, ca, form, answer);
    if (!status) return std::unexpected(status.error());
    if (*status == 200) {
        if (const auto taken = take_tokens(answer, into); !taken) return std::unexpected(taken.error());
        return 0;
    }
    const std::string error = answer.member("error");
    if (error == "authorization_pending") return every_s;
    if (error == "slow_down") return std::min(every_s + wait_s, wait_s_max);
    if (error == "access_denied") return std::unexpected(std::string("the sign-in was refused"));
    if (error == "expired_token") return std::unexpected(std::string("nobody signed in in time"));
    return std::unexpected(fmt::format("the issuer gives no token ({})", refusal_of(answer)));
}

std::expected<void, std::string> renew(KeptLogin& login) {
    Scanned answer;
    Form form = {
        {"grant_type", "refresh_token"}, {"refresh_token", login.refresh_token}, {"client_id", login.client_id}};
    if (!login.resource.empty()) form.emplace_back("resource", login.resource);
    const auto status = post(login.token_endpoint, login.issuer_ca, form, answer);
    if (!status) return std::unexpected(status.error());
    if (*status != 200)
        return std::unexpected(
            fmt::format("the login cannot be renewed ({}): sign in again with `weir login`", refusal_of(answer)));
    return take_tokens(answer, login);
}

} // namespace

std::expected<SignInPlace, std::string> sign_in_place(const std::string& url, const std::string& ca) {
    Scanned metadata;
    if (auto got = get(url + "/.well-known/oauth-protected-resource/api/v1/approvals", ca, metadata); !got)
        return std::unexpected(got.error());
    const json::Value login = metadata.value().find("dev.weir/login");
    SignInPlace place;
    if (!login) {
        const json::Value servers = metadata.value().find("authorization_servers");
        if (servers.count() != 0) place.issuer = (*servers.elements().begin()).string(metadata.space);
    } else {
        place.issuer = login.find("issuer").string(metadata.space);
        place.metadata_url = login.find("metadata_url").string(metadata.space);
        place.client_id = login.find("client_id").string(metadata.space);
        place.audience = login.find("audience").string(metadata.space);
        for (const json::Value scope : login.find("scopes").elements())
            place.scopes.emplace_back(scope.string(metadata.space));
    }
    return place;
}

std::expected<KeptLogin, std::string> sign_in(const std::string& url, const SignInPlace& place,
                                              const std::string& issuer_ca,
                                              const std::function<void(const DeviceCode&)>& tell,
                                              const std::function<bool(uint64_t seconds)>& pause) {
    const auto endpoints = endpoints_of(place, issuer_ca);
    if (!endpoints) return std::unexpected(endpoints.error());
    KeptLogin login{.url = url,
                    .issuer = place.issuer,
                    .token_endpoint = endpoints->token,
                    .client_id = place.client_id,
                    .issuer_ca = issuer_ca};
    // RFC 8707 wants a URI; issuers that know no such parameter have audiences of another form.
    if (place.audience.starts_with("https://") || place.audience.starts_with("http://"))
        login.resource = place.audience;
    Scanned started;
    Form form = {{"client_id", place.client_id}};
    std::string scopes;
    for (const std::string& scope : place.scopes) scopes += (scopes.empty() ? "" : " ") + scope;
    if (!scopes.empty()) form.emplace_back("scope", scopes);
    if (!login.resource.empty()) form.emplace_back("resource", login.resource);
    const auto status = post(endpoints->device, issuer_ca, form, started);
    if (!status) return std::unexpected(status.error());
    if (*status != 200) return std::unexpected(fmt::format("the issuer refuses the sign-in ({})", refusal_of(started)));
    const std::string code = started.member("device_code");
    const DeviceCode device{.user_code = started.member("user_code"),
                            .place = started.member("verification_uri"),
                            .whole_place = started.member("verification_uri_complete"),
                            .ends_s = seconds_of(started.value(), "expires_in", code_s_max, code_s_max)};
    if (code.empty() || device.user_code.empty() || device.place.empty())
        return std::unexpected(std::string("the issuer's device code is incomplete"));
    tell(device);
    uint64_t every_s = seconds_of(started.value(), "interval", wait_s, wait_s_max);
    for (const uint64_t end_s = unix_now_s() + device.ends_s; unix_now_s() < end_s;) {
        if (!pause(every_s)) return std::unexpected(std::string("given up"));
        const auto again = ask_once(login, issuer_ca, code, every_s, login);
        if (!again) return std::unexpected(again.error());
        if (*again == 0) return login;
        every_s = *again;
    }
    return std::unexpected(std::string("nobody signed in in time"));
}

std::expected<std::string, std::string> token_for(const std::string& url) {
    if (const char* const given = std::getenv("WEIR_TOKEN"); given != nullptr && given[0] != '\0') return given;
    const auto directory = login_directory();
    if (!directory) return std::string();
    auto kept = read_login(*directory, url);
    if (!kept) return std::unexpected(kept.error());
    if (!*kept) return std::string();
    if (unix_now_s() + renew_s < (*kept)->ends_unix_s || (*kept)->refresh_token.empty()) return (*kept)->access_token;
    const LoginLock lock(*directory, url);
    kept = read_login(*directory, url); // Somebody else may have renewed it meanwhile.
    if (!kept) return std::unexpected(kept.error());
    if (!*kept || unix_now_s() + renew_s < (*kept)->ends_unix_s) return *kept ? (*kept)->access_token : std::string();
    if (const auto renewed = renew(**kept); !renewed) return std::unexpected(renewed.error());
    if (const auto written = write_login(*directory, **kept); !written) return std::unexpected(written.error());
    return (*kept)->access_token;
}

bool has_token_for(const std::string& url) {
    if (const char* const given = std::getenv("WEIR_TOKEN"); given != nullptr && given[0] != '\0') return true;
    const auto directory = login_directory();
    if (!directory) return false;
    const auto kept = read_login(*directory, url);
    return !kept || *kept; // One that cannot be used is told of when it is.
}

} // namespace weir::cli
