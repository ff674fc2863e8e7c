// tests/crypto/crypto_test.cc - known answers (FIPS 180-4, RFC 4648), the two SHA-256 loops against each other, and every
// octet of a sealed text.
#include "base/random.h"
#include "crypto/aead.h"
#include "crypto/base64.h"
#include "crypto/hex.h"
#include "crypto/secret.h"
#include "crypto/sha256.h"

#include <catch2/catch_test_macros.hpp>

#include <cstring>
#include <string>

using namespace weir;
using namespace weir::crypto;

namespace {
std::string hex(std::string_view bytes) {
    std::string text(bytes.size() * 2, ' ');
    write_hex(bytes, text.data());
    return text;
}
} // namespace

TEST_CASE("SHA-256 has the values of FIPS 180-4") {
    CHECK(hex(text_of(sha256(""))) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(hex(text_of(sha256("abc"))) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(hex(text_of(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))) ==
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    CHECK(hex(text_of(sha256(std::string(1'000'000, 'a')))) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("SHA-256 is the same by instruction and portably, and however the text is cut") {
    Random random(11);
    for (int round = 0; round < 200; ++round) {
        std::string text(random.below(700), ' ');
        for (auto& c : text) c = static_cast<char>(random.next());
        const auto whole = sha256(text);
        Sha256 cut;
        for (size_t at = 0; at < text.size();) {
            const size_t size = 1 + random.below(text.size() - at);
            cut.update(std::string_view(text).substr(at, size));
            at += size;
        }
        REQUIRE(cut.finish() == whole);
        if (!detail::has_sha_instructions() || text.size() < 64) continue;
        uint32_t a[8] = {1, 2, 3, 4, 5, 6, 7, 8}, b[8];
        std::memcpy(b, a, sizeof a);
        detail::sha256_blocks_portable(a, reinterpret_cast<const uint8_t*>(text.data()), text.size() / 64);
        detail::sha256_blocks_instructions(b, reinterpret_cast<const uint8_t*>(text.data()), text.size() / 64);
        REQUIRE(std::memcmp(a, b, sizeof a) == 0);
    }
}

TEST_CASE("base64 has the vectors of RFC 4648, and each text one spelling") {
    BufferPool pool;
    struct Row {
        std::string_view plain, standard;
    };
    for (const auto& row : {Row{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"\xfb\xff", "+/8="}}) {
        PaddedBytes encoded(pool), decoded(pool);
        base64_encode(row.plain, encoded);
        CHECK(encoded.text() == row.standard);
        REQUIRE(base64_decode(row.standard, decoded));
        CHECK(decoded.text() == row.plain);
    }
    for (const std::string_view bad : {"Zg", "Zg=", "Zh==", "Zg==\n", "Zm9v=", "====", "Zm-v", "Z"}) {
        PaddedBytes decoded(pool);
        CHECK_FALSE(base64_decode(bad, decoded));
        CHECK(decoded.empty());
    }
    Random random(5);
    for (size_t size = 0; size < 100; ++size) {
        std::string bytes(size, ' ');
        for (auto& c : bytes) c = static_cast<char>(random.next());
        PaddedBytes encoded(pool), decoded(pool), again(pool);
        base64url_encode(bytes, encoded);
        REQUIRE(base64url_decode(encoded.text(), decoded));
        REQUIRE(decoded.text() == bytes);
        if (size % 3 == 0) continue;
        std::string other(encoded.text());
        other.back() = other.back() == 'A' ? 'B' : 'A';
        if (base64url_decode(other, again)) CHECK(again.text() != bytes);
    }
    PaddedBytes decoded(pool);
    CHECK_FALSE(base64url_decode("Zg==", decoded));
    CHECK_FALSE(base64url_decode("+/8", decoded));
}

TEST_CASE("a sealed text opens only whole, unchanged, with its key and for its purpose") {
    BufferPool pool;
    Aead::Key key{}, other{};
    key[0] = 1;
    const Aead aead(key), stranger(other);
    PaddedBytes sealed(pool), opened(pool);
    aead.seal("purpose", "the text", sealed);
    REQUIRE(aead.open("purpose", sealed.text(), opened));
    CHECK(opened.text() == "the text");
    opened.clear();
    CHECK_FALSE(aead.open("another", sealed.text(), opened));
    CHECK_FALSE(stranger.open("purpose", sealed.text(), opened));
    for (size_t i = 0; i < sealed.size(); ++i) {
        std::string changed(sealed.text());
        changed[i] = static_cast<char>(changed[i] ^ 1);
        CHECK_FALSE(aead.open("purpose", changed, opened));
        CHECK_FALSE(aead.open("purpose", sealed.text().substr(0, i), opened));
    }
    CHECK(opened.empty());
    PaddedBytes twice(pool);
    aead.seal("purpose", "the text", twice);
    CHECK(twice.text() != sealed.text());
}

TEST_CASE("secrets compare and vanish") {
    CHECK(equal_in_constant_time("abc", "abc"));
    CHECK_FALSE(equal_in_constant_time("abc", "abd"));
    CHECK_FALSE(equal_in_constant_time("abc", "ab"));
    unsigned char secret[4] = {1, 2, 3, 4};
    wipe(secret);
    CHECK(secret[0] + secret[1] + secret[2] + secret[3] == 0);
    unsigned char filled[32] = {};
    REQUIRE(fill_random(filled));
    CHECK(std::string_view(reinterpret_cast<char*>(filled), 32) != std::string_view(std::string(32, '\0')));
}
