// http/write.h - builds the head of a request or of an answer, and the framing of chunks.
//
// Pure: appends to the PaddedBytes it is given. Nothing here can be made to write a line that was not asked for: names
// and values that come from elsewhere are checked octet by octet, constant ones at compile time; one refusal and the
// whole head is taken back.
#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "http/head.h"

#include <cstdint>
#include <string_view>

namespace weir::http {

/// Whole field lines that are constant, each ended with CRLF. One that is not well-formed does not compile.
class ConstantLines {
  public:
    template <size_t size> explicit(false) consteval ConstantLines(const char (&text)[size]) : text_(text, size - 1) {
        bool in_name = true, empty_name = true;
        for (size_t i = 0; i < size - 1; ++i) {
            const char c = text[i];
            if (in_name) {
                const bool letter =
                    (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
                if (!letter && (c != ':' || empty_name)) throw "a name of letters, digits and hyphens, then a colon";
                empty_name = false;
                in_name = letter;
            } else if (c == '\r') {
                if (text[++i] != '\n') throw "CR without LF";
                in_name = empty_name = true;
            } else if (c < ' ' || c > '~') {
                throw "printable ASCII only";
            }
        }
        if (!in_name || !empty_name) throw "the last line has no end";
    }
    std::string_view text() const { return text_; }

  private:
    std::string_view text_;
};

/// The phrase of RFC 9110 section 15 that goes with `status`, for people only; empty if there is none.
std::string_view reason_of(uint16_t status);

/// Appends one head. Call one of the first lines, then fields, then finish().
class HeadWriter {
  public:
    explicit HeadWriter(PaddedBytes& out) : out_(out), begin_(out.size()) {}

    /// `target` goes into the request line: printable ASCII without a space, beginning with '/'.
    void request(Method method, std::string_view target);
    /// A status of 100 to 599 (asserted), with its reason_of().
    void answer(uint16_t status);

    void lines(ConstantLines constant);
    /// One line. `name` is to be a token, `value` what a field value may be (no CR, LF, NUL or other control but HTAB).
    void field(std::string_view name, std::string_view value);
    /// One line with a value in decimal.
    void field(std::string_view name, uint64_t value);

    /// Ends the head with its empty line. invalid: something given was refused, and nothing at all was appended.
    Result<void> finish();

  private:
    PaddedBytes& out_;
    size_t begin_;
    bool refused_ = false;
};

/// A chunk is this, `size` octets (at least one) and CRLF.
void write_chunk_head(PaddedBytes& out, uint64_t size);
/// One whole chunk; nothing for an empty payload, which would end the body.
void write_chunk(PaddedBytes& out, std::string_view payload);
/// The end of a chunked body, without trailers.
void write_last_chunk(PaddedBytes& out);

} // namespace weir::http
