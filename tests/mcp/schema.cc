// tests/mcp/schema.cc - JSON Schema, as far as MCP's schemas go.
#include "schema.h"

#include <catch2/catch_test_macros.hpp>

#include <fstream>
#include <set>
#include <sstream>

namespace weir::mcp {
namespace {

using json::Value;

const std::set<std::string_view> known_keywords = {"$ref",        "additionalProperties",
                                                   "allOf",       "anyOf",
                                                   "const",       "default",
                                                   "description", "enum",
                                                   "format",      "items",
                                                   "maxItems",    "maximum",
                                                   "minimum",     "properties",
                                                   "required",    "type"};

bool is_integer(Value value) { return value.is(json::Kind::number) && value.integer().has_value(); }

bool has_type(Value value, std::string_view type) {
    if (type == "string") return value.is(json::Kind::string);
    if (type == "integer") return is_integer(value);
    if (type == "number") return value.is(json::Kind::number);
    if (type == "boolean") return value.is(json::Kind::boolean);
    if (type == "null") return value.is(json::Kind::null);
    if (type == "array") return value.is(json::Kind::array);
    if (type == "object") return value.is(json::Kind::object);
    FAIL("unknown type " << type);
    return false;
}

/// Equal scalars; MCP's schemas compare no others.
bool same_scalar(Value left, Value right, Workspace& space) {
    if (left.is(json::Kind::string)) return right.is(json::Kind::string) && left.string(space) == right.string(space);
    return left.kind() == right.kind() && left.raw() == right.raw();
}

} // namespace

std::string read_test_file(const std::string& path) {
    std::ifstream file(std::string(WEIR_TEST_DATA "/") + path, std::ios::binary);
    REQUIRE(file.good());
    std::stringstream content;
    content << file.rdbuf();
    return content.str();
}

Schema::Schema(std::string_view revision) {
    REQUIRE(schema_.scan(read_test_file("mcp-schema/" + std::string(revision) + "/schema.json")).has_value());
}

Value Schema::definition(std::string_view name) {
    const Value root = Value::root(schema_.document);
    Value definitions = root.find("$defs");
    if (!definitions) definitions = root.find("definitions");
    const Value found = definitions.find(name);
    INFO("definition " << name);
    REQUIRE(static_cast<bool>(found));
    return found;
}

std::string Schema::check(std::string_view name, Value value) {
    return check_schema(definition(name), value, std::string(name));
}

std::string Schema::check_text(std::string_view name, std::string_view text) {
    const auto value = text_.scan(text);
    if (!value) return "not JSON";
    return check(name, *value);
}

std::string Schema::check_type(Value types, Value value, const std::string& at) {
    if (!types) return {};
    if (types.is(json::Kind::string))
        return has_type(value, types.string(schema_.space)) ? "" : at + ": not of type " + std::string(types.raw());
    for (const Value type : types.elements())
        if (has_type(value, type.string(schema_.space))) return {};
    return at + ": none of the types " + std::string(types.raw());
}

std::string Schema::check_object(Value schema, Value value, const std::string& at) {
    for (const Value name : schema.find("required").elements())
        if (!value.find(name.string(schema_.space))) return at + ": lacks " + std::string(name.raw());
    const Value properties = schema.find("properties"), others = schema.find("additionalProperties");
    for (const auto [name, member] : value.members()) {
        const std::string text(name.string(text_.space));
        if (const Value property = properties.find(text)) {
            if (auto wrong = check_schema(property, member, at + "." + text); !wrong.empty()) return wrong;
        } else if (others.is(json::Kind::boolean) && !others.boolean()) {
            return at + ": has " + text + " as well";
        } else if (others.is(json::Kind::object)) {
            if (auto wrong = check_schema(others, member, at + "." + text); !wrong.empty()) return wrong;
        }
    }
    return {};
}

std::string Schema::check_schema(Value schema, Value value, const std::string& at) {
    for (const auto [keyword, unused] : schema.members()) {
        INFO("keyword " << keyword.raw());
        REQUIRE(known_keywords.contains(keyword.string(schema_.space)));
    }
    if (const Value reference = schema.find("$ref")) {
        std::string_view path = reference.string(schema_.space);
        path.remove_prefix(path.rfind('/') + 1);
        if (auto wrong = check_schema(definition(path), value, at); !wrong.empty()) return wrong;
    }
    if (auto wrong = check_type(schema.find("type"), value, at); !wrong.empty()) return wrong;
    if (const Value constant = schema.find("const"); constant && !same_scalar(constant, value, text_.space))
        return at + ": not " + std::string(constant.raw());
    if (const Value choices = schema.find("enum")) {
        bool any = false;
        for (const Value choice : choices.elements()) any = any || same_scalar(choice, value, text_.space);
        if (!any) return at + ": none of " + std::string(choices.raw());
    }
    for (const Value part : schema.find("allOf").elements())
        if (auto wrong = check_schema(part, value, at); !wrong.empty()) return wrong;
    if (const Value parts = schema.find("anyOf")) {
        std::string all;
        bool any = false;
        for (const Value part : parts.elements()) {
            const auto wrong = check_schema(part, value, at);
            any = any || wrong.empty();
            all += "\n  " + wrong;
        }
        if (!any) return at + ": fits nothing of anyOf:" + all;
    }
    if (value.is(json::Kind::number)) {
        if (const auto least = schema.find("minimum").number(); least && *value.number() < *least)
            return at + ": too small";
        if (const auto most = schema.find("maximum").number(); most && *value.number() > *most)
            return at + ": too large";
    }
    if (value.is(json::Kind::array)) {
        if (const auto most = schema.find("maxItems").integer(); most && value.count() > static_cast<size_t>(*most))
            return at + ": too many items";
        if (const Value items = schema.find("items"))
            for (const Value element : value.elements())
                if (auto wrong = check_schema(items, element, at + "[]"); !wrong.empty()) return wrong;
    }
    return value.is(json::Kind::object) ? check_object(schema, value, at) : std::string();
}

} // namespace weir::mcp
