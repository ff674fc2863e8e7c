// identity/principal.h - who asks: a subject of an issuer, through a client.
//
// Plain data. Until tokens are validated there is one principal, the anonymous one, for every client.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weir::identity {

struct Principal {
    std::string issuer;
    std::string subject;
    std::string client; // the OAuth client's id
    std::string display;
    std::vector<std::string> groups;
    std::string key; // issuer, subject and client as one text: what sessions, seals and the record name it by
};

/// Everybody who comes without a token to a server that is `anonymous = true`.
const Principal& anonymous();

} // namespace weir::identity
