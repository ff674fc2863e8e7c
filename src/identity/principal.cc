// identity/principal.cc - the key of a principal.
#include "identity/principal.h"

#include "crypto/hex.h"
#include "crypto/sha256.h"

#include <cstdint>
#include <utility>

namespace weir::identity {

Principal make_principal(std::string issuer, std::string subject, std::string client, std::string display,
                         std::vector<std::string> groups) {
    Principal principal{.issuer = std::move(issuer),
                        .subject = std::move(subject),
                        .client = std::move(client),
                        .display = std::move(display),
                        .groups = std::move(groups),
                        .key = std::string(32, '0')};
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
