// json/edit.h - a Document written again, compact and minimally escaped, with changes.
//
// Not a tree to be modified: the Document stays as it is, and a list of edits says what the new text does differently.
// Order of members, text of numbers and spelling of names stay; white space goes; each string gets its minimal form.
// Pure but for `out`. No recursion, no allocation but in `out`.
//
// Ownership: the texts of edits are borrowed until serialise() returns.
#pragma once

#include "base/bytes.h"
#include "json/document.h"

#include <cstdint>
#include <span>
#include <string_view>

namespace weir::json {

/// One change. Edits inside of a value that is itself replaced or dropped have no effect.
struct Edit {
    enum class Act : uint8_t {
        replace, // the value `node` becomes `text`
        drop,    // the element, or the member whose value (or name) is `node`, goes
        insert,  // the container `node` gets a last member `name` (or, an array, element) with the value `text`
    };
    uint32_t node; // Value::index()
    Act act;
    std::string_view text; // JSON, trusted and written as it is
    std::string_view name; // UTF-8, quoted when written

    static Edit replace(Value value, std::string_view text) { return {value.index(), Act::replace, text, {}}; }
    static Edit drop(Value value) { return {value.index(), Act::drop, {}, {}}; }
    static Edit insert(Value container, std::string_view name, std::string_view text) {
        return {container.index(), Act::insert, text, name};
    }
};

/// Appends `value` to `out` as it is after `edits`, which are ascending in `node` (asserted; sort_edits); several
/// inserts into one container stay in order, of several replacements the last one counts. The value itself may be
/// replaced but not dropped. Nothing looks whether an inserted name is there already: replace its value instead.
void serialise(Value value, std::span<const Edit> edits, PaddedBytes& out);
inline void serialise(const Document& document, std::span<const Edit> edits, PaddedBytes& out) {
    serialise(Value::root(document), edits, out);
}

/// Brings edits into the order that serialise() wants; those of one node stay in order. Allocates only if they are not
/// in order already.
void sort_edits(std::span<Edit> edits);

} // namespace weir::json
