// tests/json/write_test.cc - what comes out again: edits, canonical form, quoting; and names in disguise.
#include "json/canonical.h"
#include "json/edit.h"
#include "json/escape.h"
#include "json/names.h"
#include "json/scan.h"
#include "scanned.h"

#include <catch2/catch_test_macros.hpp>

#include <cctype>
#include <string>
#include <vector>

using namespace weir;
using namespace weir::json;

namespace {

std::string canonical_of(std::string_view text) { return Scanned(text).canonical_form(); }

std::string json_string(std::string_view text) {
    BufferPool pool;
    PaddedBytes out(pool);
    quote(text, out);
    return std::string(out.text());
}

bool honest(std::string_view object) {
    Scanned scanned(object);
    Workspace space(scanned.pool);
    return check_reserved_names(scanned.root(), space).has_value();
}

} // namespace

TEST_CASE("without edits a text comes out compact, minimally escaped, otherwise as it was") {
    const auto again = [](std::string_view text) { return Scanned(text).with({}); };
    CHECK(again(" { \"b\" : [ 1.50 , -0 , 1e+2 ] ,\n\"a\":{ } , \"c\" : [\t] } ") ==
          R"({"b":[1.50,-0,1e+2],"a":{},"c":[]})");
    CHECK(again(R"("\u0041\/\u00e9\ud83d\ude00")") == "\"A/\xc3\xa9\xf0\x9f\x98\x80\"");
    CHECK(again(R"("\u0022\u005c\u000a\u0001\u001F")") == R"("\"\\\n\u0001\u001f")");
    CHECK(again(R"({"\u006eame":null})") == R"({"name":null})");
    CHECK(again(" true ") == "true");
    CHECK(again("12345678901234567890.10E-7") == "12345678901234567890.10E-7");
}

TEST_CASE("edits replace values, drop members and elements, and insert at the end") {
    Scanned text(R"({"a":1,"b":{"x":"\n"},"c":[1,2,3],"d":[]})");
    const Value root = text.root();
    CHECK(text.with({Edit::replace(root.find("a"), "\"new\"")}) == R"({"a":"new","b":{"x":"\n"},"c":[1,2,3],"d":[]})");
    CHECK(text.with({Edit::replace(root, "7")}) == "7");
    CHECK(text.with({Edit::drop(root.find("a"))}) == R"({"b":{"x":"\n"},"c":[1,2,3],"d":[]})");
    CHECK(text.with({Edit::drop(root.find("d"))}) == R"({"a":1,"b":{"x":"\n"},"c":[1,2,3]})");
    CHECK(text.with({Edit::drop(root.find("c").at(0)), Edit::drop(root.find("c").at(2))}) ==
          R"({"a":1,"b":{"x":"\n"},"c":[2],"d":[]})");
    CHECK(text.with({Edit::insert(root.find("d"), "", "1"), Edit::insert(root.find("d"), "", "[2]"),
                     Edit::insert(root.find("b"), "q\"", "{}"), Edit::insert(root, "z", "null")}) ==
          R"({"a":1,"b":{"x":"\n","q\"":{}},"c":[1,2,3],"d":[1,[2]],"z":null})");
}

TEST_CASE("a member is dropped by its name's node as well as by its value's") {
    Scanned text(R"({"a":1,"b":2})");
    for (const auto [name, value] : text.root().members())
        CHECK(text.with({Edit::drop(name)}) == text.with({Edit::drop(value)}));
}

TEST_CASE("edits inside of what goes have no effect, and the last replacement counts") {
    Scanned text(R"({"a":{"x":1,"y":[2]},"b":3})");
    const Value a = text.root().find("a"), b = text.root().find("b");
    CHECK(text.with({Edit::replace(a, "0"), Edit::drop(a.find("x")), Edit::replace(b, "4")}) == R"({"a":0,"b":4})");
    CHECK(text.with({Edit::drop(a), Edit::insert(a.find("y"), "", "9"), Edit::replace(b, "4")}) == R"({"b":4})");
    CHECK(text.with({Edit::replace(b, "5"), Edit::replace(b, "6")}) == R"({"a":{"x":1,"y":[2]},"b":6})");
}

TEST_CASE("a part of a document is written alone, beside edits that do not concern it") {
    Scanned text(R"({"a":1,"b":{"x":[1,2]},"c":3})");
    const Value b = text.root().find("b");
    std::vector<Edit> edits = {Edit::drop(text.root().find("a")), Edit::drop(b.find("x").at(0)),
                               Edit::drop(text.root().find("c"))};
    sort_edits(edits);
    PaddedBytes out(text.pool);
    serialise(b, edits, out);
    CHECK(out.text() == R"({"x":[2]})");
}

TEST_CASE("the canonical form sorts by decoded octets at every depth and keeps the text of numbers") {
    CHECK(canonical_of(R"({"b":1,"a":{"z":[ {"y":1,"x":2} ],"\u0061":0.0},"":2})") ==
          R"({"":2,"a":{"a":0.0,"z":[{"x":2,"y":1}]},"b":1})");
    CHECK(canonical_of("{\"\xc3\xa9\":1,\"z\":2,\"\\uffff\":3,\"\\ud83d\\ude00\":4}") ==
          "{\"z\":2,\"\xc3\xa9\":1,\"\xef\xbf\xbf\":3,\"\xf0\x9f\x98\x80\":4}");
    CHECK(canonical_of(R"(["\u0041\n"])") == R"(["A\n"])");
    CHECK(canonical_of(R"({"n":9007199254740993})") != canonical_of(R"({"n":9007199254740992})"));
    CHECK(canonical_of(R"({"n":1.0})") != canonical_of(R"({"n":1})"));
    CHECK(canonical_of("[]") == "[]");
    CHECK(canonical_of(" {} ") == "{}");
}

TEST_CASE("the canonical form has a budget to the octet, and leaves nothing behind when it is exceeded") {
    Scanned text(R"({"b":"\u0041", "a":[1, 2]})");
    const std::string form = R"({"a":[1,2],"b":"A"})";
    Workspace space(text.pool);
    for (size_t budget = 0; budget <= form.size() + 1; ++budget) {
        PaddedBytes out(text.pool);
        out.append("x");
        const auto done = canonical(text.root(), budget, space, out);
        CHECK(done.has_value() == (budget >= form.size()));
        CHECK(out.text() == (done ? "x" + form : "x"));
        if (!done) CHECK(done.error() == Error::json_too_large);
    }
}

TEST_CASE("quoting escapes the quote, the backslash and controls, and nothing else") {
    CHECK(json_string("") == "\"\"");
    CHECK(json_string("plain / \x7f \xc3\xa9 text") == "\"plain / \x7f \xc3\xa9 text\"");
    CHECK(json_string("a\"b\\c\b\f\n\r\td") == R"("a\"b\\c\b\f\n\r\td")");
    CHECK(json_string(std::string_view("\0\x01\x1f", 3)) == R"("\u0000\u0001\u001f")");
    for (size_t at = 0; at < 40; ++at) { // wherever it stands among eights
        std::string text(40, 'x');
        text[at] = '\n';
        CHECK(json_string(text) == "\"" + std::string(at, 'x') + "\\n" + std::string(39 - at, 'x') + "\"");
    }
    CHECK(json_string(std::string(10'000, '\x01')).size() == 60'002);
}

TEST_CASE("a known name is honest only as itself") {
    CHECK(honest(R"({"jsonrpc":"2.0","id":1,"method":"x","params":{},"_meta":{}})"));
    CHECK(honest(R"({"io.modelcontextprotocol/protocolVersion":1,"progressToken":2})"));
    CHECK(honest(R"({"unknown":1,"Foo":2,"com.example/Method":3,"":4,"namex":5,"na":6})"));
    CHECK(honest("{\"n\xc3\xa4me\":1,\"\xd0\xbd\":2}"));
    CHECK(honest(R"({"m\u0065thod":1})"));
    CHECK_FALSE(honest(R"({"METHOD":1})"));
    CHECK_FALSE(honest(R"({"Method":1,"method":2})"));
    CHECK_FALSE(honest(R"({"progresstoken":1})"));
    CHECK_FALSE(honest(R"({"M\u0065thod":1})"));
    CHECK_FALSE(honest("{\"param\xc5\xbf\":1}"));
    CHECK_FALSE(honest(R"({"param\u017f":1})"));
    CHECK_FALSE(honest("{\"ta\xc5\xbf\xe2\x84\xaa\":1}"));
    CHECK_FALSE(honest(R"({"method\u0000x":1})"));
    CHECK_FALSE(honest(R"({"anything\u001f":1})"));
    CHECK_FALSE(honest("{\"anything\x7f\":1}"));
    CHECK_FALSE(honest(R"({"anything\u0085":1})"));
    CHECK_FALSE(honest(R"({"IO.modelcontextprotocol/protocolVersion":1})"));
    for (const std::string_view name : {"jsonrpc", "id", "params", "_meta", "taskId", "clientInfo", "requestState",
                                        "io.modelcontextprotocol/clientCapabilities"}) {
        for (size_t at = 0; at < name.size(); ++at) { // any one letter in the other case
            std::string other(name);
            other[at] = static_cast<char>(other[at] ^ 0x20);
            const bool letter = std::isalpha(static_cast<unsigned char>(name[at])) != 0;
            if (letter) CHECK_FALSE(honest("{\"" + other + "\":1}"));
            other = name;
            CHECK(honest("{\"" + other.insert(at, 1, '.') + "\":1}"));
            other[at] = '\x7f';
            CHECK_FALSE(honest("{\"" + other + "\":1}"));
        }
        CHECK(honest("{\"" + std::string(name) + "\":1}"));
    }
    CHECK(honest("{\"" + std::string(500, 'M') + "\":1}"));
    CHECK_FALSE(honest("{\"" + std::string(500, 'M') + "\x7f\":1}"));
    CHECK(honest(R"({"params":{"METHOD":1}})")); // only the object's own names
}
