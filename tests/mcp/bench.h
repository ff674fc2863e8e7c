// tests/mcp/bench.h - what the tests of mcp put texts on: a scanner, a workspace and the memory behind them.
#pragma once

#include "base/bytes.h"
#include "base/workspace.h"
#include "json/scan.h"
#include "mcp/message.h"

#include <string_view>

namespace weir::mcp {

/// Holds the text, the document and what was decoded of it until the next scan.
struct Bench {
    BufferPool pool;
    Workspace space{pool};
    json::Scanner scanner{json::ScanLimits{}};
    PaddedBytes text{pool};
    json::Document document;
    json::Value id;
    std::string_view problem;

    Result<json::Value> scan(std::string_view source) {
        text.clear();
        text.append(source);
        const auto scanned = scanner.scan(text.padded());
        if (!scanned) return fail(scanned.error());
        document = *scanned;
        return json::Value::root(document);
    }
    Result<Message> read(std::string_view source) {
        id = {};
        problem = {};
        const auto root = scan(source);
        if (!root) return fail(root.error());
        return read_message(*root, space, id, &problem);
    }
};

} // namespace weir::mcp
