// tests/net/certificates.h - keys and certificates made at test time by openssl(1), in a directory that goes afterwards.
#pragma once

#include "base/file.h"
#include "net/tls_setup.h"

#include <catch2/catch_test_macros.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace weir::net::test {

struct Certificates {
    Certificates() {
        char pattern[] = "/tmp/weir-tls-XXXXXX";
        REQUIRE(::mkdtemp(pattern) != nullptr);
        directory = pattern;
        run("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -subj /CN=Root "
            "-days 30 -addext basicConstraints=critical,CA:TRUE");
        run("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout other.key -out other.pem "
            "-subj /CN=Other -days 30 -addext basicConstraints=critical,CA:TRUE");
    }
    ~Certificates() { std::filesystem::remove_all(directory); }
    Certificates(const Certificates&) = delete;
    Certificates& operator=(const Certificates&) = delete;

    void run(const std::string& arguments) const {
        const std::string command = "cd " + directory + " && exec 2>log && { openssl " + arguments + "\n}";
        REQUIRE(std::system(command.c_str()) == 0);
    }
    std::string text(const std::string& file) const { return read_whole_file(directory + "/" + file, 1 << 20).value(); }
    /// A key of `kind` and a certificate by `authority` for `names` ("DNS:a,IP:127.0.0.1").
    TlsCertificateText make(const std::string& stem, const std::string& names, const std::string& kind = ec,
                            const std::string& authority = "ca", int days = 20) const {
        run("req -new -newkey " + kind + " -nodes -keyout " + stem + ".key -out " + stem + ".csr -subj /CN=" + stem);
        const std::string sign = "x509 -req -in " + stem + ".csr -CA " + authority + ".pem -CAkey " + authority +
                                 ".key -CAcreateserial -out " + stem + ".pem -extfile " + stem + ".ext ";
        std::ofstream(directory + "/" + stem + ".ext") << "subjectAltName=" << names << "\nbasicConstraints=CA:FALSE\n";
        // Before 3.4 openssl knows no other way to an end in the past than these days, and since then not these.
        const std::string past = " || openssl " + sign + "-not_before 20200101000000Z -not_after 20200102000000Z";
        run(sign + "-days " + std::to_string(days) + (days < 0 ? past : ""));
        return {text(stem + ".pem"), text(stem + ".key")};
    }
    static constexpr const char* ec = "ec -pkeyopt ec_paramgen_curve:P-256";
    static constexpr const char* rsa = "rsa:2048";
    std::string directory;
};

/// The same for all tests of a process: making keys takes longer than testing.
inline const Certificates& certificates() {
    static const Certificates made;
    return made;
}

} // namespace weir::net::test
