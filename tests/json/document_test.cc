// tests/json/document_test.cc - what a Value answers, about something and about nothing.
#include "json/escape.h"
#include "scanned.h"

#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <string>
#include <vector>

using namespace weir;
using namespace weir::json;

TEST_CASE("members are found by their decoded name, at any place") {
    Scanned text(R"({"a":1,"inner":{"a":2,"n\u0061me":"x"},"list":[1,[2,3],{"z":null}],"":true,"last":false})");
    const Value root = text.root();
    CHECK(root.count() == 5);
    CHECK(root.find("a").integer() == 1);
    CHECK(root.find("inner").find("a").integer() == 2);
    CHECK(root.find("inner").find("name").equals("x"));
    CHECK(root.find("list").at(1).at(1).integer() == 3);
    CHECK(root.find("list").at(2).find("z").kind() == Kind::null);
    CHECK(root.find("").boolean());
    CHECK(root.find("last").is(Kind::boolean));
    CHECK_FALSE(root.find("last").boolean());
    CHECK_FALSE(root.find("missing"));
    CHECK_FALSE(root.find("list").at(3));
    CHECK(root.find("list").raw() == R"([1,[2,3],{"z":null}])");
    CHECK(root.find("inner").raw() == R"({"a":2,"n\u0061me":"x"})");
}

TEST_CASE("nothing answers every question with nothing") {
    const Value nothing;
    BufferPool pool;
    Workspace space(pool);
    CHECK_FALSE(nothing);
    CHECK_FALSE(nothing.is(Kind::null));
    CHECK(nothing.raw().empty());
    CHECK(nothing.undecoded().empty());
    CHECK(nothing.string(space).empty());
    CHECK_FALSE(nothing.escaped());
    CHECK_FALSE(nothing.equals(""));
    CHECK_FALSE(nothing.boolean());
    CHECK_FALSE(nothing.integer());
    CHECK_FALSE(nothing.number());
    CHECK_FALSE(nothing.find("a").at(0).find("b"));
    CHECK(nothing.count() == 0);
    for (const Value element : nothing.elements()) FAIL("an element at " << element.index());
    for (const Value::Member member : nothing.members()) FAIL("a member at " << member.name.index());
}

TEST_CASE("strings decode, and compare without decoding") {
    Scanned text(R"(["plain","\"\\\/\b\f\n\r\t","\u00e9\u20ac\ud83d\ude00 \u0000.","",7])");
    const Value root = text.root();
    BufferPool pool;
    Workspace space(pool);
    CHECK(root.at(0).string(space).data() == root.at(0).undecoded().data());
    CHECK(root.at(0).raw() == "\"plain\"");
    CHECK(root.at(1).string(space) == "\"\\/\b\f\n\r\t");
    CHECK(root.at(1).equals("\"\\/\b\f\n\r\t"));
    CHECK_FALSE(root.at(1).equals("\"\\/\b\f\n\r"));
    const std::string wide("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80 \0.", 12);
    CHECK(root.at(2).string(space) == wide);
    CHECK(root.at(2).equals(wide));
    CHECK_FALSE(root.at(2).equals(wide + "x"));
    CHECK(root.at(3).equals(""));
    CHECK(root.at(3).string(space).empty());
    CHECK_FALSE(root.at(4).equals("7"));
    CHECK(root.at(4).string(space).empty());
}

TEST_CASE("escapes are found and decoded at every place, alone and in company") {
    const std::pair<std::string_view, std::string_view> pieces[] = {
        {"x", "x"},
        {"0123456789", "0123456789"},
        {"\\\\", "\\"},
        {"\\\"", "\""},
        {"\\n", "\n"},
        {"\\/", "/"},
        {"\\u0041", "A"},
        {"\\u00e9", "\xc3\xa9"},
        {"\\ud83d\\ude00", "\xf0\x9f\x98\x80"},
        {"\xe2\x82\xac", "\xe2\x82\xac"},
    };
    BufferPool pool;
    Workspace space(pool);
    for (size_t before = 0; before < 36; ++before) {
        for (const auto& [first, first_decoded] : pieces) {
            for (const auto& [second, second_decoded] : pieces) {
                std::string escaped(before, '.'), decoded(before, '.');
                for (int times = 0; times < 3; ++times) {
                    escaped.append(first).append(second);
                    decoded.append(first_decoded).append(second_decoded);
                }
                Scanned text("[\"" + escaped + "\",1]");
                const Value string = text.root().at(0);
                if (string.string(space) != decoded || !string.equals(decoded)) FAIL(escaped);
                PaddedBytes minimal(pool);
                quote(decoded, minimal);
                if (text.with({}) != "[" + std::string(minimal.text()) + ",1]") FAIL(escaped);
                for (const char cut : {'\\', '\x1f', '\n'}) // whatever is wrong at the end is noticed
                    if (error_of("[\"" + escaped + cut + "\",1]") != Error::json_syntax) FAIL(escaped);
                if (error_of("[\"" + escaped + "\\ud83d\",1]") != Error::json_surrogate) FAIL(escaped);
                if (error_of("[\"" + escaped + "\\x\",1]") != Error::json_syntax) FAIL(escaped);
            }
        }
    }
}

TEST_CASE("numbers keep their text and convert only where they fit") {
    Scanned text(
        "[0,-0,9223372036854775807,-9223372036854775808,9223372036854775808,1.0,1e2,-2.5e-1,1e-999,-1e-999,"
        "12345678901234567890123]");
    const Value root = text.root();
    CHECK(root.at(0).integer() == 0);
    CHECK(root.at(1).integer() == 0);
    CHECK(root.at(2).integer() == INT64_MAX);
    CHECK(root.at(3).integer() == INT64_MIN);
    CHECK_FALSE(root.at(4).integer());
    CHECK_FALSE(root.at(5).integer());
    CHECK_FALSE(root.at(6).integer());
    CHECK(root.at(6).number() == 100.0);
    CHECK(root.at(7).number() == -0.25);
    CHECK(root.at(8).number() == 0.0);
    CHECK(std::signbit(*root.at(9).number()));
    CHECK(root.at(10).raw() == "12345678901234567890123");
}

TEST_CASE("iteration visits every element and member once, in order") {
    Scanned text(R"({"a":[],"b":{},"c":[[],{}],"d":{"e":[1]}})");
    std::string names;
    for (const auto [name, value] : text.root().members()) {
        names += name.undecoded();
        names += std::to_string(value.count());
    }
    CHECK(names == "a0b0c2d1");
    std::vector<std::string_view> elements;
    for (const Value element : text.root().find("c").elements()) elements.push_back(element.raw());
    CHECK(elements == std::vector<std::string_view>{"[]", "{}"});
}

TEST_CASE("arrays of more than 65,535 elements are counted all the same") {
    std::string list = "[0";
    for (int i = 1; i < 70'000; ++i) list += ",1";
    list += "]";
    Scanned text(list);
    CHECK(text.root().count() == 70'000);
    CHECK(text.root().at(69'999).integer() == 1);
}
