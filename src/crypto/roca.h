// crypto/roca.h - tells RSA keys whose private half can be computed from the public one (CVE-2017-15361).
//
// Smart cards and security modules of one maker built their primes as k*M + (65537^a mod M), M the product of the first
// primes. So the modulus is a power of 65537 modulo each of these primes, which one honest key in 2^27 is by chance.
// Nemec, Sys, Svenda, Klinec, Matyas: "The Return of Coppersmith's Attack", CCS 2017, section 3. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir::crypto {

/// Whether `modulus` (octets, big-endian) is a power of 65537 modulo every prime that could show that it is none.
constexpr bool has_roca_fingerprint(std::string_view modulus) {
    // Up to 167, as keys of 512 bits and more have them all in M, those modulo which 65537 makes not every number.
    constexpr std::array<uint32_t, 17> primes = {11, 13, 17,  19,  37,  53,  61,  71, 73,
                                                 79, 97, 103, 107, 109, 127, 151, 157};
    for (const uint32_t prime : primes) {
        uint32_t rest = 0;
        for (const char octet : modulus) rest = (rest << 8 | static_cast<unsigned char>(octet)) % prime;
        uint32_t power = 1;
        bool met = false;
        for (uint32_t i = 0; i < prime && !met; ++i) {
            met = power == rest;
            power = power * 65537U % prime;
        }
        if (!met) return false;
    }
    return true;
}

} // namespace weir::crypto
