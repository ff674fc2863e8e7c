// json/canonical.h - the one form of a value that digests are taken of: two texts have the same form if and only if
// every parser that keeps the text of numbers reads the same out of both.
//
// Names sorted bytewise after decoding escapes, strings with minimal escapes, no white space, numbers as they were
// written. Not RFC 8785: its way of writing numbers makes different integers above 2^53 equal, and then one approval
// would stand for another call. For digests only; what is stored or sent keeps its order (json/edit.h).
//
// No recursion. The workspace holds the sorted names (24 octets for each member) and names that had escapes.
#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "base/workspace.h"
#include "json/document.h"

#include <cstddef>

namespace weir::json {

/// Appends the canonical form of `value` (which must be something) to `out`.
///
/// Errors: json_too_large when the form has more than `bytes_max` octets; `out` is then as it was.
Result<void> canonical(Value value, size_t bytes_max, Workspace& space, PaddedBytes& out);

} // namespace weir::json
