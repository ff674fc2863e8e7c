// identity/api_key.cc - the text of keys, and the file of those that hold.
#include "identity/api_key.h"

#include "base/crc32c.h"
#include "crypto/hex.h"
#include "crypto/secret.h"
#include "json/scan.h"
#include "json/text.h"

#include <fmt/format.h>
#include <algorithm>
#include <chrono>
#include <cstring>
#include <optional>
#include <utility>

namespace weir::identity {
namespace {

/// Crockford's base32 in lower case: no letters that look like digits. Read in this one spelling only.
constexpr std::string_view alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr size_t coded_bytes = ApiKey::secret_bytes + 4; // and the checksum
constexpr size_t characters = ApiKey::text_bytes - ApiKey::prefix.size();
static_assert(characters == (coded_bytes * 8 + 4) / 5);

uint32_t checksum(std::string_view secret) { return crc32c(crc32c(0, ApiKey::prefix), secret); }

void put_checksum(uint32_t sum, char* to) {
    for (int i = 0; i < 4; ++i) to[i] = static_cast<char>(sum >> (24 - 8 * i));
}

/// 2027-01-15T08:00:00Z, which is how times stand in the file: in this one form.
std::string time_text(uint64_t unix_s) {
    using namespace std::chrono;
    const sys_seconds time{seconds(unix_s)};
    const auto day = floor<days>(time);
    const year_month_day date(day);
    const hh_mm_ss clock(time - day);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                       clock.minutes().count(), clock.seconds().count());
}

std::optional<uint64_t> read_time(std::string_view text) {
    constexpr std::string_view form = "0000-00-00T00:00:00Z";
    if (text.size() != form.size()) return std::nullopt;
    for (size_t i = 0; i < form.size(); ++i)
        if (form[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != form[i]) return std::nullopt;
    const auto number = [text](size_t at, size_t size) {
        unsigned value = 0;
        for (const char digit : text.substr(at, size)) value = value * 10 + static_cast<unsigned>(digit - '0');
        return value;
    };
    using namespace std::chrono;
    const year_month_day date(year(static_cast<int>(number(0, 4))), month(number(5, 2)), day(number(8, 2)));
    const unsigned hour = number(11, 2), minute = number(14, 2), second = number(17, 2);
    if (!date.ok() || date.year() < year(1970) || hour > 23 || minute > 59 || second > 59) return std::nullopt;
    const auto since = sys_days(date).time_since_epoch() + hours(hour) + minutes(minute) + seconds(second);
    return static_cast<uint64_t>(seconds(since).count());
}

std::optional<crypto::Digest> read_digest(std::string_view digits) {
    crypto::Digest digest{};
    if (digits.size() != 2 * digest.size()) return std::nullopt;
    for (size_t i = 0; i < digits.size(); ++i) {
        const char digit = digits[i];
        const bool decimal = digit >= '0' && digit <= '9';
        if (!decimal && (digit < 'a' || digit > 'f')) return std::nullopt;
        digest[i / 2] = static_cast<uint8_t>(digest[i / 2] << 4 | (decimal ? digit - '0' : digit - 'a' + 10));
    }
    return digest;
}

std::string hex(std::string_view bytes) {
    std::string text(bytes.size() * 2, ' ');
    crypto::write_hex(bytes, text.data());
    return text;
}

/// One line, member by member. A sentence says what is wrong.
class Line {
  public:
    Line(json::Value object, Workspace& space) : object_(object), space_(space) {}

    std::expected<ApiKey, std::string> read() {
        ApiKey key;
        name("id", key.id);
        name("name", key.name);
        names("servers", key.servers);
        names("scopes", key.scopes);
        names("groups", key.groups);
        time("created", key.created_unix_s);
        time("expires", key.expires_unix_s);
        const auto digest = read_digest(object_.find("sha256").string(space_));
        if (digest) key.digest = *digest;
        else wrong("sha256", "is not 64 hexadecimal digits in lower case");
        if (problem_.empty() && key.servers.empty()) wrong("servers", "names none");
        if (problem_.empty() && key.id != api_key_id(key.digest)) wrong("id", "is not that of its sha256");
        if (problem_.empty() && object_.count() != 8) problem_ = "it has members that are unknown";
        if (!problem_.empty()) return std::unexpected(problem_);
        return key;
    }

  private:
    void wrong(std::string_view member, std::string_view what) {
        if (problem_.empty()) problem_ = fmt::format("{} {}", member, what);
    }
    void name(std::string_view member, std::string& to) {
        to = object_.find(member).string(space_);
        if (!is_plain_name(to)) wrong(member, "is not a text without control characters");
    }
    void names(std::string_view member, std::vector<std::string>& to) {
        const json::Value value = object_.find(member);
        if (!value.is(json::Kind::array)) return wrong(member, "is not an array");
        for (const json::Value element : value.elements()) {
            to.emplace_back(element.string(space_));
            if (!is_plain_name(to.back())) wrong(member, "holds what is not a text without control characters");
        }
    }
    void time(std::string_view member, uint64_t& to) {
        const auto time = read_time(object_.find(member).string(space_));
        if (!time) return wrong(member, "is not a time like 2027-01-15T08:00:00Z");
        to = *time;
    }

    json::Value object_;
    Workspace& space_;
    std::string problem_;
};

} // namespace

std::string api_key_text(std::span<const uint8_t, ApiKey::secret_bytes> secret) {
    char octets[coded_bytes];
    std::memcpy(octets, secret.data(), secret.size());
    put_checksum(checksum({octets, secret.size()}), octets + secret.size());
    std::string text(ApiKey::prefix);
    uint32_t bits = 0;
    unsigned held = 0;
    for (const char octet : octets) {
        bits = bits << 8 | static_cast<unsigned char>(octet);
        for (held += 8; held >= 5; held -= 5) text += alphabet[bits >> (held - 5) & 31];
    }
    text += alphabet[bits << (5 - held) & 31];
    crypto::wipe({reinterpret_cast<unsigned char*>(octets), sizeof octets});
    return text;
}

bool is_api_key_text(std::string_view text) {
    if (text.size() != ApiKey::text_bytes || !text.starts_with(ApiKey::prefix)) return false;
    char octets[coded_bytes];
    size_t filled = 0;
    uint32_t bits = 0;
    unsigned held = 0;
    for (const char character : text.substr(ApiKey::prefix.size())) {
        const size_t digit = alphabet.find(character);
        if (digit == std::string_view::npos) return false;
        bits = bits << 5 | static_cast<uint32_t>(digit);
        held += 5;
        if (held >= 8) octets[filled++] = static_cast<char>(bits >> (held -= 8));
    }
    char sum[4];
    put_checksum(checksum({octets, ApiKey::secret_bytes}), sum);
    const bool whole = (bits & ((1U << held) - 1)) == 0 && std::memcmp(sum, octets + ApiKey::secret_bytes, 4) == 0;
    crypto::wipe({reinterpret_cast<unsigned char*>(octets), sizeof octets});
    return whole;
}

std::string api_key_id(const crypto::Digest& digest) { return "key_" + hex(crypto::bytes_of(digest).substr(0, 8)); }

std::string api_key_line(const ApiKey& key) {
    json::Text text;
    text.begin_object();
    text.name("id").string(key.id).name("name").string(key.name);
    text.name("sha256").string(hex(crypto::bytes_of(key.digest)));
    const auto names = [&text](std::string_view name, const std::vector<std::string>& list) {
        text.name(name).begin_array();
        for (const std::string& element : list) text.string(element);
        text.end_array();
    };
    names("servers", key.servers);
    names("scopes", key.scopes);
    names("groups", key.groups);
    text.name("created").string(time_text(key.created_unix_s));
    text.name("expires").string(time_text(key.expires_unix_s));
    return text.end_object().text();
}

std::expected<ApiKeys, ApiKeys::Problem> ApiKeys::parse(std::string_view text) {
    if (text.size() > text_bytes_max) return std::unexpected(Problem{0, "it is larger than 8 MiB"});
    BufferPool pool;
    PaddedBytes bytes(pool);
    Workspace space(pool);
    json::Scanner scanner(json::ScanLimits{.text_bytes_max = 64 << 10, .depth_max = 4});
    ApiKeys keys;
    for (size_t line = 1; !text.empty(); ++line) {
        const size_t end = std::min(text.find('\n'), text.size());
        bytes.clear();
        bytes.append(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (keys.keys_.size() == keys_max) return std::unexpected(Problem{line, "more than 10,000 keys"});
        const auto scanned = scanner.scan(bytes.padded());
        if (!scanned) return std::unexpected(Problem{line, std::string(weir::row_of(scanned.error()).text)});
        space.reset();
        auto key = Line(json::Value::root(*scanned), space).read();
        if (!key) return std::unexpected(Problem{line, std::move(key.error())});
        keys.keys_.push_back(std::move(*key));
    }
    const auto by_digest = [](const ApiKey& one, const ApiKey& other) { return one.digest < other.digest; };
    std::sort(keys.keys_.begin(), keys.keys_.end(), by_digest);
    // Ids follow from digests, and two digests with one id are two keys that nobody could tell apart in the record.
    for (size_t i = 1; i < keys.keys_.size(); ++i)
        if (keys.keys_[i].id == keys.keys_[i - 1].id)
            return std::unexpected(Problem{0, "the key " + keys.keys_[i].id + " is there twice"});
    for (const ApiKey& key : keys.keys_) {
        Principal principal = make_principal(std::string(ApiKey::issuer), key.id, {}, key.name, key.groups);
        principal.scopes = key.scopes;
        keys.principals_.push_back(std::make_shared<const Principal>(std::move(principal)));
    }
    return keys;
}

std::expected<ApiKeys::Holder, Refusal> ApiKeys::find(std::string_view text, std::string_view server,
                                                      uint64_t now_unix_s) const {
    if (!is_api_key_text(text)) return std::unexpected(Refusal{TokenError::api_key_malformed});
    const crypto::Digest digest = crypto::Sha256::of(text);
    // By the first octets of a digest, of which nobody can choose more than by trying; then the whole in constant time.
    const auto prefix = [](const crypto::Digest& of) { return crypto::bytes_of(of).substr(0, 8); };
    const auto at =
        std::lower_bound(keys_.begin(), keys_.end(), digest,
                         [&](const ApiKey& key, const crypto::Digest& of) { return prefix(key.digest) < prefix(of); });
    if (at == keys_.end() || !crypto::equal_in_constant_time(crypto::bytes_of(at->digest), crypto::bytes_of(digest)))
        return std::unexpected(Refusal{TokenError::api_key_unknown});
    const auto refuse = [at](TokenError error) { return std::unexpected(Refusal{error, at->id}); };
    if (now_unix_s >= at->expires_unix_s) return refuse(TokenError::api_key_expired);
    const bool served = std::any_of(at->servers.begin(), at->servers.end(),
                                    [server](const std::string& name) { return name == server || name == "*"; });
    if (!served) return refuse(TokenError::api_key_server);
    return Holder{principals_[static_cast<size_t>(at - keys_.begin())], at->expires_unix_s};
}

} // namespace weir::identity
