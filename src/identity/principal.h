// identity/principal.h - who asks: the subject that an issuer vouches for, and the client that it uses.
//
// Not how that is proven (tokens). Plain data; principals are made once and shared read-only.
#pragma once

#include <string>
#include <vector>

namespace weir::identity {

struct Principal {
    std::string issuer; // empty: nobody vouches for it
    std::string subject;
    std::string client;              // the OAuth client id; empty: none
    std::string display;             // for people
    std::vector<std::string> groups; // as the issuer names them
    /// What stands for issuer, subject and client wherever one short text must: 32 hexadecimal digits, the same on every
    /// worker and after every restart.
    std::string key;

    bool anonymous() const { return issuer.empty(); }
};

/// A principal with its key.
Principal make_principal(std::string issuer, std::string subject, std::string client, std::string display,
                         std::vector<std::string> groups);

/// The one principal that all clients without a token are.
const Principal& anonymous();

} // namespace weir::identity
