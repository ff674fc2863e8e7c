// tests/fuzz/fuzz_frame.cc - segments from arbitrary octets: heads, frames, payloads.
//
// Holds for every input: nothing beyond its end is read (it lies in memory of exactly its size, under ASan); a frame that
// is read lies within the input and is made again to the octet from what it says; so is a head; a payload that is read
// has its texts within itself, and no prefix of it is read; what was said to be acknowledged is found frame by frame.
// The input is tried as it is, and with its checksums put right, so that what lies behind them is reached.
#include "record/fields.h"
#include "record/frame.h"
#include "record/segment.h"

#include "property.h"

#include <cstring>
#include <string>
#include <vector>

using namespace weir;
using namespace weir::record;

namespace {

constexpr Salt salt{1, 2, 3};

void try_payload(std::string_view payload) {
    const auto fields = read_fields(payload);
    if (!fields) return;
    const auto within = [&](std::string_view text) {
        if (!text.empty())
            PROPERTY(text.data() >= payload.data() && text.data() + text.size() <= payload.data() + payload.size());
    };
    for (uint8_t i = 0; i < field_count; ++i) {
        const auto field = static_cast<Field>(i);
        within(fields->text(field));
        if (type_of(field) != FieldType::texts) continue;
        uint32_t count = 0;
        fields->for_each(field, [&](std::string_view text) { within(text), ++count; });
        PROPERTY(count == fields->list_size(field));
    }
    for (size_t size = 0; size < payload.size(); size += 1 + payload.size() / 64)
        PROPERTY(!read_fields(payload.substr(0, size)));
}

void try_frames(std::string_view bytes, uint32_t crc) {
    for (size_t at = 0; at < bytes.size();) {
        const std::string_view rest = bytes.substr(at);
        const auto frame = read_frame(rest, crc);
        if (!frame) {
            PROPERTY(frame.error() == Error::corrupt || frame.error() == Error::incomplete ||
                     frame.error() == Error::not_found);
            at += 8;
            continue;
        }
        PROPERTY(frame->bytes <= rest.size() && frame->bytes % 8 == 0);
        PROPERTY(frame->durable_seq < frame->seq && !frame->payload.empty());
        std::vector<char> again(frame->bytes, 'x');
        std::memcpy(again.data() + frame_head_bytes, frame->payload.data(), frame->payload.size());
        PROPERTY(finish_frame(again.data(), *frame, static_cast<uint32_t>(frame->payload.size()), crc) == frame->bytes);
        // The zeros behind the payload are under the checksum, but their value is not demanded of a reader.
        const size_t said = frame_head_bytes + frame->payload.size();
        const bool zeros = rest.substr(said, frame->bytes - said).find_first_not_of('\0') == std::string_view::npos;
        if (zeros) PROPERTY(std::memcmp(again.data(), rest.data(), frame->bytes) == 0);
        const bool near = frame->seq - frame->durable_seq <= rest.size() / frame_head_bytes; // as in one segment it is
        if (near && frame->durable_seq > 0) PROPERTY(acknowledged_within(rest, crc, frame->durable_seq));
        try_payload(frame->payload);
        at += frame->bytes;
    }
}

// Gives every frame that the lengths lead to the checksum it should have.
void put_right(std::string& bytes, uint32_t crc) {
    for (size_t at = 0; at + frame_head_bytes <= bytes.size();) {
        const Frame frame = peek_frame(std::string_view(bytes).substr(at));
        if (frame.bytes == 0 || frame.payload.empty()) return;
        salt_again(bytes.data() + at, frame.bytes, crc);
        at += frame.bytes;
    }
}

void try_head(std::string_view bytes) {
    std::string padded(bytes.substr(0, segment_head_bytes));
    padded.resize(segment_head_bytes);
    const auto head = read_segment_head(padded);
    if (!head) return;
    std::string again(segment_head_bytes, 'x');
    write_segment_head(again.data(), *head);
    PROPERTY(again.substr(0, 120) == padded.substr(0, 120));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const uint32_t crc = salted(salt);
    const Exact exact(input);
    try_frames(exact, crc);
    acknowledged_within(exact, crc, 1);
    try_payload(exact);
    try_head(input);
    std::string right(input);
    put_right(right, crc);
    try_frames(Exact(right), crc);
    return 0;
}
