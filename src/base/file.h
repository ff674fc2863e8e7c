// base/file.h - reading a whole file that is small: configuration, secrets, certificates. Blocks on the file system.
#pragma once

#include <cstddef>
#include <expected>
#include <string>

namespace weir {

/// What `path` holds, or why it cannot be had ("No such file or directory", "it is no file", "it is over 1048576 bytes").
std::expected<std::string, std::string> read_whole_file(const std::string& path, size_t bytes_max);

} // namespace weir
