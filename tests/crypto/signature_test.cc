// tests/crypto/signature_test.cc - what must hold: exactly the valid signatures of Wycheproof's vectors verify; keys that
// nobody should trust are not made; a signature of any other size, algorithm or text does not verify.
#include "crypto/signature.h"
#include "crypto/roca.h"
#include "json/scan.h"

#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

using namespace weir;
using namespace weir::crypto;

namespace {

/// One file of vectors and its Document.
struct Vectors {
    explicit Vectors(const std::string& name) : bytes(pool), space(pool) {
        std::ifstream file(WEIR_TEST_DATA "/wycheproof/" + name + "_test.json", std::ios::binary);
        REQUIRE(file);
        bytes.append(std::string{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()});
        const auto scanned = scanner.scan(bytes.padded());
        REQUIRE(scanned);
        document = *scanned;
    }
    std::string text(json::Value value) { return std::string(value.string(space)); }
    json::Value root() const { return json::Value::root(document); }

    BufferPool pool;
    PaddedBytes bytes;
    Workspace space;
    json::Scanner scanner{json::ScanLimits{}};
    json::Document document;
};

std::string unhex(std::string_view digits) {
    std::string bytes;
    for (size_t i = 0; i + 1 < digits.size(); i += 2)
        bytes.push_back(static_cast<char>(std::stoi(std::string(digits.substr(i, 2)), nullptr, 16)));
    return bytes;
}

/// Without the zeros in front that the vectors write; of `size` octets at least.
std::string unsigned_hex(std::string_view digits, size_t size = 0) {
    std::string bytes = unhex(digits);
    while (!bytes.empty() && bytes[0] == 0) bytes.erase(0, 1);
    if (bytes.size() < size) bytes.insert(0, size - bytes.size(), '\0');
    return bytes;
}

std::expected<PublicKey, KeyFault> key_of(json::Value group, Vectors& vectors, Curve curve) {
    const json::Value key = group.find("publicKey");
    if (key.find("modulus"))
        return PublicKey::rsa(unsigned_hex(vectors.text(key.find("modulus"))),
                              unsigned_hex(vectors.text(key.find("publicExponent"))));
    const size_t size = curve == Curve::p256 ? 32 : 48;
    return PublicKey::ec(curve, unsigned_hex(vectors.text(key.find("wx")), size),
                         unsigned_hex(vectors.text(key.find("wy")), size));
}

} // namespace

TEST_CASE("exactly the valid signatures of Wycheproof's vectors verify") {
    struct Row {
        std::string file;
        SignatureAlgorithm algorithm;
        Curve curve;
        size_t vectors;
    };
    const Row rows[] = {
        {"ecdsa_secp256r1_sha256_p1363", SignatureAlgorithm::es256, Curve::p256, 262},
        {"ecdsa_secp384r1_sha384_p1363", SignatureAlgorithm::es384, Curve::p384, 280},
        {"rsa_signature_2048_sha256", SignatureAlgorithm::rs256, Curve::p256, 259},
        {"rsa_pss_2048_sha256_mgf1_32", SignatureAlgorithm::ps256, Curve::p256, 108},
    };
    for (const Row& row : rows) {
        Vectors vectors(row.file);
        size_t seen = 0;
        for (const json::Value group : vectors.root().find("testGroups").elements()) {
            const auto key = key_of(group, vectors, row.curve);
            INFO(row.file);
            REQUIRE(key.has_value());
            for (const json::Value test : group.find("tests").elements()) {
                ++seen;
                const std::string result = vectors.text(test.find("result"));
                INFO(row.file << " " << test.find("tcId").raw() << " " << vectors.text(test.find("comment")));
                const bool valid = key->verify(row.algorithm, unhex(vectors.text(test.find("msg"))),
                                               unhex(vectors.text(test.find("sig"))));
                // `acceptable`: PKCS #1 without the NULL of the hash's parameters. We verify what RFC 8017 writes.
                CHECK(valid == (result == "valid"));
            }
        }
        CHECK(seen == row.vectors);
    }
}

TEST_CASE("a key verifies its own algorithms only, and signatures of its own size") {
    Vectors vectors("rsa_signature_2048_sha256");
    const json::Value group = vectors.root().find("testGroups").at(0);
    const auto key = key_of(group, vectors, Curve::p256);
    REQUIRE(key);
    CHECK(key->signature_bytes() == 256);
    const json::Value test = group.find("tests").at(1);
    const std::string text = unhex(vectors.text(test.find("msg"))), signature = unhex(vectors.text(test.find("sig")));
    REQUIRE(key->verify(SignatureAlgorithm::rs256, text, signature));
    for (size_t i = 0; i < signature_algorithms; ++i) {
        const auto algorithm = static_cast<SignatureAlgorithm>(i);
        CHECK(key->verify(algorithm, text, signature) == (algorithm == SignatureAlgorithm::rs256));
        CHECK(key->algorithms().has(algorithm) == (i < 6));
    }
    CHECK_FALSE(key->verify(SignatureAlgorithm::rs256, text + "x", signature));
    CHECK_FALSE(key->verify(SignatureAlgorithm::rs256, text, signature + '\0'));
    CHECK_FALSE(key->verify(SignatureAlgorithm::rs256, text, '\0' + signature));
    CHECK_FALSE(key->verify(SignatureAlgorithm::rs256, text, signature.substr(1)));
    CHECK_FALSE(key->verify(SignatureAlgorithm::rs256, text, ""));
}

TEST_CASE("one key serves several threads at a time") {
    Vectors vectors("rsa_signature_2048_sha256");
    const json::Value group = vectors.root().find("testGroups").at(0);
    const auto key = key_of(group, vectors, Curve::p256);
    REQUIRE(key);
    const json::Value test = group.find("tests").at(1);
    const std::string text = unhex(vectors.text(test.find("msg"))), signature = unhex(vectors.text(test.find("sig")));
    std::vector<size_t> good(3);
    std::vector<std::thread> threads;
    for (size_t& count : good)
        threads.emplace_back([&] {
            for (int i = 0; i < 20; ++i) count += key->verify(SignatureAlgorithm::rs256, text, signature);
        });
    for (std::thread& thread : threads) thread.join();
    CHECK(good == std::vector<size_t>(3, 20));
}

TEST_CASE("keys that nobody should trust are not made") {
    Vectors vectors("rsa_pss_2048_sha256_mgf1_32");
    const json::Value group = vectors.root().find("testGroups").at(0);
    const std::string modulus = unsigned_hex(vectors.text(group.find("publicKey").find("modulus")));
    const std::string e("\x01\x00\x01", 3);
    const auto fault = [](const auto& key) { return key.has_value() ? "none" : std::string(text_of(key.error())); };
    REQUIRE(fault(PublicKey::rsa(modulus, e)) == "none");
    CHECK(fault(PublicKey::rsa(modulus, "\x03")) == "none");
    CHECK(fault(PublicKey::rsa(modulus, "\x01")) == text_of(KeyFault::exponent));
    CHECK(fault(PublicKey::rsa(modulus, "\x04")) == text_of(KeyFault::exponent));
    CHECK(fault(PublicKey::rsa(modulus, std::string("\x02\x00\x00\x00\x01", 5))) == text_of(KeyFault::exponent));
    CHECK(fault(PublicKey::rsa(modulus, std::string("\x01\x00\x00\x00\x01", 5))) == "none");
    CHECK(fault(PublicKey::rsa(modulus, std::string("\0\x03", 2))) == text_of(KeyFault::malformed));
    CHECK(fault(PublicKey::rsa(modulus, "")) == text_of(KeyFault::malformed));
    CHECK(fault(PublicKey::rsa("", e)) == text_of(KeyFault::malformed));
    CHECK(fault(PublicKey::rsa('\0' + modulus, e)) == text_of(KeyFault::malformed));
    CHECK(fault(PublicKey::rsa(modulus.substr(1), e)) == text_of(KeyFault::too_small));
    std::string halved = modulus;
    halved[0] = '\x7f'; // 2047 bits
    CHECK(fault(PublicKey::rsa(halved, e)) == text_of(KeyFault::too_small));
    std::string even = modulus;
    even.back() = '\x02';
    CHECK(fault(PublicKey::rsa(even, e)) == text_of(KeyFault::malformed));
    std::string huge(1025, '\x11');
    CHECK(fault(PublicKey::rsa(huge, e)) == text_of(KeyFault::too_large));
    huge.resize(1024);
    huge[0] = '\xff';
    CHECK(fault(PublicKey::rsa(huge, e)) == "none");

    Vectors curve("ecdsa_secp256r1_sha256_p1363");
    const json::Value point = curve.root().find("testGroups").at(0).find("publicKey");
    const std::string x = unsigned_hex(curve.text(point.find("wx")), 32),
                      y = unsigned_hex(curve.text(point.find("wy")), 32);
    REQUIRE(fault(PublicKey::ec(Curve::p256, x, y)) == "none");
    CHECK(fault(PublicKey::ec(Curve::p256, y, x)) == text_of(KeyFault::off_curve));
    CHECK(fault(PublicKey::ec(Curve::p256, std::string(32, '\0'), std::string(32, '\0'))) ==
          text_of(KeyFault::off_curve));
    CHECK(fault(PublicKey::ec(Curve::p256, std::string(32, '\xff'), y)) != "none");
    CHECK(fault(PublicKey::ec(Curve::p384, x, y)) == text_of(KeyFault::malformed));
    CHECK(fault(PublicKey::ec(Curve::p256, '\0' + x, y)) == text_of(KeyFault::malformed));
    CHECK(fault(PublicKey::ec(Curve::p256, x.substr(1), y)) == text_of(KeyFault::malformed));
}

TEST_CASE("moduli of the ROCA family are told from others") {
    // Powers of 65537 modulo every prime at once: numbers that are themselves such powers.
    for (const std::string_view power : {std::string_view("\x01"), std::string_view("\x01\x00\x01", 3),
                                         std::string_view("\x01\x00\x02\x00\x01", 5)}) // 1, 65537, 65537 squared
        CHECK(has_roca_fingerprint(power));
    CHECK_FALSE(has_roca_fingerprint("\x03"));
    Vectors vectors("rsa_pss_2048_sha256_mgf1_32");
    const json::Value key = vectors.root().find("testGroups").at(0).find("publicKey");
    CHECK_FALSE(has_roca_fingerprint(unsigned_hex(vectors.text(key.find("modulus")))));
}

TEST_CASE("algorithms go by their exact names") {
    for (size_t i = 0; i < signature_algorithms; ++i) {
        const auto algorithm = static_cast<SignatureAlgorithm>(i);
        CHECK(signature_algorithm(name_of(algorithm)) == algorithm);
    }
    for (const std::string_view name : {"none", "", "rs256", "RS256 ", "HS256", "ES512", "ES256K", "EdDSA", "RS1"})
        CHECK_FALSE(signature_algorithm(name).has_value());
}
