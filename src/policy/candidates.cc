// policy/candidates.cc - an open-addressed table over two arenas.
#include "policy/candidates.h"

#include "base/assert.h"

#include <algorithm>
#include <cstring>

namespace weir::policy {
namespace {

/// Two multiplications of 128 bits for each 16 bytes (the mixing step of wyhash, Wang Yi, public domain). `key` has 16
/// readable bytes behind its end.
uint64_t hash_of(const char* key, size_t bytes) {
    __extension__ using Wide = unsigned __int128;
    const auto mix = [](uint64_t a, uint64_t b) {
        const Wide product = static_cast<Wide>(a) * b;
        return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
    };
    uint64_t hash = bytes * 0x9e3779b97f4a7c15U;
    for (size_t at = 0; at < bytes; at += 16) {
        uint64_t words[2];
        std::memcpy(words, key + at, sizeof(words));
        hash = mix(words[0] ^ 0xa0761d6478bd642fU ^ hash, words[1] ^ 0xe7037ed1a0b428dbU);
    }
    return hash | 1; // 0 marks a free slot
}

} // namespace

std::string_view list_method_of(const Facts& facts) {
    const std::string_view method = facts.method;
    if (facts.tool.data() != nullptr && method == "tools/call") return "tools/list";
    if (facts.prompt.data() != nullptr && (method == "prompts/get" || method == "completion/complete"))
        return "prompts/list";
    if (facts.resource.data() == nullptr) return {};
    if (method == "completion/complete") return "resources/templates/list";
    if (method == "resources/read" || method == "resources/subscribe" || method == "resources/unsubscribe")
        return "resources/list";
    return {};
}

CandidateCache::CandidateCache(const PolicySet& set)
    : set_(set), table_(slots), keys_(keys_bytes_max), lists_(lists_max) {
    own_.reserve(set.rules().size());
    hides_.reserve(set.rules().size());
    const size_t words = (set.rules().size() + 63) / 64;
    scratch_.rules.reserve(words);
    scratch_.key.reserve(words);
}

void CandidateCache::forget() {
    std::fill(table_.begin(), table_.end(), Entry());
    entries_ = keys_used_ = lists_used_ = 0;
}

CandidateCache::Found CandidateCache::compute(const Facts& facts) {
    ++misses_;
    own_.clear();
    hides_.clear();
    const Server& server = set_.servers()[facts.server];
    set_.rules().candidates(server, facts, scratch_, own_);
    if (facts.on == On::request && set_.rules().any(On::list)) {
        Facts entry = facts;
        entry.on = On::list;
        entry.method = list_method_of(facts);
        if (!entry.method.empty()) set_.rules().candidates(server, entry, scratch_, hides_);
    }
    return {own_, hides_};
}

CandidateCache::Found CandidateCache::find(const Facts& facts) {
    WEIR_ASSERT(facts.server < set_.servers().size());
    const std::string_view resource = set_.rules().asks_resources() ? facts.resource : std::string_view();
    // On, server, and each name with its length (which also tells an absent name from an empty one).
    const size_t bytes = 24 + facts.method.size() + facts.tool.size() + facts.prompt.size() + resource.size();
    if (bytes > key_bytes_max) return compute(facts);
    char key[key_bytes_max + 16];
    const auto length = [](std::string_view name) {
        return name.data() == nullptr ? UINT32_MAX : static_cast<uint32_t>(name.size());
    };
    // Whether there is a resource at all matters also where its name does not.
    const uint32_t head[6] = {static_cast<uint32_t>(facts.on),
                              facts.server,
                              length(facts.method),
                              length(facts.tool),
                              length(facts.prompt),
                              resource.data() == nullptr ? facts.resource.data() == nullptr : 2 + length(resource)};
    static_assert(sizeof(head) == 24);
    std::memcpy(key, head, sizeof(head));
    size_t at = sizeof(head);
    for (const std::string_view name : {facts.method, facts.tool, facts.prompt, resource}) {
        if (!name.empty()) std::memcpy(key + at, name.data(), name.size());
        at += name.size();
    }
    std::memset(key + bytes, 0, 16);

    const uint64_t hash = hash_of(key, bytes);
    size_t slot = (hash >> 1) % slots;
    for (; table_[slot].hash != 0; slot = (slot + 1) % slots) {
        const Entry& entry = table_[slot];
        if (entry.hash == hash && entry.key_bytes == bytes && std::memcmp(keys_.data() + entry.key_at, key, bytes) == 0)
            return found(entry);
    }
    const Found fresh = compute(facts);
    const size_t count = fresh.own.size() + fresh.hides.size();
    if (count > lists_max / 4) return fresh;
    if (entries_ == entries_max || keys_used_ + bytes > keys_.size() || lists_used_ + count > lists_.size()) {
        forget();
        slot = (hash >> 1) % slots;
    }
    Entry& entry = table_[slot];
    entry = {hash,
             static_cast<uint32_t>(keys_used_),
             static_cast<uint32_t>(bytes),
             static_cast<uint32_t>(lists_used_),
             static_cast<uint32_t>(fresh.own.size()),
             static_cast<uint32_t>(fresh.hides.size())};
    std::memcpy(keys_.data() + keys_used_, key, bytes);
    std::copy(fresh.own.begin(), fresh.own.end(), lists_.begin() + static_cast<ptrdiff_t>(lists_used_));
    std::copy(fresh.hides.begin(), fresh.hides.end(),
              lists_.begin() + static_cast<ptrdiff_t>(lists_used_ + fresh.own.size()));
    ++entries_;
    keys_used_ += bytes;
    lists_used_ += count;
    return found(entry);
}

} // namespace weir::policy
