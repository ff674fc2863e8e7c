// record/chain.cc - SHA-256 over batches, linked. Pure.
#include "record/chain.h"

#include <cstring>

namespace weir::record {
namespace {

// {21: chain}: a map of one, the key, a byte string of 32.
constexpr char mark_prefix[] = {'\xa1', static_cast<char>(Field::chain), '\x58', '\x20'};
static_assert(static_cast<uint8_t>(Field::chain) == 21, "a key below 24 is one byte");
static_assert(sizeof mark_prefix + sizeof(Digest) == mark_payload_bytes);

} // namespace

Digest chain_start(const LogId& id, uint32_t worker) {
    crypto::Sha256 hash;
    hash.update("\x03");
    hash.update({reinterpret_cast<const char*>(id.data()), id.size()});
    hash.update({reinterpret_cast<const char*>(&worker), sizeof worker});
    return hash.finish();
}

Digest BatchHash::chain(const Digest& before) {
    const auto [even, odd] = bytes_.finish();
    crypto::Sha256 leaf;
    leaf.update({"\x00", 1});
    leaf.update(bytes_of(even));
    leaf.update(bytes_of(odd));
    crypto::Sha256 link;
    link.update("\x02");
    link.update(bytes_of(before));
    link.update(bytes_of(leaf.finish()));
    bytes_ = {};
    return link.finish();
}

void write_mark(char* payload, const Digest& chain) {
    std::memcpy(payload, mark_prefix, sizeof mark_prefix);
    std::memcpy(payload + sizeof mark_prefix, chain.data(), chain.size());
}

Result<Digest> read_mark(std::string_view payload) {
    if (payload.size() != mark_payload_bytes || std::memcmp(payload.data(), mark_prefix, sizeof mark_prefix) != 0) {
        return fail(Error::corrupt);
    }
    Digest chain;
    std::memcpy(chain.data(), payload.data() + sizeof mark_prefix, chain.size());
    return chain;
}

} // namespace weir::record
