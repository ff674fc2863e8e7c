// bench/traffic/answer_reader.h - finds the end of an HTTP answer in octets that come in pieces.
//
// As much of HTTP as a bench needs: a length or chunks, neither trailers nor informational answers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weir::bench {

class AnswerReader {
  public:
    /// Forgets the answer before.
    void begin();
    /// Takes what came. True once the answer is whole; what is behind its end is not looked at.
    bool read(std::string_view bytes);

    int status() const { return status_; }
    bool chunked() const { return chunked_; }
    /// The connection ends with it.
    bool last() const { return last_; }
    bool in_body() const { return in_body_; }
    /// What of the last piece belongs to the body, framing included.
    std::string_view body_piece() const { return body_piece_; }

  private:
    bool read_head(std::string_view& bytes);
    bool read_body(std::string_view bytes);

    std::string partial_; // a head or a line of a chunk's size whose end has not come
    std::string_view body_piece_;
    uint64_t left_ = 0;
    int status_ = 0;
    bool in_body_ = false, chunked_ = false, last_ = false;
};

} // namespace weir::bench
