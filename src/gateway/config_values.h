// gateway/config_values.h - the small texts inside weir.toml: durations, sizes, addresses, URLs, names.
//
// Pure: each takes a text and gives its value, or nothing when the text is not of its form.
#pragma once

#include "gateway/config.h"

#include <optional>
#include <span>
#include <string_view>

namespace weir::gateway {

/// "45s", "50ms", "2m": digits and one of ns us ms s m h d, to nanoseconds. Nothing for other forms and overflow.
std::optional<uint64_t> parse_duration(std::string_view text);
/// "4MiB", "64KiB", "512": digits and one of B KiB MiB GiB TiB kB MB GB TB, or none for bytes.
std::optional<uint64_t> parse_size(std::string_view text);
/// An IP address and a port: "127.0.0.1:7070", "[::1]:7070". Names and port 0 are refused.
std::optional<ListenAddress> parse_address(std::string_view text);

/// What is wrong with a URL; `fine` leaves `into` filled.
enum class UrlProblem : uint8_t { fine, malformed, scheme, user, query };
UrlProblem parse_server_url(std::string_view text, ServerUrl& into);

/// [a-z0-9] then [a-z0-9_-], at most 64.
bool valid_name(std::string_view name);
/// A field name of HTTP (RFC 9110 section 5.1), at most 128.
bool valid_field_name(std::string_view name);
/// Whether weir itself writes or drops the header field `name` (in lower case) of a request on its way to a server.
bool field_is_weirs(std::string_view name);
/// ASCII letters in lower case.
std::string lowered(std::string_view text);
/// `path`, which begins at `directory` unless it is absolute.
std::string absolute_path(const std::string& path, const std::string& directory);
/// host[:port] as a Host field carries it, in lower case; nothing when malformed.
std::optional<std::string> parse_authority(std::string_view text);
/// scheme://host[:port] as an Origin field carries it, in lower case; nothing when malformed.
std::optional<std::string> parse_origin(std::string_view text);
/// Begins with "/", has only unreserved characters of RFC 3986 and "/", no empty, "." or ".." part, no "/" at its end.
bool valid_path(std::string_view path);

} // namespace weir::gateway
