// cli/sign_in.h - getting a token for a weir: where people sign in to it, the device flow (RFC 8628), and renewal.
//
// Speaks to the weir and to the issuer that it names, through control/fetch.h; blocks. Nothing here prints or keeps a token.
#pragma once

#include "cli/kept_login.h"

#include <cstdint>
#include <expected>
#include <functional>
#include <string>
#include <vector>

namespace weir::cli {

/// Where and how people sign in to a weir.
struct SignInPlace {
    std::string issuer, metadata_url, client_id, audience;
    std::vector<std::string> scopes;
};

/// What a person is told to do.
struct DeviceCode {
    std::string user_code, place, whole_place; // whole_place: with the code in it; may be empty
    uint64_t ends_s = 0;                       // from now
};

/// What the weir at `url`, whose certificate is by an authority in the file `ca`, says about it (RFC 9728). A sentence: it does not, or cannot be reached.
std::expected<SignInPlace, std::string> sign_in_place(const std::string& url, const std::string& ca);

/// Signs somebody in, at an issuer whose certificate is by an authority in the file `issuer_ca` (empty: the system's): `tell` is called once with what they are to do, then the issuer is asked until they did, for as long as
/// its code lasts. `pause(seconds)` waits and says false when the person gave up.
std::expected<KeptLogin, std::string> sign_in(const std::string& url, const SignInPlace& place,
                                              const std::string& issuer_ca,
                                              const std::function<void(const DeviceCode&)>& tell,
                                              const std::function<bool(uint64_t seconds)>& pause);

/// The token to come with to the weir at `url`: WEIR_TOKEN, or that of the login, renewed if it is about to end. Empty:
/// there is none. A sentence: there is a login, and it cannot be renewed.
std::expected<std::string, std::string> token_for(const std::string& url);

/// Whether there is any for `url`.
bool has_token_for(const std::string& url);

} // namespace weir::cli
