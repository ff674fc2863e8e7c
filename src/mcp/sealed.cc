// mcp/sealed.cc - fields as length and octets, sealed, in base64url.
#include "mcp/sealed.h"

#include "base/assert.h"
#include "crypto/base64.h"
#include "crypto/secret.h"

#include <cstring>

namespace weir::mcp {
namespace {

// What is sealed is bound to its purpose and to this layout: a later layout gets another word.
constexpr std::string_view session_purpose = "weir session 1", event_purpose = "weir event 1";
constexpr size_t nonce_bytes = crypto::Aead::nonce_bytes, tag_bytes = crypto::Aead::tag_bytes;

std::string_view put_together(std::span<const std::string_view> fields, Workspace& space) {
    size_t size = 0;
    for (const auto field : fields) size += sizeof(uint32_t) + field.size();
    char* const text = space.take(size, 1);
    char* at = text;
    for (const auto field : fields) {
        const auto length = static_cast<uint32_t>(field.size());
        std::memcpy(at, &length, sizeof length);
        at += sizeof length;
        if (!field.empty()) std::memcpy(at, field.data(), field.size());
        at += field.size();
    }
    return {text, size};
}

bool take_apart(std::string_view text, std::span<std::string_view> fields) {
    for (auto& field : fields) {
        uint32_t size = 0;
        if (text.size() < sizeof size) return false;
        std::memcpy(&size, text.data(), sizeof size);
        if (text.size() - sizeof size < size) return false;
        field = text.substr(sizeof size, size);
        text.remove_prefix(sizeof size + size);
    }
    return text.empty();
}

} // namespace

KeyRing::KeyRing(std::span<const Key> keys) {
    WEIR_ASSERT(!keys.empty());
    for (const auto& key : keys) aeads_.emplace_back(key);
}

std::string_view KeyRing::seal(std::string_view purpose, std::string_view plain, Workspace& space) {
    const size_t size = nonce_bytes + plain.size() + tag_bytes;
    char* const sealed = space.take(size, 1);
    const bool filled = crypto::fill_random({reinterpret_cast<unsigned char*>(sealed), nonce_bytes});
    WEIR_ASSERT(filled);
    aeads_.front().seal({sealed, nonce_bytes}, purpose, plain, sealed + nonce_bytes);
    char* const text = space.take(crypto::base64url_size(size), 1);
    return {text, static_cast<size_t>(crypto::encode_base64url({sealed, size}, text) - text)};
}

Result<std::string_view> KeyRing::open(std::string_view purpose, std::string_view text, Workspace& space) {
    char* const sealed = space.take(crypto::base64_decoded_max(text.size()), 1);
    const auto size = crypto::decode_base64url(text, sealed);
    if (!size || *size < nonce_bytes + tag_bytes) return fail(Error::seal_invalid);
    char* const plain = space.take(*size, 1);
    for (auto& aead : aeads_) {
        const auto opened = aead.open({sealed, nonce_bytes}, purpose, {sealed + nonce_bytes, *size - nonce_bytes}, plain);
        if (opened) return std::string_view(plain, *opened);
    }
    return fail(Error::seal_invalid);
}

std::string_view seal_session(KeyRing& keys, const SessionSeal& session, Workspace& space) {
    const std::string_view fields[] = {session.upstream_id, session.server, session.principal, session.revision, session.client};
    return keys.seal(session_purpose, put_together(fields, space), space);
}

Result<SessionSeal> open_session(KeyRing& keys, std::string_view text, Workspace& space) {
    const auto plain = keys.open(session_purpose, text, space);
    if (!plain) return fail(plain.error());
    std::string_view fields[5];
    if (!take_apart(*plain, fields)) return fail(Error::seal_invalid);
    return SessionSeal{fields[0], fields[1], fields[2], fields[3], fields[4]};
}

std::string_view seal_event(KeyRing& keys, const EventSeal& event, Workspace& space) {
    const std::string_view fields[] = {event.upstream_id, event.server, event.principal, event.session, name_of(event.method), event.name};
    return keys.seal(event_purpose, put_together(fields, space), space);
}

Result<EventSeal> open_event(KeyRing& keys, std::string_view text, Workspace& space) {
    const auto plain = keys.open(event_purpose, text, space);
    if (!plain) return fail(plain.error());
    std::string_view fields[6];
    if (!take_apart(*plain, fields)) return fail(Error::seal_invalid);
    return EventSeal{fields[0], fields[1], fields[2], fields[3], method_of(fields[4]), fields[5]};
}

} // namespace weir::mcp
