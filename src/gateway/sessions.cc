// gateway/sessions.cc - opening, finding and closing the record's sessions.
#include "gateway/sessions.h"

#include "base/hash.h"
#include "crypto/hex.h"
#include "crypto/sha256.h"

#include <algorithm>

namespace weir::gateway {
namespace {

constexpr size_t looked_at_a_time = 1024;

uint64_t hash_of(const SessionFacts& facts, uint64_t seed) {
    uint64_t hash = hash64(facts.principal, seed);
    hash = hash64(facts.client, hash);
    return hash64(facts.server, hash);
}

/// The digest under which the record names a protocol session; never its id, which is as good as a password.
std::array<char, 32> digest_text(std::initializer_list<std::string_view> pieces) {
    crypto::Sha256 sha;
    for (const auto piece : pieces) {
        const auto size = static_cast<uint32_t>(piece.size());
        sha.update({reinterpret_cast<const char*>(&size), sizeof size}); // so that no two lists of pieces are alike
        sha.update(piece);
    }
    const auto digest = sha.finish();
    std::array<char, 32> text{};
    crypto::write_hex({reinterpret_cast<const char*>(digest.data()), 16}, text.data());
    return text;
}

} // namespace

Sessions::Sessions(record::Writer* record, const std::array<unsigned char, 16>& boot_id, uint64_t idle_ns_max,
                   uint64_t seed)
    : record_(record), boot_id_(boot_id), idle_ns_max_(idle_ns_max), seed_(seed), places_(open_max) {
    free_.reserve(open_max);
    for (size_t i = open_max; i != 0; --i) free_.push_back(static_cast<uint32_t>(i - 1));
    by_hash_.reserve(open_max);
}

Session* Sessions::find(const SessionFacts& facts, uint64_t now_ns) {
    const uint64_t hash = hash_of(facts, seed_);
    if (const auto found = by_hash_.find(hash); found != by_hash_.end()) {
        Session& session = places_[found->second];
        session.used_ns = now_ns;
        if (session.opened_seq < record_->first_seq() && !tell(session, facts)) return nullptr;
        return &session;
    }
    Session* session = place();
    if (session == nullptr) return nullptr;
    session->hash = hash;
    session->used_ns = now_ns;
    session->calls = 0;
    const std::string_view boot(reinterpret_cast<const char*>(boot_id_.data()), boot_id_.size());
    session->key = digest_text({boot, facts.principal, facts.client, facts.server});
    const auto index = static_cast<uint32_t>(session - places_.data());
    if (!tell(*session, facts)) {
        free_.push_back(index);
        return nullptr;
    }
    session->open = true;
    by_hash_.emplace(hash, index);
    return session;
}

/// Its session_opened entry. False: the record takes none.
bool Sessions::tell(Session& session, const SessionFacts& facts) {
    const std::string_view boot(reinterpret_cast<const char*>(boot_id_.data()), boot_id_.size());
    const auto mcp = digest_text({boot, facts.mcp_session});
    const bool known = facts.who != nullptr && !facts.who->anonymous();
    const auto seq = record_->append(
        0, record::SessionOpened{
               .principal = facts.principal,
               .client = facts.client,
               .server = facts.server,
               .revision = facts.revision,
               .mcp_session = facts.mcp_session.empty() ? std::string_view() : std::string_view(mcp.data(), mcp.size()),
               .session_key = session.id(),
               .person = facts.who != nullptr ? std::string_view(facts.who->display) : std::string_view(),
               .issuer = known ? std::string_view(facts.who->issuer) : std::string_view(),
               .subject = known ? std::string_view(facts.who->subject) : std::string_view(),
               .application = known ? std::string_view(facts.who->client) : std::string_view()});
    if (seq) session.opened_seq = *seq;
    return seq.has_value();
}

/// A free place; when there is none, that of the session that is idle for longest.
Session* Sessions::place() {
    if (free_.empty()) {
        Session& oldest = *std::ranges::min_element(places_, {}, &Session::used_ns);
        close(oldest, "evicted");
    }
    Session& session = places_[free_.back()];
    free_.pop_back();
    return &session;
}

void Sessions::close(Session& session, std::string_view reason) {
    // A record that takes no entry now will tell of a gap; the session is forgotten all the same.
    static_cast<void>(record_->append(
        0, record::SessionClosed{
               .session = session.opened_seq, .reason = reason, .calls = session.calls, .session_key = session.id()}));
    by_hash_.erase(session.hash);
    session.open = false;
    free_.push_back(static_cast<uint32_t>(&session - places_.data()));
}

void Sessions::expire(uint64_t now_ns) {
    if (by_hash_.empty()) return;
    for (size_t i = 0; i < looked_at_a_time; ++i) {
        Session& session = places_[looked_];
        looked_ = (looked_ + 1) % places_.size();
        if (session.open && now_ns - session.used_ns > idle_ns_max_) close(session, "idle");
    }
}

void Sessions::close_all(std::string_view reason) {
    for (Session& session : places_)
        if (session.open) close(session, reason);
}

} // namespace weir::gateway
