// crypto/secret.cc - getrandom, constant-time comparison, wiping.
#include "crypto/secret.h"

#include "base/assert.h"

#include <cerrno>
#include <cstring>
#include <sys/random.h>

namespace weir::crypto {

bool fill_random(std::span<unsigned char> out) {
    size_t at = 0;
    while (at < out.size()) {
        const ssize_t got = ::getrandom(out.data() + at, out.size() - at, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        at += static_cast<size_t>(got);
    }
    return true;
}

uint64_t random_u64() {
    uint64_t bits = 0;
    const bool filled = fill_random({reinterpret_cast<unsigned char*>(&bits), sizeof bits});
    WEIR_ASSERT(filled);
    return bits;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    unsigned char different = 0;
    for (size_t i = 0; i < a.size(); ++i)
        different = static_cast<unsigned char>(different | (static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i])));
    return different == 0;
}

void wipe(std::span<unsigned char> secret) { ::explicit_bzero(secret.data(), secret.size()); }

} // namespace weir::crypto
