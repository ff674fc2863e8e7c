// tests/mcp/schema.h - checks values against the JSON schemas that MCP publishes for its revisions (tests/data/mcp-schema).
//
// Not a validator for schemas in general: it knows the keywords that these use, and fails on any other.
#pragma once

#include "bench.h"

#include <memory>
#include <string>
#include <string_view>

namespace weir::mcp {

class Schema {
  public:
    /// The schema of `revision`; fails the test if there is none.
    explicit Schema(std::string_view revision);

    /// What is wrong with `value` as a `definition` of the schema; empty: nothing.
    std::string check(std::string_view definition, json::Value value);
    /// The same for a text, which must be one JSON value.
    std::string check_text(std::string_view definition, std::string_view text);

  private:
    std::string check_schema(json::Value schema, json::Value value, const std::string& at);
    std::string check_object(json::Value schema, json::Value value, const std::string& at);
    std::string check_type(json::Value types, json::Value value, const std::string& at);
    json::Value definition(std::string_view name);

    Bench schema_;
    Bench text_;
};

/// The octets of a file below tests/data; fails the test if it cannot be read.
std::string read_test_file(const std::string& path);

} // namespace weir::mcp
