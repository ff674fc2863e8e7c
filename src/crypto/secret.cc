// crypto/secret.cc - getrandom(2), and two loops the optimiser must not understand.
#include "crypto/secret.h"

#include "base/assert.h"

#include <sys/random.h>
#include <cerrno>
#include <cstring>

namespace weir::crypto {

bool fill_random(std::span<unsigned char> octets) {
    size_t filled = 0;
    while (filled < octets.size()) {
        const ssize_t got = getrandom(octets.data() + filled, octets.size() - filled, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) {
            wipe(octets);
            return false;
        }
        filled += static_cast<size_t>(got);
    }
    return true;
}

uint64_t random_u64() {
    unsigned char octets[8];
    WEIR_ASSERT(fill_random(octets));
    uint64_t number;
    std::memcpy(&number, octets, sizeof number);
    return number;
}

bool equal_in_constant_time(std::string_view left, std::string_view right) {
    if (left.size() != right.size()) return false;
    unsigned difference = 0;
    for (size_t i = 0; i < left.size(); ++i) {
        difference |= static_cast<unsigned>(static_cast<unsigned char>(left[i] ^ right[i]));
        asm volatile("" : "+r"(difference)); // so that no early end can be proven
    }
    return difference == 0;
}

void wipe(std::span<unsigned char> octets) {
    if (!octets.empty()) explicit_bzero(octets.data(), octets.size());
}

} // namespace weir::crypto
