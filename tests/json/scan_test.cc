// tests/json/scan_test.cc - what the strict scan takes and what it refuses, and with which error.
#include "json/scan.h"

#include <catch2/catch_test_macros.hpp>

#include <cstring>
#include <optional>
#include <string>

using namespace weir;
using namespace weir::json;

namespace {

/// The error of scanning `text`, or nothing if it is accepted. What lies behind the text is `behind`.
std::optional<Error> error_of(std::string_view text, char behind = '\0') {
    static Scanner scanner(ScanLimits{.text_bytes_max = 1 << 20});
    static BufferPool pool;
    PaddedBytes bytes(pool, text.size() + 64);
    bytes.append(text);
    std::memset(bytes.data() + bytes.size(), behind, padding_bytes);
    const auto document = scanner.scan(bytes.padded());
    if (document) return std::nullopt;
    return document.error();
}

} // namespace

TEST_CASE("good texts are taken, bad ones are refused with the reason") {
    CHECK_FALSE(error_of("{}"));
    CHECK_FALSE(error_of(" [ ] "));
    CHECK_FALSE(error_of("1"));
    CHECK_FALSE(error_of("\"x\""));
    CHECK(error_of("") == Error::json_syntax);
    CHECK(error_of("[1") == Error::json_syntax);
}
