// base/uri.h - whether a URI has one spelling: a policy that matches its text must speak for what a server opens.
//
// RFC 3986's characters and section 6.2's normal form, and of the schemes whose spellings every library knows (http,
// https, ws, wss, ftp and file) what the WHATWG's URL parser changes beyond that. What another scheme means by its
// authority is its own: case, user and port of it stay as written. Not a parser of the parts; nothing is changed or
// resolved. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weir {

/// What a text is: a URI, or one with holes, which may stand for any text: `{name}` (RFC 6570).
enum class UriForm : uint8_t { uri, with_holes };

/// Why `text` is not how its URI is written, for its writer; empty when it has one spelling. Refused are:
///   octets that no URI has (controls, blanks, backslashes, braces, all beyond ASCII), '%' without two digits in upper
///   case, encoded letters, digits, '-', '.', '_', '~' and NUL; a missing scheme or one with capitals; segments "." and "..",
///   where %2F and %5C end a segment as '/' does;
///   http, https, ws, wss, ftp: no host, a user, a host with capitals, encoded octets, a dot at its end or an address in
///   another than its usual form, the scheme's own port, an empty path, a fragment;
///   file: another form than file:///path or file://host/path, the host localhost, empty segments, encoded slashes, a query
///   or fragment;
///   other schemes: an empty user, password or port, a port with leading zeros.
/// With holes only what no text in them could mend.
std::string_view uri_problem(std::string_view text, UriForm form = UriForm::uri);

/// The text with holes that a glob (base/glob.h; valid) is: its wildcards are the holes.
std::string uri_of_glob(std::string_view glob);

/// Whether a glob (valid) of http, https, ws, wss or ftp has an '@' and no slash between it and "//". It stands for no user,
/// since a URI in normal form has none: all it can match is an '@' of the path, and "//*/*@" says the same.
bool glob_asks_for_user(std::string_view glob);

} // namespace weir
