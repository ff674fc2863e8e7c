// identity/principal.cc - the key of a principal, and what can be asked about one.
#include "identity/principal.h"

#include "crypto/hex.h"
#include "crypto/sha256.h"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace weir::identity {

Membership Principal::in_group(std::string_view group) const {
    if (std::find(groups.begin(), groups.end(), group) != groups.end()) return Membership::yes;
    return groups_known ? Membership::no : Membership::unknown;
}

bool Principal::has_scope(std::string_view scope) const {
    return std::find(scopes.begin(), scopes.end(), scope) != scopes.end();
}

size_t Principal::bytes() const {
    size_t bytes = sizeof(Principal) + claims.bytes();
    for (const std::string* text : {&issuer, &subject, &client, &display, &key, &email}) bytes += text->capacity();
    for (const auto* list : {&groups, &scopes, &audiences})
        for (const std::string& text : *list) bytes += sizeof text + text.capacity();
    return bytes;
}

Principal make_principal(std::string issuer, std::string subject, std::string client, std::string display,
                         std::vector<std::string> groups) {
    Principal principal;
    principal.issuer = std::move(issuer);
    principal.subject = std::move(subject);
    principal.client = std::move(client);
    principal.display = std::move(display);
    principal.groups = std::move(groups);
    principal.key.assign(32, '0');
    crypto::Sha256 hash;
    for (const std::string* part : {&principal.issuer, &principal.subject, &principal.client}) {
        // The size first, so that no part can pose as another's end.
        for (uint64_t size = part->size(), i = 0; i < 8; ++i) hash.update(static_cast<uint8_t>(size >> (8 * i)));
        hash.update(*part);
    }
    const auto digest = hash.finish();
    crypto::write_hex(crypto::bytes_of(digest).substr(0, 16), principal.key.data());
    return principal;
}

const Principal& anonymous() {
    static const Principal nobody = make_principal({}, "anonymous", {}, "anonymous", {});
    return nobody;
}

} // namespace weir::identity
