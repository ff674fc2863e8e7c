// tests/json/scanned.h - a text, its Document, and what they live in.
#pragma once

#include "json/canonical.h"
#include "json/edit.h"
#include "json/scan.h"

#include <catch2/catch_test_macros.hpp>

#include <cstring>
#include <optional>
#include <string>
#include <vector>

namespace weir::json {

struct Scanned {
    explicit Scanned(std::string_view text) : bytes(pool) {
        bytes.append(text);
        const auto result = scanner.scan(bytes.padded());
        REQUIRE(result);
        document = *result;
    }
    Value root() const { return Value::root(document); }
    /// The text as it is after `edits`, in any order.
    std::string with(std::vector<Edit> edits) {
        sort_edits(edits);
        PaddedBytes out(pool);
        serialise(document, edits, out);
        return std::string(out.text());
    }
    std::string canonical_form() {
        Workspace space(pool);
        PaddedBytes out(pool);
        REQUIRE(canonical(root(), size_t{1} << 24, space, out));
        return std::string(out.text());
    }

    BufferPool pool;
    PaddedBytes bytes;
    Scanner scanner{ScanLimits{.text_bytes_max = 4 << 20}};
    Document document;
};

/// The error of scanning `text`, or nothing if it is accepted. The padding behind the text is filled with `behind`.
inline std::optional<Error> error_of(std::string_view text, char behind = '\0') {
    static Scanner scanner(ScanLimits{.text_bytes_max = 4 << 20});
    static BufferPool pool;
    PaddedBytes bytes(pool, text.size() + padding_bytes);
    bytes.append(text);
    std::memset(bytes.data() + bytes.size(), behind, padding_bytes);
    const auto document = scanner.scan(bytes.padded());
    if (document) return std::nullopt;
    return document.error();
}

} // namespace weir::json
