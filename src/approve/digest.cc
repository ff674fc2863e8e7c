// approve/digest.cc - the digest of a call that is to be approved. Pure.
#include "approve/digest.h"

#include "crypto/sha256.h"

namespace weir::approve {

Digest digest_of(const DigestFacts& facts) {
    crypto::Sha256 hash;
    hash.update("weir approval 2");
    for (const std::string_view part : {facts.principal, facts.server, facts.method, facts.name, facts.arguments}) {
        for (uint64_t size = part.size(), i = 0; i < 8; ++i) hash.update(static_cast<uint8_t>(size >> (8 * i)));
        hash.update(part);
    }
    return hash.finish();
}

} // namespace weir::approve
