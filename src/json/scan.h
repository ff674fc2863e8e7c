// json/scan.h - the one strict pass over a JSON text: everything that any parser further on might read differently is
// refused here, so that what is judged is what is sent.
//
// Accepts RFC 8259 as narrowed by RFC 7493: valid UTF-8 without a byte order mark, no half of a surrogate pair even
// in an escape, no name twice in an object after decoding escapes, no number that overflows a double, bounded depth,
// members and length of numbers, one document and nothing behind it. Names that differ from a known one only by case
// are not its business (json/names.h). Answers of upstreams are held to the same.
//
// How: one loop without recursion from the first octet to the last, which crosses strings in wide steps and writes the
// nodes of the Document as it goes; simdjson checks the UTF-8 of the texts that have any beyond ASCII. (Its own first
// stage finds all tokens of a text at once, which costs a small message more than the whole of this loop does.)
//
// Ownership: a Scanner owns the nodes of the Document it returns, and takes them back with the next scan. The text
// stays the caller's and must outlive the Document. One thread. scan() allocates nothing: the worst case is reserved
// as address space at construction (about nine octets for each of text_bytes_max), memory is used as texts need it.
#pragma once

#include "base/bytes.h"
#include "base/limits.h"
#include "base/result.h"
#include "json/document.h"
#include "json/duplicates.h"
#include "json/reserved.h"
#include "json/sweep.h"

#include <cstdint>

namespace weir::json {

struct ScanLimits {
    uint32_t text_bytes_max = Limits{}.answer_bytes_max;        // json_too_large
    uint32_t depth_max = Limits{}.json_depth_max;               // json_depth; at most Scanner::depth_max
    uint32_t members_max = Limits{}.json_members_max;           // of one object; json_members; below 65,535
    uint32_t number_bytes_max = Limits{}.json_number_bytes_max; // json_number
};

class Scanner {
  public:
    /// What no limit may exceed, so that every walk over a Document can keep its stack on the stack.
    static constexpr uint32_t depth_max = 128;

    explicit Scanner(const ScanLimits& limits);

    /// Reads one whole text. The Document's nodes are valid until the next scan() or trim() of this Scanner.
    ///
    /// Errors, each the peer's fault and each final for the message:
    ///   json_syntax     not RFC 8259: bad token, raw control character, byte order mark, cut off, octets behind it
    ///   json_utf8       invalid UTF-8: overlong, surrogates, cut sequences, anything above U+10FFFF
    ///   json_surrogate  an escape for half of a surrogate pair
    ///   json_duplicate  a name that the same object has already, escapes decoded
    ///   json_number     a number too long, or too large for a double (too small is zero, and fine)
    ///   json_depth, json_members, json_too_large   the limits
    Result<Document> scan(PaddedView text);

    /// Gives back the memory that only texts of more than `kept_bytes` need. Costs nothing if there was none since
    /// the last call. Ends the life of the last Document.
    void trim(size_t kept_bytes = size_t{256} << 10);
    /// The largest text since the last trim().
    size_t largest() const { return largest_; }

  private:
    friend class Walk;
    ScanLimits limits_;
    Sweep sweep_;
    Duplicates duplicates_;
    Reserved<Node> nodes_;
    size_t largest_ = 0; // text since the last trim
};

} // namespace weir::json
