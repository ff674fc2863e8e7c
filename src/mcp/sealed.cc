// mcp/sealed.cc - what stands inside of a sealed id, and what is authenticated along with it.
//
// Sealed: version | key number | nonce | AES-256-GCM(parts) with its tag, all of it in base64url. Each part is its size
// in two octets, little-endian, and its octets; a number is a part of its digits in base 256.
#include "mcp/sealed.h"

#include "base/assert.h"
#include "crypto/base64.h"
#include "crypto/secret.h"
#include "crypto/sha256.h"

#include <algorithm>
#include <cstring>

namespace weir::mcp {
namespace {

using crypto::Aead;

constexpr char version = 1;
constexpr size_t head_bytes = 2 + Aead::nonce_bytes;
constexpr size_t parts_max = 4;

/// A key for one purpose out of one of the ring's: HMAC-SHA-256 as a key derivation (NIST SP 800-108, section 4).
Aead derive(const KeyRing::Octets& key, std::string_view purpose) {
    const std::string_view octets(reinterpret_cast<const char*>(key.data()), key.size());
    auto derived = crypto::hmac_sha256(octets, purpose);
    Aead aead(derived);
    crypto::wipe(derived);
    return aead;
}

char* write_part(std::string_view part, char* to) {
    *to++ = static_cast<char>(part.size() & 0xff);
    *to++ = static_cast<char>(part.size() >> 8);
    if (!part.empty()) std::memcpy(to, part.data(), part.size());
    return to + part.size();
}

size_t size_of(std::span<const std::string_view> parts) {
    size_t size = 0;
    for (const std::string_view part : parts) size += 2 + part.size();
    return size;
}

/// Takes as many parts as `parts` has from the front of `plain`, which must hold just these.
bool read_parts(std::string_view plain, std::span<std::string_view> parts) {
    for (std::string_view& part : parts) {
        if (plain.size() < 2) return false;
        const size_t size =
            static_cast<unsigned char>(plain[0]) | static_cast<size_t>(static_cast<unsigned char>(plain[1])) << 8;
        if (plain.size() - 2 < size) return false;
        part = plain.substr(2, size);
        plain.remove_prefix(2 + size);
    }
    return plain.empty();
}

/// A number as the octets it needs, the lowest first.
struct Digits {
    std::array<char, 8> octets{};
    size_t size = 0;
    explicit Digits(uint64_t number) {
        for (; number != 0; number >>= 8) octets[size++] = static_cast<char>(number & 0xff);
    }
    std::string_view text() const { return {octets.data(), size}; }
};

bool read_digits(std::string_view text, uint64_t& number) {
    if (text.size() > 8) return false;
    number = 0;
    for (size_t i = text.size(); i-- != 0;) number = number << 8 | static_cast<unsigned char>(text[i]);
    return true;
}

} // namespace

KeyRing::~KeyRing() {
    for (Key& key : keys_) crypto::wipe(key.octets);
}

bool KeyRing::add(uint8_t number, const Octets& octets) {
    if (std::ranges::find(keys_, number, &Key::number) != keys_.end()) return false;
    keys_.push_back({number, octets});
    return true;
}

Sealer::Sealer(const KeyRing& ring) {
    WEIR_ASSERT(!ring.keys().empty());
    keys_.reserve(ring.keys().size());
    for (const KeyRing::Key& key : ring.keys())
        keys_.push_back({key.number, derive(key.octets, "weir session id"), derive(key.octets, "weir event id"),
                         derive(key.octets, "weir approval state")});
}

/// A part of a supply that is filled by one call of the kernel. Each octet of it is used once.
std::string_view Sealer::next_nonce() {
    if (random_left_ == 0) {
        WEIR_ASSERT(crypto::fill_random(random_));
        random_left_ = random_.size();
    }
    random_left_ -= Aead::nonce_bytes;
    return {reinterpret_cast<const char*>(random_.data()) + random_left_, Aead::nonce_bytes};
}

Result<void> Sealer::seal(Purpose purpose, std::span<const std::string_view> parts, const Bond& bond,
                          PaddedBytes& out) {
    const std::string_view bonds[] = {bond.principal, bond.server, bond.session};
    for (const std::string_view text : parts)
        if (text.size() > text_bytes_max) return fail(Error::limit_reached);
    for (const std::string_view text : bonds)
        if (text.size() > text_bytes_max) return fail(Error::limit_reached);
    std::array<char, 3 + 3 * (2 + text_bytes_max)> along;
    std::array<char, head_bytes + parts_max * (2 + text_bytes_max) + Aead::tag_bytes> sealed;

    Opener& key = keys_.front();
    sealed[0] = version;
    sealed[1] = static_cast<char>(key.number);
    const std::string_view nonce = next_nonce();
    std::memcpy(sealed.data() + 2, nonce.data(), nonce.size());
    char* end = sealed.data() + head_bytes;
    for (const std::string_view part : parts) end = write_part(part, end);
    const std::string_view plain(sealed.data() + head_bytes, static_cast<size_t>(end - sealed.data()) - head_bytes);

    along[0] = version;
    along[1] = sealed[1];
    along[2] = static_cast<char>(purpose);
    char* along_end = along.data() + 3;
    for (const std::string_view text : bonds) along_end = write_part(text, along_end);

    Aead& aead = key.of(purpose);
    aead.seal(nonce, {along.data(), static_cast<size_t>(along_end - along.data())}, plain, sealed.data() + head_bytes);
    const size_t size = head_bytes + plain.size() + Aead::tag_bytes;
    out.reserve(crypto::base64url_size(size));
    crypto::encode_base64url({sealed.data(), size}, out.data() + out.size());
    out.grew(crypto::base64url_size(size));
    return {};
}

Result<std::string_view> Sealer::open(Purpose purpose, std::string_view sealed, const Bond& bond, Workspace& space) {
    const std::string_view bonds[] = {bond.principal, bond.server, bond.session};
    constexpr size_t octets_max = head_bytes + parts_max * (2 + text_bytes_max) + Aead::tag_bytes;
    if (sealed.size() > crypto::base64url_size(octets_max)) return fail(Error::seal_invalid);
    for (const std::string_view text : bonds)
        if (text.size() > text_bytes_max) return fail(Error::seal_invalid);
    char* const along = space.take(3 + size_of(bonds), 1);
    char* along_end = along + 3;
    for (const std::string_view text : bonds) along_end = write_part(text, along_end);
    const std::string_view whole_bond(along + 3, static_cast<size_t>(along_end - along) - 3);
    if (purpose == Purpose::session)
        if (const auto plain = remembered_.find(sealed, whole_bond)) return space.copy(*plain);

    char* const octets = space.take(crypto::base64_decoded_max(sealed.size()), 1);
    const auto size = crypto::decode_base64url(sealed, octets);
    if (!size || *size < head_bytes + Aead::tag_bytes || octets[0] != version) return fail(Error::seal_invalid);
    const auto key = std::ranges::find(keys_, static_cast<uint8_t>(octets[1]), &Opener::number);
    if (key == keys_.end()) return fail(Error::seal_invalid);
    along[0] = version;
    along[1] = octets[1];
    along[2] = static_cast<char>(purpose);
    Aead& aead = key->of(purpose);
    const auto plain_size = aead.open({octets + 2, Aead::nonce_bytes}, {along, static_cast<size_t>(along_end - along)},
                                      {octets + head_bytes, *size - head_bytes}, octets + head_bytes);
    if (!plain_size) return fail(Error::seal_invalid);
    const std::string_view plain(octets + head_bytes, *plain_size);
    if (purpose == Purpose::session) remembered_.put(sealed, whole_bond, plain);
    return plain;
}

Result<void> Sealer::seal_session(const SessionSeal& session, const Bond& bond, PaddedBytes& out) {
    const std::string_view parts[] = {session.upstream_id, session.revision, session.client};
    return seal(Purpose::session, parts, bond, out);
}

Result<SessionSeal> Sealer::open_session(std::string_view sealed, const Bond& bond, Workspace& space) {
    const auto plain = open(Purpose::session, sealed, bond, space);
    std::array<std::string_view, 3> parts;
    if (!plain || !read_parts(*plain, parts)) return fail(Error::seal_invalid);
    return SessionSeal{parts[0], parts[1], parts[2]};
}

Result<void> Sealer::seal_event(const EventSeal& event, const Bond& bond, PaddedBytes& out) {
    // The method travels as its text, which no later order of the table changes.
    const std::string_view parts[] = {event.upstream_id, name_of(event.method), event.name};
    return seal(Purpose::event, parts, bond, out);
}

Result<EventSeal> Sealer::open_event(std::string_view sealed, const Bond& bond, Workspace& space) {
    const auto plain = open(Purpose::event, sealed, bond, space);
    std::array<std::string_view, 3> parts;
    EventSeal event;
    if (!plain || !read_parts(*plain, parts)) return fail(Error::seal_invalid);
    event.upstream_id = parts[0];
    event.method = method_of(parts[1]);
    event.name = parts[2];
    return event;
}

Result<void> Sealer::seal_approval(const ApprovalSeal& approval, const Bond& bond, PaddedBytes& out) {
    const Digits round(approval.round), expires(approval.expires_unix_ns);
    const std::string_view parts[] = {approval.ticket, approval.digest, round.text(), expires.text()};
    out.append(approval_prefix);
    return seal(Purpose::approval, parts, bond, out);
}

Result<ApprovalSeal> Sealer::open_approval(std::string_view sealed, const Bond& bond, Workspace& space) {
    if (!is_approval(sealed)) return fail(Error::seal_invalid);
    const auto plain = open(Purpose::approval, sealed.substr(approval_prefix.size()), bond, space);
    std::array<std::string_view, 4> parts;
    ApprovalSeal approval;
    if (!plain || !read_parts(*plain, parts) || !read_digits(parts[2], approval.round) ||
        !read_digits(parts[3], approval.expires_unix_ns))
        return fail(Error::seal_invalid);
    approval.ticket = parts[0];
    approval.digest = parts[1];
    return approval;
}

} // namespace weir::mcp
