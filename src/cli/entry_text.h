// cli/entry_text.h - one entry of the record as a line for a person, as columns for a pipe, as JSON for a program.
//
// Nothing of it is taken apart by another program but the JSON: its names are those of record/kinds.h and stable.
#pragma once

#include "cli/output.h"
#include "json/text.h"
#include "record/fields.h"
#include "record/reader.h"

#include <string>
#include <string_view>

namespace weir::cli {

/// `2026-11-21T03:20:11.123456Z`
std::string utc_time(uint64_t unix_ns);
/// `03:20:11.123`, in UTC or in the local time zone.
std::string clock_time(uint64_t unix_ns, bool utc);
/// `12s ago`, `3m ago`, `5h ago`, `2d ago`
std::string ago(uint64_t unix_ns, uint64_t now_ns);
/// `1.2 ms`
std::string duration(uint64_t ns);
/// `612 B`, `1.2 kB`, `3.4 MB`
std::string size(uint64_t bytes);

/// What an entry says, in a few words, already printable.
std::string detail(const record::Frame& frame, const record::Fields& fields);
Tone tone_of(record::Kind kind);

/// {"time":…,"worker":…,"seq":…,"exchange":…,"kind":…,"session":…, fields}; a body only if `bodies`.
void write_entry(json::Text& out, const record::Entry& entry, const record::Fields& fields, std::string_view session,
                 bool bodies);

/// `text` as UTF-8: what is not becomes U+FFFD.
std::string as_utf8(std::string_view text);

} // namespace weir::cli
