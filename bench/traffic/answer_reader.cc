// bench/traffic/answer_reader.cc - heads, lengths and chunks.
#include "answer_reader.h"

#include <strings.h>
#include <algorithm>
#include <charconv>

namespace weir::bench {

void AnswerReader::begin() {
    partial_.clear();
    body_piece_ = {};
    left_ = 0;
    status_ = 0;
    in_body_ = chunked_ = last_ = false;
}

bool AnswerReader::read(std::string_view bytes) {
    body_piece_ = {};
    if (!in_body_ && !read_head(bytes)) return false;
    body_piece_ = bytes;
    return read_body(bytes);
}

bool AnswerReader::read_head(std::string_view& bytes) {
    std::string_view whole = bytes;
    if (!partial_.empty()) {
        partial_.append(bytes);
        whole = partial_;
    }
    const size_t end = whole.find("\r\n\r\n");
    if (end == std::string_view::npos) {
        if (partial_.empty()) partial_ = bytes;
        return false;
    }
    if (whole.size() > 12) std::from_chars(whole.data() + 9, whole.data() + 12, status_);
    for (size_t at = whole.find("\r\n"); at < end; at = whole.find("\r\n", at + 2)) {
        const auto line = whole.substr(at + 2, end - at);
        const auto starts = [&](std::string_view name) {
            return line.size() > name.size() && strncasecmp(line.data(), name.data(), name.size()) == 0;
        };
        constexpr std::string_view length_name = "content-length: ";
        if (starts(length_name)) std::from_chars(line.data() + length_name.size(), line.data() + line.size(), left_);
        else if (starts("transfer-encoding:")) chunked_ = true;
        else if (starts("connection: close")) last_ = true;
    }
    bytes.remove_prefix(end + 4 - (whole.size() - bytes.size()));
    partial_.clear();
    return in_body_ = true;
}

bool AnswerReader::read_body(std::string_view bytes) {
    for (;;) {
        const size_t take = std::min<uint64_t>(left_, bytes.size());
        bytes.remove_prefix(take);
        left_ -= take;
        if (!chunked_) return left_ == 0;
        if (left_ != 0 || bytes.empty()) return false;
        const size_t line = bytes.find('\n');
        partial_.append(bytes.substr(0, line == std::string_view::npos ? line : line + 1));
        if (line == std::string_view::npos) return false;
        bytes.remove_prefix(line + 1);
        if (partial_ == "\r\n") return true; // the line behind the last chunk
        std::from_chars(partial_.data(), partial_.data() + partial_.size(), left_, 16);
        if (left_ != 0) left_ += 2;
        partial_.clear();
    }
}

} // namespace weir::bench
