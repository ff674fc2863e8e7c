// identity/claims.cc - claims that are kept, and where they stand.
#include "identity/claims.h"

#include <utility>

namespace weir::identity {

Claims::Claims(const json::Document& document) {
    auto kept = std::make_shared<Kept>();
    kept->text = document.text;
    kept->nodes.assign(document.nodes.begin(), document.nodes.end());
    kept->document = {kept->text, kept->nodes};
    kept_ = std::move(kept);
}

size_t Claims::bytes() const {
    return kept_ ? sizeof(Kept) + kept_->text.capacity() + kept_->nodes.capacity() * sizeof(json::Node) : 0;
}

std::expected<ClaimName, std::string> ClaimName::parse(std::string_view text) {
    const auto wrong = [](const char* why) { return std::unexpected<std::string>(why); };
    if (text.empty()) return wrong("the name of a claim is empty");
    if (text.size() > text_bytes_max) return wrong("the name of a claim is longer than 256 octets");
    ClaimName name;
    name.text_ = text;
    if (text[0] != '/') {
        name.steps_.emplace_back(text);
        return name;
    }
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '/') {
            if (name.steps_.size() == steps_max) return wrong("a pointer to a claim has more than 8 steps");
            name.steps_.emplace_back();
            continue;
        }
        char octet = text[i];
        if (octet == '~') {
            const char code = ++i < text.size() ? text[i] : '\0';
            if (code != '0' && code != '1')
                return wrong("in a pointer to a claim, ~ is written ~0 and / is written ~1");
            octet = code == '0' ? '~' : '/';
        }
        name.steps_.back() += octet;
    }
    return name;
}

json::Value ClaimName::in(json::Value claims) const {
    for (const std::string& step : steps_) claims = claims.find(step);
    return claims;
}

bool is_plain_name(std::string_view text, size_t bytes_max) {
    if (text.empty() || text.size() > bytes_max) return false;
    for (size_t i = 0; i < text.size(); ++i) {
        const auto octet = static_cast<unsigned char>(text[i]);
        if (octet < 0x20 || octet == 0x7f) return false;
        if (octet == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0) return false;
    }
    return true;
}

} // namespace weir::identity
