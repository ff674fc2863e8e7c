// crypto/secret.h - random octets that nobody can guess, comparing without telling how far, and forgetting.
//
// Not pure: the random octets are the kernel's (getrandom(2)).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace weir::crypto {

/// Fills `octets` from the kernel. False, with `octets` all zero, when it gives none (which no running system does).
bool fill_random(std::span<unsigned char> octets);
/// Eight of them. Ends the process when the kernel gives none: for seeds at start.
uint64_t random_u64();

/// Whether `left` equals `right`, in a time that depends on their sizes only.
bool equal_in_constant_time(std::string_view left, std::string_view right);

/// Overwrites `octets` with zeros, and the compiler may not leave it out.
void wipe(std::span<unsigned char> octets);

} // namespace weir::crypto
