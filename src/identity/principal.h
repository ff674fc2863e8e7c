// identity/principal.h - who asks: the subject that an issuer vouches for, and the client that it uses.
//
// Not how that is proven (jwt.h, api_key.h). Plain data; principals are made once and shared read-only.
#pragma once

#include "identity/claims.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir::identity {

/// Whether somebody is in a group. `unknown` satisfies no rule, neither one that asks for the group nor one that asks
/// for its absence.
enum class Membership : uint8_t { no, yes, unknown };

struct Principal {
    std::string issuer; // empty: nobody vouches for it
    std::string subject;
    std::string client;              // the OAuth client id; empty: none
    std::string display;             // for people
    std::vector<std::string> groups; // as the issuer names them
    /// What stands for issuer, subject and client wherever one short text must: 32 hexadecimal digits, the same on every
    /// worker and after every restart.
    std::string key;
    /// False: there may be more groups than these (identity/issuer.h tells when).
    bool groups_known = true;
    std::string email;               // only one that the issuer says it has verified; empty: none
    std::vector<std::string> scopes; // what the token may be used for
    std::vector<std::string> audiences;
    Claims claims; // all that the token says

    bool anonymous() const { return issuer.empty(); }
    Membership in_group(std::string_view group) const;
    bool has_scope(std::string_view scope) const; // whole words
    /// About how much memory it takes, itself included.
    size_t bytes() const;
};

/// A principal with its key.
Principal make_principal(std::string issuer, std::string subject, std::string client, std::string display,
                         std::vector<std::string> groups);

/// The one principal that all clients without a token are.
const Principal& anonymous();

} // namespace weir::identity
