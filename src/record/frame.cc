// record/frame.cc - frames to bytes and back. Pure.
#include "record/frame.h"

#include "base/assert.h"
#include "base/crc32c.h"

#include <cstring>

namespace weir::record {
namespace {

struct Wire {
    uint32_t length;
    uint32_t crc;
    uint64_t seq;
    uint64_t time_ns;
    uint64_t durable_seq;
    uint16_t kind;
    uint16_t flags;
    uint32_t exchange;
};
static_assert(sizeof(Wire) == frame_head_bytes);

uint32_t checksum(uint32_t salt_crc, const char* frame, uint32_t size) {
    const uint32_t after_length = crc32c(salt_crc, {frame, 4});
    return crc32c(after_length, {frame + 8, size - 8});
}

bool all_zero(const char* bytes, size_t size) {
    for (size_t i = 0; i < size; ++i) {
        if (bytes[i] != 0) return false;
    }
    return true;
}

} // namespace

uint32_t salted(const Salt& salt) { return crc32c(0, {reinterpret_cast<const char*>(salt.data()), salt.size()}); }

uint32_t finish_frame(char* frame, const FrameHead& head, uint32_t payload_bytes, uint32_t salt_crc) {
    WEIR_ASSERT(payload_bytes != 0 && payload_bytes <= payload_bytes_max);
    const uint32_t size = frame_bytes(payload_bytes);
    const uint32_t used = frame_head_bytes + payload_bytes;
    std::memset(frame + used, 0, size - used);
    const Wire wire{
        payload_bytes, 0, head.seq, head.time_ns, head.durable_seq, static_cast<uint16_t>(head.kind), head.flags,
        head.exchange};
    std::memcpy(frame, &wire, sizeof wire);
    salt_again(frame, size, salt_crc);
    return size;
}

void salt_again(char* frame, uint32_t size, uint32_t salt_crc) {
    const uint32_t crc = checksum(salt_crc, frame, size);
    std::memcpy(frame + offsetof(Wire, crc), &crc, sizeof crc);
}

Result<Frame> read_frame(std::string_view bytes, uint32_t salt_crc) {
    if (bytes.empty()) return fail(Error::not_found);
    if (bytes.size() < frame_head_bytes) {
        return fail(all_zero(bytes.data(), bytes.size()) ? Error::not_found : Error::incomplete);
    }
    Wire wire;
    std::memcpy(&wire, bytes.data(), sizeof wire);
    if (wire.length == 0) return fail(all_zero(bytes.data(), frame_head_bytes) ? Error::not_found : Error::corrupt);
    if (wire.length > payload_bytes_max || wire.seq == 0 || wire.durable_seq >= wire.seq) return fail(Error::corrupt);
    const uint32_t size = frame_bytes(wire.length);
    if (bytes.size() < size) return fail(Error::incomplete);
    if (wire.crc != checksum(salt_crc, bytes.data(), size)) return fail(Error::corrupt);
    return peek_frame(bytes);
}

Frame peek_frame(std::string_view bytes) {
    WEIR_ASSERT(bytes.size() >= frame_head_bytes);
    Wire wire;
    std::memcpy(&wire, bytes.data(), sizeof wire);
    Frame frame;
    frame.seq = wire.seq;
    frame.time_ns = wire.time_ns;
    frame.durable_seq = wire.durable_seq;
    frame.kind = static_cast<Kind>(wire.kind);
    frame.flags = wire.flags;
    frame.exchange = wire.exchange;
    if (wire.length <= payload_bytes_max && frame_bytes(wire.length) <= bytes.size()) {
        frame.payload = bytes.substr(frame_head_bytes, wire.length);
        frame.bytes = frame_bytes(wire.length);
    }
    return frame;
}

bool acknowledged_within(std::string_view bytes, uint32_t salt_crc, uint64_t seq) {
    // A frame of this segment has a seq not far behind `seq`: as many later ones as the bytes have room for. That
    // spares the checksum of nearly everything that is no frame.
    const uint64_t ahead_max = bytes.size() / frame_head_bytes;
    for (size_t at = 0; at + frame_head_bytes <= bytes.size(); at += 8) {
        Wire wire;
        std::memcpy(&wire, bytes.data() + at, sizeof wire);
        if (wire.length == 0 || wire.seq <= seq || wire.seq - seq > ahead_max || wire.durable_seq < seq) continue;
        const auto frame = read_frame(bytes.substr(at), salt_crc);
        if (frame && frame->durable_seq >= seq) return true;
    }
    return false;
}

} // namespace weir::record
