// json/names.h - names of a message that are a known one in disguise.
//
// Some parsers match names without regard to case, some cut them at a NUL: to them "METHOD" or "name\u0000x" is a
// second method or name, which the first one that weir decided on does not speak for (CVEs of several MCP SDKs). So
// where MCP's own names live (the envelope, params, _meta), nothing may look like one of them without being it. The
// names inside of arguments are free, and unknown names that resemble nothing are, too.
//
// Pure.
#pragma once

#include "base/result.h"
#include "base/workspace.h"
#include "json/document.h"

namespace weir::json {

/// Checks the names of one object's own members, not of what is inside of them: call it for the envelope, for params
/// and for params._meta. Of anything but an object there is nothing to check. `space` takes names that have escapes.
///
/// Errors: rpc_name when a name equals one that JSON-RPC 2.0 or any revision of MCP defines in these places but for
/// case (U+017F and U+212A fold to s and k, as Unicode has it), or holds a control character.
Result<void> check_reserved_names(Value object, Workspace& space);

} // namespace weir::json
