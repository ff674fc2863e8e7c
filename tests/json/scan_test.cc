// tests/json/scan_test.cc - what the strict scan takes and what it refuses, and with which error: tables by hand, the
// limits, names given twice in objects of every size, and every octet that may lie behind a text.
#include "json/scan.h"

#include "json/number.h"
#include "json/sweep.h"
#include "json/utf8.h"
#include "reference.h"
#include "scanned.h"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <string>

using namespace weir;
using namespace weir::json;

namespace {

size_t allocations = 0;

std::string repeated(std::string_view text, size_t times) {
    std::string all;
    while (times-- != 0) all += text;
    return all;
}

/// An object of `count` members with distinct names, and `more` behind them.
std::string object_of(size_t count, std::string_view more = "") {
    std::string text = "{";
    for (size_t i = 0; i < count; ++i) text += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":" + std::to_string(i);
    return text.append(more) + "}";
}

} // namespace

void* operator new(size_t size) {
    ++allocations;
    if (void* at = std::malloc(size)) return at;
    throw std::bad_alloc();
}
void* operator new(size_t size, const std::nothrow_t&) noexcept {
    ++allocations;
    return std::malloc(size);
}
void operator delete(void* at) noexcept { std::free(at); }
void operator delete(void* at, size_t) noexcept { std::free(at); }

TEST_CASE("RFC 8259's grammar is taken whole and nothing beside it") {
    const std::string_view good[] = {
        "{}",
        "[]",
        " [ ] ",
        "\t\r\n {\n} \n",
        "0",
        "-0",
        "10",
        "1.5",
        "-1.5e10",
        "1E+2",
        "1e-2",
        "0e0",
        "0.0",
        "true",
        "false",
        "null",
        " null ",
        "\"\"",
        "\"x\"",
        R"(["\"\\\/\b\f\n\r\t\u0000\uFFFF\ud83d\ude00"])",
        "\"\x7f\"",
        R"({"a":{"a":{"a":[[[]]]}},"b":[{},{},[]]})",
        R"({"":0," ":1})",
        "[1 , 2\t,\n3\r]",
        "[true,false,null]",
        "{\"a\" : 1 ,\n\"b\" :\t[ ] }",
        "\"0123456789abcde\"",
        "\"0123456789abcdef\"",
        "\"0123456789abcdef0\"",
    };
    for (const auto text : good) {
        CAPTURE(text);
        CHECK_FALSE(error_of(text));
        CHECK(reference::accepts(text));
    }
    const std::string_view bad[] = {
        "",
        " ",
        "\n",
        "{",
        "}",
        "[",
        "]",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1]]",
        "[1}",
        "{]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "{\"a\":1 \"b\":2}",
        "{\"a\" 1}",
        "{1:2}",
        "{a:1}",
        "{'a':1}",
        "[]x",
        "[][]",
        "{}{}",
        "1 2",
        "nul",
        "nulll",
        "True",
        "tru",
        "truee",
        "NaN",
        "Infinity",
        "-",
        "-x",
        "+1",
        "01",
        "-01",
        "1.",
        ".5",
        "1.e1",
        "1e",
        "1e+",
        "1e1.5",
        "0x10",
        "1_000",
        "--1",
        "1-1",
        "\"",
        "\"x",
        "x\"",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u\"",
        "\"\\u12\"",
        "\"\\u123g\"",
        "\"\\ud83d\\u12\"",
        "\"\\U0041\"",
        "\"a\nb\"",
        "\"a\tb\"",
        "[\"a\x1f\"]",
        "\"x\"y",
        "\"x\"\"y\"",
        "[\"x\"\"y\"]",
        "[1\"x\"]",
        "[\"x\"1]",
        "{\"a\":1}}",
        "[1,,2]",
        "//x\n1",
        "1/**/",
        "\xef\xbb\xbf{}",
        "\xef\xbb\xbf",
        "{\"a\"::1}",
        "{\"a\":1,,\"b\":2}",
        "\\\"x\"",
        "[\\]",
        "\x0c{}",
        "\v1",
        "[1]\x1a",
        "{\"a\":1;}",
        "[1:2]",
        ",",
        ":",
    };
    for (const auto text : bad) {
        CAPTURE(text);
        CHECK(error_of(text) == Error::json_syntax);
        CHECK_FALSE(reference::accepts(text));
    }
    CHECK(error_of(std::string_view("\0", 1)) == Error::json_syntax);
    CHECK(error_of(std::string_view("{}\0", 3)) == Error::json_syntax);
    CHECK(error_of(std::string_view("\"a\0b\"", 5)) == Error::json_syntax);
}

TEST_CASE("each reason has its own error") {
    const std::pair<std::string_view, Error> table[] = {
        {"\"\x80\"", Error::json_utf8},
        {"\"\xc0\xaf\"", Error::json_utf8},
        {"\"\xed\xa0\x80\"", Error::json_utf8},
        {"\"\xf4\x90\x80\x80\"", Error::json_utf8},
        {"\"\xe4\xb8\"", Error::json_utf8},
        {"[\xff]", Error::json_utf8},
        {"\xff\xfe{", Error::json_utf8},
        {"{\"a\":1,\"a\":\"\xc3\"}", Error::json_utf8},
        {"\"\xc2\xa0\"\xc2\xa0", Error::json_syntax},
        {"\xc2\xa0{}", Error::json_syntax},
        {R"("\ud800")", Error::json_surrogate},
        {R"("\udc00")", Error::json_surrogate},
        {R"("\ud800x")", Error::json_surrogate},
        {R"("\ud800\n")", Error::json_surrogate},
        {R"("\ud800\ud800")", Error::json_surrogate},
        {R"("\ude00\ud83d")", Error::json_surrogate},
        {R"({"\udfff":1})", Error::json_surrogate},
        {R"("\ud83d\u0041")", Error::json_surrogate},
        {R"({"a":1,"a":2})", Error::json_duplicate},
        {R"({"a":1,"b":2,"\u0061":3})", Error::json_duplicate},
        {R"({"\u0061":1,"a":3})", Error::json_duplicate},
        {R"([{"x":{"a":1,"":0,"":0}}])", Error::json_duplicate},
        {R"({"\/":1,"/":2})", Error::json_duplicate},
        {R"({"\ud83d\ude00":1,"😀":2})", Error::json_duplicate},
        {"1e400", Error::json_number},
        {"-1e400", Error::json_number},
        {"[1e309]", Error::json_number},
        {"1.7976931348623159e308", Error::json_number},
        {"0.00001e314", Error::json_number},
        {"1e99999999999999999999", Error::json_number},
    };
    for (const auto& [text, error] : table) {
        CAPTURE(text);
        CHECK(error_of(text) == error);
        CHECK_FALSE(reference::accepts(text));
    }
}

TEST_CASE("a number is taken up to the largest double, however it is written, and down to nothing") {
    const std::string zeros(400, '0');
    const std::string good[] = {
        "1.7976931348623157e308",
        "1.7976931348623158e308",
        "17976931348623157" + std::string(292, '0'),
        "1e308",
        "0e999999",
        "1e-999999",
        "-0.0e99999999999999999999",
        "0." + zeros + "1e700",
        "1" + zeros + "e-400",
        "9." + zeros + "e307",
        "0." + zeros,
        std::string(1023, '1').insert(1, ".") /* 1,024 octets */,
        "0." + std::string(308, '0') + "9e616",
    };
    for (const auto& text : good) {
        CAPTURE(text);
        CHECK_FALSE(error_of(text));
        CHECK(reference::accepts(text));
    }
    const std::string bad[] = {
        "1" + zeros,
        std::string(310, '9'),
        "0." + std::string(307, '0') + "1e617",
        "1" + zeros + "e-50",
        "0." + std::string(1023, '1') /* 1,025 octets */,
        std::string(5000, '1'),
        "1e" + std::string(1030, '0'),
    };
    for (const auto& text : bad) {
        CAPTURE(text);
        CHECK(error_of(text) == Error::json_number);
        CHECK_FALSE(reference::accepts(text));
    }
}

TEST_CASE("each limit holds to the octet, the level and the member") {
    const auto deep = [](size_t levels) { return repeated("[", levels) + repeated("]", levels); };
    CHECK_FALSE(error_of(deep(64)));
    CHECK(error_of(deep(65)) == Error::json_depth);
    CHECK(error_of(repeated("[", 100'000)) == Error::json_depth);
    CHECK(error_of(repeated("{\"a\":", 65) + "1" + repeated("}", 65)) == Error::json_depth);
    CHECK_FALSE(error_of(repeated("{\"a\":", 64) + "1" + repeated("}", 64)));
    CHECK_FALSE(error_of("[" + repeated("[[],{}],", 1000) + "[]]"));

    CHECK_FALSE(error_of(object_of(4096)));
    CHECK(error_of(object_of(4097)) == Error::json_members);
    CHECK_FALSE(error_of("[" + object_of(4096) + "," + object_of(4096) + "]"));

    CHECK(error_of(std::string((4 << 20) + 1, ' ')) == Error::json_too_large);
    CHECK_FALSE(error_of(std::string((4 << 20) - 2, ' ') + "{}"));

    Scanner strict(ScanLimits{.text_bytes_max = 40, .depth_max = 1, .members_max = 2, .number_bytes_max = 3});
    BufferPool pool;
    const auto error = [&](std::string_view text) -> std::optional<Error> {
        PaddedBytes bytes(pool, 4096);
        bytes.append(text);
        const auto document = strict.scan(bytes.padded());
        return document ? std::nullopt : std::optional(document.error());
    };
    CHECK_FALSE(error(R"({"a":123,"b":1.5})"));
    CHECK(error(R"({"a":1,"b":2,"c":3})") == Error::json_members);
    CHECK(error("[[]]") == Error::json_depth);
    CHECK(error("[1234]") == Error::json_number);
    CHECK(error("[1e+1]") == Error::json_number);
    CHECK_FALSE(error("\"" + std::string(38, 'x') + "\""));
    CHECK(error("\"" + std::string(39, 'x') + "\"") == Error::json_too_large);
}

TEST_CASE("a name given twice is found in objects of every size, at every place, however it is spelt") {
    for (const size_t count : {1, 2, 7, 8, 31, 32, 33, 34, 63, 64, 65, 200, 4095}) {
        CAPTURE(count);
        CHECK_FALSE(error_of(object_of(count)));
        for (const size_t place : {size_t{0}, count / 2, count - 1}) {
            const std::string name = std::to_string(place);
            CHECK(error_of(object_of(count, ",\"" + name + "\":0")) == Error::json_duplicate);
            const std::string escaped = "\\u003" + name.substr(0, 1) + name.substr(1);
            CHECK(error_of(object_of(count, ",\"" + escaped + "\":0")) == Error::json_duplicate);
        }
        const std::string twice = object_of(count, ",\"0\":0");
        CHECK(error_of("{\"0\":[" + twice + "],\"1\":0}") == Error::json_duplicate);
        CHECK_FALSE(error_of("{\"0\":[" + object_of(count) + "],\"1\":" + object_of(count) + ",\"2\":0}"));
    }
}

TEST_CASE("names that look alike at both ends are told apart, and found when they are the same") {
    const std::string start(20, 's'), end(20, 'e');
    std::string text = "{";
    for (int i = 0; i < 500; ++i) text += (i == 0 ? "\"" : ",\"") + start + std::to_string(1000 + i) + end + "\":0";
    CHECK_FALSE(error_of(text + "}"));
    CHECK(error_of(text + ",\"" + start + "1499" + end + "\":0}") == Error::json_duplicate);
    for (size_t size = 0; size < 40; ++size) { // every length around the words that the hash takes
        std::string names = "{\"x\":0";
        for (char last = 'a'; last < 'k'; ++last) names += ",\"" + std::string(size, 'n') + last + "\":0";
        CHECK_FALSE(error_of(names + "}"));
        CHECK(error_of(names + ",\"" + std::string(size, 'n') + "c\":0}") == Error::json_duplicate);
    }
}

TEST_CASE("what lies behind a text is never taken for a part of it") {
    const std::string_view texts[] = {
        R"({"a":[1,"x",{"b":null}],"c":true})",
        "[1,2]",
        "\"string\"",
        "12",
        "-1.5e3",
        "true",
        "[[[[]]]]",
        R"(["\u0041"])",
        R"({"0123456789abcdef":"0123456789abcdef0123456789"})",
        "[\"0123456789abcde\"]",
        "{\"a\" : 1 }",
        R"(["\ud83d\ude00","\n"])",
        R"({"a":1,"aa":2,"aaa":3})",
        R"(["\ud83d"])",
        R"(["\udc00"])",
        R"(["\ud83d\u0041"])",
    };
    for (const auto whole : texts) {
        for (size_t size = 0; size <= whole.size(); ++size) {
            const std::string_view text = whole.substr(0, size);
            const auto error = error_of(text);
            CHECK(reference::accepts(text) == !error);
            for (int behind = 0; behind < 256; ++behind) {
                if (error_of(text, static_cast<char>(behind)) != error) {
                    CAPTURE(text, behind);
                    FAIL("judged by what lies behind it");
                }
            }
        }
    }
}

TEST_CASE("every sweep stops at the first special octet and notices what is beyond ASCII on the way") {
    std::string room(512, 'x');
    for (const Sweep sweep : sweeps()) {
        for (size_t begin = 0; begin < 70; begin += 3) {
            for (size_t place = begin; place < 300; ++place) {
                for (const char special : {'"', '\\', '\x1f', '\0'}) {
                    room[place] = special;
                    const Swept swept = sweep(room.data() + begin, room.data() + 300);
                    if (swept.at != room.data() + place || swept.beyond_ascii != 0)
                        FAIL("at " << begin << ", " << place);
                }
                room[place] = 'x';
            }
            CHECK(sweep(room.data() + begin, room.data() + 300).at >= room.data() + 300);
            for (size_t place = begin; place < 300; ++place) {
                room[place] = '\x80';
                CHECK(sweep(room.data() + begin, room.data() + 300).beyond_ascii != 0);
                room[place] = 'x';
            }
        }
        for (int octet = 0; octet < 256; ++octet) {
            room[7] = static_cast<char>(octet);
            room[100] = '"';
            const bool special = octet < 0x20 || octet == '"' || octet == '\\';
            CHECK(sweep(room.data(), room.data() + 300).at == room.data() + (special ? 7 : 100));
            CHECK(look(room.data()).special == (special ? 1U << 7 : 0U));
            CHECK(look(room.data()).beyond_ascii == (octet >= 0x80 ? 1U << 7 : 0U));
            room[7] = room[100] = 'x';
        }
    }
}

TEST_CASE("a scan allocates nothing, whatever the text") {
    Scanner scanner(ScanLimits{.text_bytes_max = 4 << 20});
    BufferPool pool;
    PaddedBytes bytes(pool);
    bytes.append("[" + object_of(4096) + ",\"" + repeated("\\u0041", 100'000) + "\"," + repeated("1,", 100'000) +
                 "{}]");
    const size_t before = allocations;
    const auto document = scanner.scan(bytes.padded());
    CHECK(allocations == before);
    REQUIRE(document);
    CHECK(Value::root(*document).count() == 100'003);
}

TEST_CASE("a scanner that gave its memory back scans as before") {
    Scanner scanner(ScanLimits{.text_bytes_max = 4 << 20});
    BufferPool pool;
    PaddedBytes large(pool), small(pool);
    large.append("[" + object_of(2000) + ",{\"\\u0061\":1}" + repeated(",1", 1'000'000) + "]");
    small.append(R"({"a":1,"\u0062":[2]})");
    for (int i = 0; i < 3; ++i) {
        const auto first = scanner.scan(large.padded());
        REQUIRE(first);
        CHECK(Value::root(*first).count() == 1'000'002);
        scanner.trim(4096);
        const auto second = scanner.scan(small.padded());
        REQUIRE(second);
        CHECK(Value::root(*second).find("b").at(0).integer() == 2);
        scanner.trim(0);
    }
}

TEST_CASE("UTF-8 is what the table of RFC 3629 says it is") {
    for (uint32_t first = 0; first < 0x100; ++first)
        for (uint32_t second = 0; second < 0x100; second += (second >= 0x7c && second <= 0xc4) ? 1 : 7)
            for (const uint32_t third : {0x00U, 0x41U, 0x7fU, 0x80U, 0xbfU, 0xc0U})
                for (const uint32_t fourth : {0x41U, 0x80U, 0xbfU, 0xf0U}) {
                    const char octets[] = {static_cast<char>(first), static_cast<char>(second),
                                           static_cast<char>(third), static_cast<char>(fourth)};
                    const std::string_view text(octets, 4);
                    if (valid_utf8(text) != reference::is_utf8(text))
                        FAIL(first << ' ' << second << ' ' << third << ' ' << fourth);
                }
    CHECK(valid_utf8(""));
}
