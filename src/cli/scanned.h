// cli/scanned.h - a JSON text that came from elsewhere, scanned, with what it takes to look into it.
#pragma once

#include "base/bytes.h"
#include "base/workspace.h"
#include "json/scan.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace weir::cli {

struct Scanned {
    static constexpr size_t text_bytes_max = size_t{64} << 20;

    BufferPool pool;
    PaddedBytes text{pool};
    json::Scanner scanner{json::ScanLimits{.text_bytes_max = text_bytes_max, .depth_max = json::Scanner::depth_max}};
    json::Document document;
    Workspace space{pool};

    /// Once. False: it is no JSON that weir reads.
    bool scan(std::string_view from) {
        text.append(from);
        const auto scanned = scanner.scan(text.padded());
        if (scanned) document = *scanned;
        return scanned.has_value();
    }
    json::Value value() const { return json::Value::root(document); }
    /// The string `name` of an object; empty when it is not there.
    std::string member(std::string_view name) { return std::string(value().find(name).string(space)); }
};

} // namespace weir::cli
