// crypto/secret.h - random octets from the kernel, and the care that secrets need.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace weir::crypto {

/// Fills `out` from getrandom(2). False: the kernel gives none, which is fatal for whoever asked.
[[nodiscard]] bool fill_random(std::span<unsigned char> out);
/// 64 random bits for a seed; not for a key. Ends the process if the kernel gives none.
uint64_t random_u64();
/// Compares in a time that depends on the lengths only.
bool equal_in_constant_time(std::string_view a, std::string_view b);
/// Overwrites with zeros in a way that no optimiser removes.
void wipe(std::span<unsigned char> secret);

} // namespace weir::crypto
