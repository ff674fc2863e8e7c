// base/crc32c.h - CRC-32C (Castagnoli, RFC 3720 appendix B.4), with the CPU's instruction where it has one. Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir {

/// The CRC-32C of `bytes`, continuing from `before` (the value of the bytes that came first; 0 at the start).
uint32_t crc32c(uint32_t before, std::string_view bytes);
/// The same by table, on any CPU. What crc32c() is checked against.
uint32_t crc32c_portable(uint32_t before, std::string_view bytes);

} // namespace weir
