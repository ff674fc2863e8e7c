// tests/cli/output_test.cc - what commands print cannot steer a terminal, and a pipe gets whole values.
#include "cli/output.h"

#include "json/text.h"

#include <catch2/catch_test_macros.hpp>

using namespace weir;
using namespace weir::cli;

TEST_CASE("text from elsewhere cannot steer a terminal") {
    CHECK(printable("plain caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80") ==
          "plain caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
    CHECK(printable("\x1b[31mred") == "\\u{1b}[31mred");
    CHECK(printable("a\nb\tc\r") == "a\\u{a}b\\u{9}c\\u{d}");
    CHECK(printable("a\nb", true) == "a\nb");
    CHECK(printable("\x7f\xc2\x9b") == "\\u{7f}\\u{9b}");
    CHECK(printable("\xe2\x80\xae"
                    "evil") == "\\u{202e}evil");
    CHECK(printable("\xef\xbb\xbfx") == "\\u{feff}x");
    CHECK(printable("\xff\xc3(\xe2\x82") == "\\xff\\xc3(\\xe2\\x82");
    CHECK(printable("\xc0\xaf") == "\\xc0\\xaf");
    CHECK(printable("").empty());
    for (const auto& [text, shown] :
         {std::pair{"\xd8\x9c", "\\u{61c}"}, std::pair{"\xe2\x80\x8b", "\\u{200b}"}, std::pair{"\xc2\xad", "\\u{ad}"},
          std::pair{"\xe2\x81\xa6", "\\u{2066}"}, std::pair{"\xe3\x85\xa4", "\\u{3164}"},
          std::pair{"\xef\xb8\x8f", "\\u{fe0f}"}, std::pair{"\xf3\xa0\x81\xa1", "\\u{e0061}"},
          std::pair{"\xf3\xa0\x84\x80", "\\u{e0100}"}, std::pair{"\xe0\x80\x9b", "\\xe0\\x80\\x9b"},
          std::pair{"\xed\xa0\x80", "\\xed\\xa0\\x80"}})
        CHECK(printable(text) == shown);
    CHECK(printable("\xd8\xa7\xd7\x90\xe4\xb8\xad") == "\xd8\xa7\xd7\x90\xe4\xb8\xad"); // letters stay
}

TEST_CASE("a table is tab-separated in a pipe and aligned on a terminal") {
    Table table({"name", "what"});
    table.row({{"a", Tone::good}, {"first"}});
    table.row({{"l\xc3\xb6nger"}, {"se\tcond"}});
    CHECK(table.text({}) == "a\tfirst\nl\xc3\xb6nger\tse\\u{9}cond\n");
    CHECK(table.text({.terminal = true, .colour = false}) ==
          "name    what\na       first\nl\xc3\xb6nger  se\\u{9}cond\n");
    CHECK(table.text({.terminal = true, .colour = true}).find("\x1b[32ma\x1b[0m       first\n") != std::string::npos);
}

TEST_CASE("JSON that is built is JSON") {
    json::Text out;
    out.begin_object()
        .name("a\"b")
        .begin_array()
        .number(-1)
        .string("x\n")
        .boolean(true)
        .null()
        .begin_object()
        .end_object();
    out.end_array().name("c").raw("[1,2]").name("d").begin_array().end_array().end_object();
    CHECK(out.text() == R"({"a\"b":[-1,"x\n",true,null,{}],"c":[1,2],"d":[]})");
}
