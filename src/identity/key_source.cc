// identity/key_source.cc - the times of fetches.
#include "identity/key_source.h"

#include "base/assert.h"

#include <algorithm>
#include <utility>

namespace weir::identity {

uint64_t KeySource::due_ns() const { return fetching_ ? UINT64_MAX : due_ns_; }

void KeySource::want(uint64_t now_ns) { due_ns_ = std::min(due_ns_, std::max(now_ns, began_ns_ + apart_ns_)); }

void KeySource::begin(uint64_t now_ns) {
    WEIR_ASSERT(!fetching_);
    fetching_ = true;
    began_ns_ = now_ns;
    due_ns_ = now_ns + period_ns;
}

bool KeySource::arrive(std::shared_ptr<const KeySet> keys, uint64_t now_ns) {
    WEIR_ASSERT(fetching_ && keys);
    fetching_ = false;
    failures_ = 0;
    const bool same = this->keys(now_ns) && keys_->fingerprint() == keys->fingerprint();
    arrived_ns_ = now_ns;
    if (!same) keys_ = std::move(keys);
    return !same;
}

void KeySource::fail(uint64_t now_ns) {
    WEIR_ASSERT(fetching_);
    fetching_ = false;
    ++failures_;
    want(now_ns); // Sooner than in five minutes: this is not how it should be.
    constexpr uint32_t doublings_max = 5;
    if (!keys(now_ns)) due_ns_ = std::min(due_ns_, now_ns + (s_ns << std::min(failures_ - 1, doublings_max)));
}

std::shared_ptr<const KeySet> KeySource::keys(uint64_t now_ns) const {
    return keys_ && now_ns - arrived_ns_ < life_ns_max ? keys_ : nullptr;
}

std::expected<std::string, std::string> keys_url_of(const Issuer& issuer, json::Value metadata) {
    if (!metadata.is(json::Kind::object)) return std::unexpected("its metadata are not an object of JSON");
    if (!metadata.find("issuer").equals(issuer.url)) return std::unexpected("its metadata are those of another issuer");
    BufferPool pool;
    Workspace space(pool);
    std::string text(metadata.find("jwks_uri").string(space));
    if (!may_fetch(text))
        return std::unexpected("its metadata name no keys that may be fetched: https only (http on loopback)");
    return text;
}

} // namespace weir::identity
