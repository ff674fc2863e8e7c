// record/segment.cc - a segment's head to bytes and back, and names of files. Pure.
#include "record/segment.h"

#include "base/crc32c.h"

#include <charconv>
#include <cstring>

namespace weir::record {
namespace {

constexpr char magic[8] = {'W', 'E', 'I', 'R', 'S', 'E', 'G', '1'};

struct Wire {
    char magic[8];
    uint32_t version;
    uint32_t worker;
    uint8_t log[16];
    uint64_t number;
    uint64_t first_seq;
    uint64_t created_ns;
    uint8_t salt[16];
    uint8_t chain[32];
    uint64_t previous;
    uint64_t previous_end;
    uint32_t reserved;
    uint32_t crc; // of everything before it and of the zeros behind it
};
static_assert(sizeof(Wire) == 128, "fits one sector, without holes");

uint32_t checksum(std::string_view head) {
    return crc32c(crc32c(0, head.substr(0, offsetof(Wire, crc))), head.substr(sizeof(Wire)));
}

constexpr std::string_view suffix = ".wseg";
constexpr std::string_view worker_prefix = "worker-";

} // namespace

void write_segment_head(char* bytes, const SegmentHead& head) {
    std::memset(bytes, 0, segment_head_bytes);
    Wire wire{};
    std::memcpy(wire.magic, magic, sizeof magic);
    wire.version = segment_version;
    wire.worker = head.worker;
    std::memcpy(wire.log, head.log.data(), head.log.size());
    wire.number = head.number;
    wire.first_seq = head.first_seq;
    wire.created_ns = head.created_ns;
    std::memcpy(wire.salt, head.salt.data(), head.salt.size());
    std::memcpy(wire.chain, head.chain.data(), head.chain.size());
    wire.previous = head.previous;
    wire.previous_end = head.previous_end;
    std::memcpy(bytes, &wire, sizeof wire);
    wire.crc = checksum({bytes, segment_head_bytes});
    std::memcpy(bytes, &wire, sizeof wire);
}

Result<SegmentHead> read_segment_head(std::string_view bytes) {
    if (bytes.size() < segment_head_bytes) return fail(Error::incomplete);
    bytes = bytes.substr(0, segment_head_bytes);
    if (bytes.find_first_not_of('\0') == std::string_view::npos) return fail(Error::not_found);
    Wire wire;
    std::memcpy(&wire, bytes.data(), sizeof wire);
    if (std::memcmp(wire.magic, magic, sizeof magic) != 0 || wire.crc != checksum(bytes)) return fail(Error::corrupt);
    if (wire.version != segment_version || wire.number == 0 || wire.first_seq == 0) return fail(Error::corrupt);
    SegmentHead head;
    head.worker = wire.worker;
    std::memcpy(head.log.data(), wire.log, head.log.size());
    head.number = wire.number;
    head.first_seq = wire.first_seq;
    head.created_ns = wire.created_ns;
    std::memcpy(head.salt.data(), wire.salt, head.salt.size());
    std::memcpy(head.chain.data(), wire.chain, head.chain.size());
    head.previous = wire.previous;
    head.previous_end = wire.previous_end;
    return head;
}

void write_segment_name(uint64_t number, std::string& name) {
    name.assign(20, '0').append(suffix);
    for (size_t at = 20; number != 0; number /= 10) name[--at] = static_cast<char>('0' + number % 10);
}

std::string segment_name(uint64_t number) {
    std::string name;
    write_segment_name(number, name);
    return name;
}

std::optional<uint64_t> segment_number(std::string_view name) {
    if (name.size() != 20 + suffix.size() || !name.ends_with(suffix)) return std::nullopt;
    uint64_t number = 0;
    const char* end = name.data() + 20;
    const auto parsed = std::from_chars(name.data(), end, number);
    if (parsed.ec != std::errc() || parsed.ptr != end || number == 0) return std::nullopt;
    return number;
}

std::string stream_name(uint32_t worker) {
    return worker == control_stream ? "control" : std::string(worker_prefix) + std::to_string(worker);
}

std::optional<uint32_t> stream_number(std::string_view name) {
    if (name == "control") return control_stream;
    if (!name.starts_with(worker_prefix)) return std::nullopt;
    uint32_t number = 0;
    const std::string_view digits = name.substr(worker_prefix.size());
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size()) return std::nullopt;
    if (number == control_stream || stream_name(number) != name) return std::nullopt;
    return number;
}

} // namespace weir::record
