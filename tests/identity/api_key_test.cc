// tests/identity/api_key_test.cc - what must hold: a key lets in who holds it, where and until when its line says; no text
// but that of a key is one; a file comes back as it was written, and what is wrong with one is said.
#include "gate.h"

#include <algorithm>
#include <array>

using namespace weir;
using namespace weir::identity;

namespace {

std::array<uint8_t, ApiKey::secret_bytes> secret(uint8_t seed) {
    std::array<uint8_t, ApiKey::secret_bytes> octets{};
    for (size_t i = 0; i < octets.size(); ++i) octets[i] = static_cast<uint8_t>(seed * 37 + i * 11);
    return octets;
}

ApiKey key(uint8_t seed, std::vector<std::string> servers) {
    ApiKey made;
    made.digest = crypto::Sha256::of(api_key_text(secret(seed)));
    made.id = api_key_id(made.digest);
    made.name = "nightly \"build\"";
    made.servers = std::move(servers);
    made.scopes = {"mcp:tools"};
    made.groups = {"ci"};
    made.created_unix_s = test_now_unix_s;
    made.expires_unix_s = test_now_unix_s + 86'400;
    return made;
}

std::string file_of(const std::vector<ApiKey>& keys) {
    std::string text;
    for (const ApiKey& one : keys) text += api_key_line(one) + "\n";
    return text;
}

} // namespace

TEST_CASE("a key has one text, and no other text is it") {
    const std::string text = api_key_text(secret(1));
    CHECK(text.size() == ApiKey::text_bytes);
    CHECK(text.starts_with("weir_"));
    CHECK(is_api_key_text(text));
    CHECK(api_key_text(secret(2)) != text);
    for (size_t i = 0; i < text.size(); ++i) {
        std::string changed = text;
        changed[i] = changed[i] == 'a' ? 'b' : 'a';
        CHECK_FALSE(is_api_key_text(changed));
        CHECK_FALSE(is_api_key_text(text.substr(0, i)));
    }
    CHECK_FALSE(is_api_key_text(text + "0"));
    CHECK_FALSE(is_api_key_text("WEIR_" + text.substr(5)));
    std::string upper = text;
    std::transform(upper.begin() + 5, upper.end(), upper.begin() + 5,
                   [](char octet) { return octet >= 'a' && octet <= 'z' ? static_cast<char>(octet - 32) : octet; });
    CHECK_FALSE(is_api_key_text(upper));
    std::string spare = text; // the last character holds three bits of the checksum and two that are zero
    spare.back() = spare.back() == 'z' ? 'y' : 'z';
    CHECK_FALSE(is_api_key_text(spare));
}

TEST_CASE("a key lets its holder in where and until when its line says") {
    const auto keys = ApiKeys::parse(file_of({key(1, {"jira", "docs"}), key(2, {"*"}), key(3, {"docs"})}));
    REQUIRE(keys.has_value());
    const auto holder = keys->find(api_key_text(secret(1)), "jira", test_now_unix_s);
    REQUIRE(holder.has_value());
    CHECK(holder->principal->issuer == "weir:api-key");
    CHECK(holder->principal->subject == api_key_id(crypto::Sha256::of(api_key_text(secret(1)))));
    CHECK(holder->principal->display == "nightly \"build\"");
    CHECK(holder->principal->in_group("ci") == Membership::yes);
    CHECK(holder->principal->in_group("dev") == Membership::no);
    CHECK(holder->principal->has_scope("mcp:tools"));
    CHECK(holder->ends_unix_s == test_now_unix_s + 86'400);
    const auto error = [&keys](uint8_t seed, const char* server, uint64_t now_unix_s) {
        return keys->find(api_key_text(secret(seed)), server, now_unix_s).error().error;
    };
    CHECK(keys->find(api_key_text(secret(2)), "anything", test_now_unix_s).has_value());
    CHECK(error(3, "jira", test_now_unix_s) == TokenError::api_key_server);
    CHECK(error(1, "jir", test_now_unix_s) == TokenError::api_key_server);
    CHECK(error(4, "jira", test_now_unix_s) == TokenError::api_key_unknown);
    CHECK(error(1, "jira", test_now_unix_s + 86'400) == TokenError::api_key_expired);
    CHECK(keys->find("weir_x", "jira", test_now_unix_s).error() == TokenError::api_key_malformed);
    CHECK(ApiKeys().find(api_key_text(secret(1)), "jira", 0).error() == TokenError::api_key_unknown);
}

TEST_CASE("an Authenticator takes keys where the server does") {
    Gate gate;
    auto keys = ApiKeys::parse(file_of({key(1, {"jira"})}));
    REQUIRE(keys);
    const std::string text = api_key_text(secret(1));
    CHECK(gate.refusal(text) == "api_key_unknown");
    gate.authenticator.set_api_keys(std::make_shared<const ApiKeys>(std::move(*keys)));
    CHECK(gate.refusal(text) == "api_key_unknown"); // the server does not take any
    gate.resource.api_keys = true;
    CHECK(gate.refusal(text).empty());
    CHECK(gate.ask(text)->principal->display == "nightly \"build\"");
    CHECK(gate.refusal("weir_typo") == "api_key_malformed");
    gate.resource.scopes.push_back("mcp:admin");
    CHECK(gate.refusal(text) == "scope_missing");
    gate.resource.server = "docs";
    CHECK(gate.refusal(text) == "api_key_server");
}

TEST_CASE("a file comes back as it was written") {
    std::vector<ApiKey> written = {key(1, {"jira", "docs"}), key(2, {"*"}), key(3, {"a\\b"})};
    written[1].scopes.clear();
    written[2].expires_unix_s = 4'102'444'799; // 2099-12-31T23:59:59Z
    written[2].created_unix_s = 951'782'400;   // 2000-02-29T00:00:00Z
    CHECK(api_key_line(written[2]).find("\"created\":\"2000-02-29T00:00:00Z\",\"expires\":\"2099-12-31T23:59:59Z\"") !=
          std::string::npos);
    const auto read = ApiKeys::parse(file_of(written));
    REQUIRE(read.has_value());
    std::vector<ApiKey> keys = read->keys();
    REQUIRE(keys.size() == 3);
    for (const ApiKey& one : written) CHECK(std::find(keys.begin(), keys.end(), one) != keys.end());
    CHECK(ApiKeys::parse("")->keys().empty());
    std::string without_end = file_of(written);
    without_end.pop_back();
    CHECK(ApiKeys::parse(without_end)->keys() == keys);
}

TEST_CASE("what is wrong with a file is said, and its line") {
    const std::string good = api_key_line(key(1, {"jira"}));
    const auto changed = [&good](std::string_view from, std::string_view to) {
        std::string line = good;
        line.replace(line.find(from), from.size(), to);
        return line;
    };
    struct Row {
        std::string text;
        size_t line;
        const char* says;
    };
    const Row rows[] = {
        {good + "\n" + good + "\n", 0, "twice"},
        {good + "\n\n", 2, "JSON"},
        {good + "\n{}\n", 2, "id"},
        {changed("\"jira\"", ""), 1, "servers"},
        {changed("[\"jira\"]", "\"jira\""), 1, "servers"},
        {changed("[\"ci\"]", "[1]"), 1, "groups"},
        {changed("\"groups\"", "\"group\""), 1, "groups"},
        {changed("{", "{\"x\":1,"), 1, "unknown"},
        {changed("2027-01-15T08:00:00Z", "2027-02-30T08:00:00Z"), 1, "created"},
        {changed("2027-01-15T08:00:00Z", "2027-01-15 08:00:00Z"), 1, "created"},
        {changed("2027-01-15T08:00:00Z", "2027-01-15T24:00:00Z"), 1, "created"},
        {changed("2027-01-16T08:00:00Z", "never"), 1, "expires"},
        {changed("\"sha256\":\"", "\"sha256\":\"0"), 1, "sha256"},
        {changed("\"id\":\"key_", "\"id\":\"kex_"), 1, "id"},
        {changed("nightly", "night\\nly"), 1, "name"},
    };
    for (const Row& row : rows) {
        INFO(row.text);
        const auto read = ApiKeys::parse(row.text);
        REQUIRE_FALSE(read.has_value());
        CHECK(read.error().line == row.line);
        CHECK(read.error().text.find(row.says) != std::string::npos);
    }
    CHECK(ApiKeys::parse(std::string(ApiKeys::text_bytes_max + 1, ' ')).error().line == 0);
}
