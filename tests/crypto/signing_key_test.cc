// tests/crypto/signing_key_test.cc - what must hold: what is signed verifies with the public half, by others' means too; keys
// that weir does not sign with are refused in words that do not repeat them.
//
// Keys are made by openssl(1), which also verifies.
#include "crypto/signing_key.h"

#include <catch2/catch_test_macros.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

using namespace weir::crypto;

namespace {

struct Keys {
    Keys() {
        char pattern[] = "/tmp/weir-keys-XXXXXX";
        REQUIRE(::mkdtemp(pattern) != nullptr);
        directory = pattern;
    }
    ~Keys() { std::filesystem::remove_all(directory); }
    Keys(const Keys&) = delete;
    Keys& operator=(const Keys&) = delete;
    bool run(const std::string& arguments) const {
        return std::system(("cd " + directory + " && exec >log 2>&1 && openssl " + arguments).c_str()) == 0;
    }
    std::string make(const std::string& kind) const {
        REQUIRE(run("genpkey -out key.pem " + kind));
        return read("key.pem");
    }
    std::string read(const std::string& name) const {
        std::ifstream file(directory + "/" + name, std::ios::binary);
        return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    }
    void write(const std::string& name, const std::string& content) const {
        std::ofstream(directory + "/" + name, std::ios::binary) << content;
    }
    std::string directory;
};

const std::string p256 = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256";

} // namespace

TEST_CASE("a key on P-256 signs ES256: both numbers side by side, of any size that they happen to have") {
    const Keys keys;
    auto key = SigningKey::read(keys.make(p256));
    REQUIRE(key);
    CHECK(key->algorithm() == SignatureAlgorithm::es256);
    REQUIRE(keys.run("pkey -in key.pem -pubout -outform DER -out public.der"));
    const std::string der = keys.read("public.der");
    REQUIRE(der.size() > 65);
    const auto known = PublicKey::ec(Curve::p256, der.substr(der.size() - 64, 32), der.substr(der.size() - 32));
    REQUIRE(known);
    for (int i = 0; i < 300; ++i) { // One in 128 has a number with a zero in front.
        const std::string text = "what is signed " + std::to_string(i), signature = key->sign(text);
        REQUIRE(signature.size() == 64);
        REQUIRE(known->verify(SignatureAlgorithm::es256, text, signature));
        REQUIRE_FALSE(known->verify(SignatureAlgorithm::es256, text + "x", signature));
    }
}

TEST_CASE("an RSA key signs RS256, in either form of PEM") {
    const Keys keys;
    const std::string pem = keys.make("-algorithm RSA -pkeyopt rsa_keygen_bits:2048");
    REQUIRE(keys.run("rsa -in key.pem -traditional -out old.pem"));
    REQUIRE(keys.run("pkey -in key.pem -pubout -out public.pem"));
    REQUIRE(keys.read("old.pem").starts_with("-----BEGIN RSA PRIVATE KEY-----"));
    for (const std::string& text : {pem, keys.read("old.pem")}) {
        auto key = SigningKey::read(text);
        REQUIRE(key);
        CHECK(key->algorithm() == SignatureAlgorithm::rs256);
        keys.write("text", "what is signed");
        keys.write("signature", key->sign("what is signed"));
        CHECK(keys.run("dgst -sha256 -verify public.pem -signature signature text"));
        keys.write("text", "what is not");
        CHECK_FALSE(keys.run("dgst -sha256 -verify public.pem -signature signature text"));
    }
}

TEST_CASE("other keys are refused, and so is what is none") {
    const Keys keys;
    const auto why = [](const std::string& pem) {
        const auto key = SigningKey::read(pem);
        return key ? std::string() : key.error();
    };
    CHECK(why(keys.make("-algorithm RSA -pkeyopt rsa_keygen_bits:1024")).find("another size") != std::string::npos);
    CHECK(why(keys.make("-algorithm EC -pkeyopt ec_paramgen_curve:P-384")).find("neither") != std::string::npos);
    CHECK(why(keys.make(p256 + " -aes256 -pass pass:x")).find("encrypted") != std::string::npos);
    CHECK(why("s3cret") == "it is no private key (PEM)");
    CHECK(why("") == "it is no private key (PEM)");
    keys.make(p256);
    REQUIRE(keys.run("pkey -in key.pem -pubout -out public.pem"));
    CHECK(why(keys.read("public.pem")) == "it is no private key (PEM)");
}
