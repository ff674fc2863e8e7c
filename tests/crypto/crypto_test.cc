// tests/crypto/crypto_test.cc - what must hold: SHA-256, HMAC and AES-GCM give what their standards publish; both ways of
// SHA-256 agree on every size; base64 takes exactly what encoding gives; a sealed text opens only as it was.
#include "base/random.h"
#include "crypto/aead.h"
#include "crypto/base64.h"
#include "crypto/hex.h"
#include "crypto/secret.h"
#include "crypto/sha256.h"
#include "crypto/sha256_blocks.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

using namespace weir;
using namespace weir::crypto;

namespace {

std::string hex(std::string_view bytes) {
    std::string text(bytes.size() * 2, ' ');
    write_hex(bytes, text.data());
    return text;
}

std::string unhex(std::string_view digits) {
    std::string bytes;
    for (size_t i = 0; i + 1 < digits.size(); i += 2)
        bytes.push_back(static_cast<char>(std::stoi(std::string(digits.substr(i, 2)), nullptr, 16)));
    return bytes;
}

std::string random_text(Random& random, size_t size) {
    std::string text(size, ' ');
    for (char& octet : text) octet = static_cast<char>(random.below(256));
    return text;
}

} // namespace

TEST_CASE("SHA-256 of the standard's examples") {
    struct Row {
        std::string text, digest;
    };
    const auto row = GENERATE(values<Row>({
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqr"
         "stu",
         "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
        {std::string(1'000'000, 'a'), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
    }));
    CHECK(hex(bytes_of(Sha256::of(row.text))) == row.digest);
}

TEST_CASE("SHA-256 does not care how its text was cut") {
    Random random(7);
    const std::string text = random_text(random, 300);
    const Digest whole = Sha256::of(text);
    for (size_t cut = 0; cut <= text.size(); ++cut) {
        Sha256 hash;
        hash.update(std::string_view(text).substr(0, cut));
        const Sha256 begun = hash;
        hash.update(std::string_view(text).substr(cut));
        CHECK(hash.finish() == whole);
        Sha256 again = begun; // a copy goes on from where it was taken
        again.update(std::string_view(text).substr(cut));
        CHECK(again.finish() == whole);
    }
}

TEST_CASE("the processor's SHA-256 equals the portable one") {
    const auto native = sha256_blocks_native();
    if (native == nullptr) SKIP("this processor has no SHA instructions");
    Random random(11);
    for (size_t blocks = 1; blocks <= 40; ++blocks) {
        const std::string text = random_text(random, blocks * 64);
        std::array<uint32_t, 8> one{}, other{};
        for (size_t i = 0; i < 8; ++i) one[i] = other[i] = static_cast<uint32_t>(random.next());
        sha256_blocks_portable(one.data(), reinterpret_cast<const uint8_t*>(text.data()), blocks);
        native(other.data(), reinterpret_cast<const uint8_t*>(text.data()), blocks);
        CHECK(one == other);
    }
}

TEST_CASE("striped hashes are those of the even and the odd KiB, however the text comes in") {
    Random random(12);
    for (const size_t size : {0, 1, 63, 64, 1023, 1024, 1025, 2047, 2048, 2049, 3072, 4096, 5000, 10'240, 100'003}) {
        const std::string text = random_text(random, size);
        std::string lanes[2];
        for (size_t at = 0; at < size; ++at) lanes[at / 1024 % 2] += text[at];
        for (const size_t piece : {size_t{1}, size_t{40}, size_t{1024}, size_t{1500}, size_t{4096}, size + 1}) {
            Sha256Striped striped;
            for (size_t at = 0; at < size; at += piece) striped.update(std::string_view(text).substr(at, piece));
            const auto digests = striped.finish();
            INFO(size << " octets by " << piece);
            CHECK(digests.even == Sha256::of(lanes[0]));
            CHECK(digests.odd == Sha256::of(lanes[1]));
        }
    }
}

TEST_CASE("HMAC-SHA-256 of RFC 4231") {
    CHECK(hex(bytes_of(hmac_sha256(std::string(20, '\x0b'), "Hi There"))) ==
          "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    CHECK(hex(bytes_of(hmac_sha256("Jefe", "what do ya want for nothing?"))) ==
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    CHECK(hex(bytes_of(
              hmac_sha256(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First"))) ==
          "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST_CASE("AES-256-GCM of the standard's test cases 13 to 16") {
    struct Row {
        std::string key, nonce, along, plain, sealed;
    };
    // McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B.
    const std::string key = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308";
    const std::string plain =
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255";
    const std::string cipher =
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad";
    const Row rows[] = {
        {std::string(64, '0'), std::string(24, '0'), "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
        {std::string(64, '0'), std::string(24, '0'), "", std::string(32, '0'),
         "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"},
        {key, "cafebabefacedbaddecaf888", "", plain, cipher + "b094dac5d93471bdec1a502270e3cc6c"},
        {key, "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2", plain.substr(0, 120),
         cipher.substr(0, 120) + "76fc6ece0f4e1768cddf8853bb2d551b"},
    };
    for (const Row& row : rows) {
        const std::string octets = unhex(row.key);
        std::array<uint8_t, Aead::key_bytes> key_octets;
        std::copy(octets.begin(), octets.end(), key_octets.begin());
        Aead aead(key_octets);
        const std::string nonce = unhex(row.nonce), along = unhex(row.along), text = unhex(row.plain);
        std::string sealed(text.size() + Aead::tag_bytes, ' ');
        aead.seal(nonce, along, text, sealed.data());
        CHECK(hex(sealed) == row.sealed);
        std::string opened(sealed.size(), ' ');
        const auto size = aead.open(nonce, along, sealed, opened.data());
        REQUIRE(size.has_value());
        CHECK(opened.substr(0, *size) == text);
    }
}

TEST_CASE("what differs anywhere from what was sealed does not open") {
    std::array<uint8_t, Aead::key_bytes> key{};
    REQUIRE(fill_random(key));
    Aead aead(key);
    const std::string nonce(Aead::nonce_bytes, 'n'), along = "along", plain = "what is meant";
    std::string sealed(plain.size() + Aead::tag_bytes, ' ');
    aead.seal(nonce, along, plain, sealed.data());
    std::string to(sealed.size(), ' ');
    REQUIRE(aead.open(nonce, along, sealed, to.data()).has_value());
    for (size_t i = 0; i < sealed.size(); ++i) {
        std::string changed = sealed;
        changed[i] = static_cast<char>(changed[i] ^ 1);
        CHECK(aead.open(nonce, along, changed, to.data()).error() == Error::seal_invalid);
        CHECK(aead.open(nonce, along, std::string_view(sealed).substr(0, i), to.data()).error() == Error::seal_invalid);
    }
    CHECK(aead.open(nonce, "alone", sealed, to.data()).error() == Error::seal_invalid);
    CHECK(aead.open(std::string(Aead::nonce_bytes, 'm'), along, sealed, to.data()).error() == Error::seal_invalid);
    CHECK(aead.open("short", along, sealed, to.data()).error() == Error::seal_invalid);
}

TEST_CASE("base64 of RFC 4648") {
    struct Row {
        std::string octets, standard, url;
    };
    const Row rows[] = {
        {"", "", ""},
        {"f", "Zg==", "Zg"},
        {"fo", "Zm8=", "Zm8"},
        {"foo", "Zm9v", "Zm9v"},
        {"foob", "Zm9vYg==", "Zm9vYg"},
        {"fooba", "Zm9vYmE=", "Zm9vYmE"},
        {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
        {"\xff\xfe\xfd", "//79", "__79"},
        {"\xfb\xef\xbe", "++++", "----"},
    };
    for (const Row& row : rows) {
        std::string standard(base64_size(row.octets.size()), ' '), url(base64url_size(row.octets.size()), ' ');
        CHECK(encode_base64(row.octets, standard.data()) == standard.data() + standard.size());
        CHECK(standard == row.standard);
        CHECK(encode_base64url(row.octets, url.data()) == url.data() + url.size());
        CHECK(url == row.url);
        std::string to(base64_decoded_max(standard.size()), ' ');
        CHECK(to.substr(0, decode_base64(standard, to.data()).value()) == row.octets);
        CHECK(to.substr(0, decode_base64url(url, to.data()).value()) == row.octets);
    }
}

TEST_CASE("base64 that no encoder writes is refused") {
    std::array<char, 64> to;
    for (const std::string_view text : {"Zg", "Zg=", "Zg===", "Z===", "====", "=", "Zh==", "Zm9=", "Zm8==", "Zg==Zg==",
                                        "Zm9v\n", "Zm 9", "Zm9v====", "Zm-_", "Zm9\xc3"}) {
        INFO(text);
        CHECK(decode_base64(text, to.data()).error() == Error::invalid);
    }
    for (const std::string_view text : {"Z", "Zh", "Zm9", "Zg==", "Zm8=", "Zm9v\n", "Zm+/", "Zm9vY", " Zg"}) {
        INFO(text);
        CHECK(decode_base64url(text, to.data()).error() == Error::invalid);
    }
}

TEST_CASE("base64 brings any octets back") {
    Random random(3);
    for (size_t size = 0; size < 200; ++size) {
        const std::string octets = random_text(random, size);
        std::string url(base64url_size(size), ' '), standard(base64_size(size), ' ');
        encode_base64url(octets, url.data());
        encode_base64(octets, standard.data());
        std::string to(base64_decoded_max(standard.size()), ' ');
        CHECK(to.substr(0, decode_base64url(url, to.data()).value()) == octets);
        CHECK(to.substr(0, decode_base64(standard, to.data()).value()) == octets);
    }
}

TEST_CASE("secrets: random octets differ, comparing is exact, wiping leaves zeros") {
    std::array<unsigned char, 32> one{}, other{};
    REQUIRE(fill_random(one));
    REQUIRE(fill_random(other));
    CHECK(one != other);
    CHECK(random_u64() != random_u64());
    CHECK(equal_in_constant_time("secret", "secret"));
    CHECK(equal_in_constant_time("", ""));
    CHECK_FALSE(equal_in_constant_time("secret", "secreT"));
    CHECK_FALSE(equal_in_constant_time("secret", "secret2"));
    wipe(one);
    CHECK(std::all_of(one.begin(), one.end(), [](unsigned char octet) { return octet == 0; }));
}
