// http/body.cc - the chunked transfer coding as a machine over octets, with payload taken in runs.
#include "http/body.h"

#include "base/assert.h"
#include "http/known.h"
#include "http/scan.h"

#include <algorithm>

namespace weir::http {

// A trailer that would mean something in a head has no business behind the body (RFC 9110 section 6.5.1). Names longer
// than any known one are unknown, but for the family of mcp-.
bool ChunkedReader::name_allowed() const {
    if (name_size_ == 0) return false;
    const std::string_view name(name_.data(), std::min<size_t>(name_size_, name_.size()));
    if (begins_with(name, mcp_prefix) || is_disguised(name)) return false;
    return name_size_ > name_.size() || field_id(name) == FieldId::other;
}

// The line with the chunk's size has ended. False: its overhead is out of proportion.
bool ChunkedReader::begin_payload() {
    // A peer that sends each octet as a chunk with an extension makes us work hard for little; an honest one does not.
    overhead_ += header_;
    const uint64_t allowance = 16 + (left_ < limits_.overhead_bytes_max ? 2 * left_ : overhead_);
    overhead_ -= std::min(overhead_, allowance);
    header_ = 0;
    digits_ = 0;
    extension_ = 0;
    last_ = left_ == 0;
    state_ = last_ ? State::line_first : State::payload;
    return overhead_ <= limits_.overhead_bytes_max;
}

// One octet of framing. False: it may not stand there.
bool ChunkedReader::step(unsigned char octet) {
    const char c = static_cast<char>(octet);
    const auto to = [this](State next) {
        state_ = next;
        return true;
    };
    if (state_ >= State::extension_name_first && state_ <= State::extension_after && c != '\r' &&
        ++extension_ > limits_.extension_bytes_max)
        return false;
    const bool in_trailer = state_ >= State::line_first && state_ <= State::line_lf;
    if (in_trailer && (state_ != State::line_first || c != '\r') && ++trailer_ > limits_.trailer_bytes_max)
        return false;
    ++header_;
    switch (state_) {
        case State::size_more:
            if (c == ';') return extension_ = 1, to(State::extension_name_first);
            if (c == '\r') return to(State::size_lf);
            [[fallthrough]];
        case State::size_first: {
            if (!scan::is(c, scan::hex) || ++digits_ > 16) return false;
            const unsigned value = c <= '9' ? octet - unsigned{'0'} : (octet | 0x20u) - unsigned{'a'} + 10;
            left_ = left_ << 4 | value;
            return to(State::size_more);
        }
        case State::size_lf: return c == '\n' && begin_payload();

        case State::extension_name:
            if (c == '=') return to(State::extension_value_first);
            if (c == ';') return to(State::extension_name_first);
            if (c == '\r') return to(State::size_lf);
            [[fallthrough]];
        case State::extension_name_first: return scan::is(c, scan::token) && to(State::extension_name);
        case State::extension_value_first:
            if (c == '"') return to(State::extension_quoted);
            return scan::is(c, scan::token) && to(State::extension_token);
        case State::extension_token:
            if (scan::is(c, scan::token)) return true;
            [[fallthrough]];
        case State::extension_after:
            if (c == ';') return to(State::extension_name_first);
            return c == '\r' && to(State::size_lf);
        case State::extension_quoted:
            if (c == '"') return to(State::extension_after);
            if (c == '\\') return to(State::extension_escaped);
            return scan::is(c, scan::field_value);
        case State::extension_escaped: return scan::is(c, scan::field_value) && to(State::extension_quoted);

        case State::payload_cr: return c == '\r' && to(State::payload_lf);
        case State::payload_lf: return c == '\n' && to(State::size_first);

        case State::line_first:
            name_size_ = 0;
            if (c == '\r') return to(State::end_lf);
            [[fallthrough]];
        case State::name:
            if (c == ':') return name_allowed() && to(State::value);
            if (!scan::is(c, scan::token)) return false;
            if (name_size_ < name_.size()) name_[name_size_] = c;
            if (name_size_ <= name_.size()) ++name_size_;
            return to(State::name);
        case State::value:
            if (c == '\r') return to(State::line_lf);
            return scan::is(c, scan::field_value);
        case State::line_lf: return c == '\n' && to(State::line_first);
        case State::end_lf: return c == '\n' && to(State::done);

        case State::payload:
        case State::done:
        case State::broken: break;
    }
    WEIR_ASSERT(false);
    return false;
}

Result<ChunkedReader::Piece> ChunkedReader::next(std::string_view bytes) {
    Piece piece;
    const char* at = bytes.data();
    const char* const end = at + bytes.size();
    while (state_ != State::done) {
        if (state_ == State::broken) return fail(Error::chunk_malformed);
        if (at == end) break;
        if (state_ == State::payload) {
            if (!piece.payload.empty()) break;
            const size_t run = static_cast<size_t>(std::min(left_, static_cast<uint64_t>(end - at)));
            piece.payload = {at, run};
            at += run;
            left_ -= run;
            if (left_ == 0) state_ = State::payload_cr;
        } else if (!step(static_cast<unsigned char>(*at++))) {
            state_ = State::broken;
        }
    }
    piece.consumed = static_cast<size_t>(at - bytes.data());
    piece.done = state_ == State::done;
    return piece;
}

} // namespace weir::http
