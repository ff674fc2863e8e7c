// tests/base/uri_test.cc - what has one spelling goes through, every other spelling of the same resource does not. The
// tables follow what Node's URL, Python's urllib and RFC 3986 make of a text; every refusal has its reason.
#include "base/uri.h"
#include "base/glob.h"

#include <catch2/catch_test_macros.hpp>

using weir::glob_match;
using weir::glob_valid;
using weir::uri_of_glob;
using weir::uri_problem;
using weir::UriForm;

namespace {

constexpr const char* good[] = {"file:///a/b.txt",
                                "file:///",
                                "file:///c:/x",
                                "file:///c%3A/x",
                                "file://server/share",
                                "file:///a/%20b",
                                "file:///a/",
                                "demo://resource/dynamic/1",
                                "a:b",
                                "a:",
                                "a:/",
                                "custom:Thing",
                                "note://MyNote/Part",
                                "postgres://user@localhost:5432/db/table/schema",
                                "postgres://user:word@Host/db",
                                "custom:///x",
                                "x://",
                                "repo://owner%2Fname/x",
                                "x://a/%C3%A4",
                                "x://a/...",
                                "x://a/.b",
                                "x://a/..b",
                                "x://a/b..",
                                "x://a/b?../..",
                                "x://a/b#/../",
                                "x:a?%2Fx=/../",
                                "docs://public/a%2F..b%2Fc",
                                "docs://public/a..%2Fb%5C...",
                                "docs://public/a%5Cb",
                                "docs://public/?..%2Fb",
                                "docs://public/#..%2Fb",
                                "https://a/%2F/b%2F",
                                "https://a/b@c/",
                                "x://a//b",
                                "mailto:Ann@acme.example",
                                "urn:isbn:0451450523",
                                "git+ssh://a/b",
                                "http://evil.example/",
                                "http://evil.example/?q",
                                "https://evil.example/X?y=Z",
                                "https://evil.example:8443/x",
                                "https://evil.example:80/x",
                                "http://evil.example:443/",
                                "http://127.0.0.1/",
                                "http://[::1]/",
                                "http://[2001:db8::1]:81/",
                                "https://xn--bcher-kva.example/",
                                "ws://a/",
                                "wss://a_b.example/x",
                                "ftp://a/x",
                                "https://1e100.net/",
                                "https://0xg.example/"};

} // namespace

TEST_CASE("a URI in normal form is taken") {
    for (const char* uri : good) {
        INFO(uri);
        CHECK(uri_problem(uri) == "");
    }
}

TEST_CASE("other spellings of a URI are refused") {
    for (const char* uri :
         {// no URI
          "", "%", "a", "/etc/passwd", "//evil.example/x", "?x", "#x", ":x", "1a:b", "a_b:c", "+a:b",
          // octets
          " file:///etc/passwd", "file:///etc/passwd ", "file:///etc/pass wd", "fi\tle:///etc/passwd",
          "file:///etc/pass\nwd",
          "\x01"
          "file:///etc/passwd",
          "file:///etc/passwd\x7f", "file:\\\\\\etc\\passwd", "file:///etc\\passwd", "C:\\a\\b", "x://a/{b}",
          "x://a/b|c", "x://a/<b>", "x://a/\"b\"", "x://a/b^c", "x://a/`b`",
          "https://b\xc3\xbc"
          "cher.example/",
          "x://a/\xc3\xa4",
          "\xef\xbb\xbf"
          "file:///a",
          // percent-encoding
          "file:///%61", "x://a/%2D", "x://a/%5F", "x:%30", "x://a?%41", "x://a/%7Eb", "x://a/%c3%a4",
          "repo://owner%2fname/x", "x:%4", "x:%zz", "x:%", "x://a/b%00.txt", "x://a/%2e%2E/b",
          // segments
          "file:///a/../b", "file:///a/./b", "file:///a/..", "file:///a/.", "file:///..", "x://a/..?q", "x://a/.#f",
          "x:..", "x:../a", "x:./a", "x://../a",
          // segments between encoded slashes
          "docs://public/..%2Fprivate%2Fx", "docs://public/..%5Cprivate", "docs://public/..%2fprivate",
          "docs://public/..%5cprivate", "docs://public/a%2F..%2Fb", "docs://public/a%2F..", "docs://public/a%5C..",
          "docs://public/a%5C../b", "docs://public/%2F../b", "docs://public/.%2Fb", "docs://public/a%2F.",
          "docs://public/a%2F.?q", "docs://public/a%5C..#f", "x:..%2Fa", "x:a/%2F%5C..%5C%2Fb", "x://..%2Fa",
          "http://a/public/..%2Fprivate", "https://a/public/..%5Cprivate", "https://a/b%2F..", "https://a/b%5C.?q",
          "ws://a/..%2Fb", "wss://a/..%5Cb", "ftp://a/b/..%2Fc", "file:///a/..%2Fb", "file:///a%5C..",
          // file
          "FILE:///etc/passwd", "File:///etc/passwd", "file:/etc/passwd", "file:etc/passwd",
          "file://localhost/etc/passwd", "file:", "file://", "file://server", "file:////etc/passwd",
          "file:///etc//passwd", "file://SERVER/share", "file://u@server/share", "file:///etc%2Fpasswd",
          "file:///etc%5Cpasswd", "file:///etc/passwd?x", "file:///etc/passwd#x", "file:///etc/passwd?",
          // the web
          "HTTPS://evil.example/x", "https:evil.example/x", "https:/evil.example/x", "https:///evil.example/x",
          "https://EVIL.example/x", "https://evil.Example/x", "https://evil.example:443/x", "http://evil.example:80/x",
          "ws://evil.example:80/", "wss://evil.example:443/", "ftp://evil.example:21/", "https://evil.example:/x",
          "https://evil.example:0443/x", "https://evil.example:44x/", "https://evil.example:123456/",
          "https://u@evil.example/x", "https://u:p@evil.example/x", "https://@evil.example/x",
          "https://evil.example@other.example/x", "https://evil.example", "https://evil.example?x",
          "https://evil.example/x#y", "https://evil.example./x", "https://evil..example/x", "https://.evil.example/x",
          "https://ev%69l.example/x", "https://ev%2Dil.example/x", "https://a!b/", "http://127.1/",
          "http://2130706433/", "http://0x7f.0.0.1/", "http://0x7f000001/", "http://0177.0.0.1/",
          "http://[0:0:0:0:0:0:0:1]/", "http://[::0001]/", "http://[::1/", "http://[127.0.0.1]/", "http://[]/",
          "http://[2001:DB8::1]/", "https:///", "https://",
          // other schemes
          "SECRET://a", "Secret:a", "x://a:/b", "x://a:080/b", "x://@a/b", "x://u:@a/b", "x://:@a/b"}) {
        INFO(uri);
        CHECK(uri_problem(uri) != "");
    }
}

TEST_CASE("a template is refused only for what no value of it could mend") {
    for (const char* text :
         {"file:///{path}",   "file://{host}/x",         "file:{+rest}",    "test://template/{id}/data",
          "https://{Host}/X", "https://a.{Domain}:443/", "https://a/{?Q*}", "https://a/x{#F}",
          "https://a{/Path}", "{scheme}://X/",           "x{y}:Z",          "{+uri}",
          "x://a/%{hex}",     "x://a/%4{hex}",           "x://a/{open",     "x://a/..{b}",
          "x://a/..%2{b}",    "x://a/{b}..%2F",          "https:/{x}",      "https:{x}",
          "x://{User}@:080/"})
        CHECK(uri_problem(text, UriForm::with_holes) == "");
    for (const char* text :
         {"FILE:///{path}", "file:/a/{path}", "file://localhost/{path}", "file:///a//{path}", "file:///../{path}",
          "A{b}", "1{b}", "/{path}", "https://u@{host}/", "https://A.{domain}/", "https://a:443/{path}", "x://a/{b} c",
          "x://a/%6{hex}/%61", "x://a/{b}/%61", "https://a/{b}#c", "x://a/..%2F{b}", "x://a/b%5C..%5C{c}"}) {
        INFO(text);
        CHECK(uri_problem(text, UriForm::with_holes) != "");
    }
}

TEST_CASE("a glob is refused when no URI in normal form could match it") {
    const auto problem = [](std::string_view glob) {
        REQUIRE(glob_valid(glob));
        return uri_problem(uri_of_glob(glob), UriForm::with_holes);
    };
    for (const char* glob : {"*",
                             "file:///etc/*",
                             "*://evil.example/*",
                             "https://*.example/*",
                             "https://evil.example*",
                             "https://evil.example/*",
                             "https://evil.example:*",
                             "http*://a/*",
                             "secret://*",
                             "[st]ecret://*",
                             "[!]]x:*",
                             "[\\]]x:a",
                             "?ile:///*",
                             "*.txt",
                             "*Secret*",
                             "test://template/{id}/data",
                             "https://a/x\\?y",
                             "x:\\*",
                             "x:\\[",
                             "https://[\\[:]*",
                             "custom:Thing"}) {
        INFO(glob);
        CHECK(problem(glob) == "");
    }
    for (const char* glob : {"/etc/*", "FILE:///etc/*", "file:/etc/*", "file://localhost/*", "https://EVIL.example/*",
                             "https://evil.example", "https://u@*", "x://a b/*", "https://evil.example:443/*",
                             "file:///x\\?y", "file:///a/../*", "etc", "FILE*", "/*", "x://a\\\\b"}) {
        INFO(glob);
        CHECK(problem(glob) != "");
    }
}

TEST_CASE("a glob of the web that has an @ before any slash asks for a user") {
    for (const char* glob : {"http://*@host/*", "https://*@*", "ws://*.example@x", "http://u@h/", "wss://[a-z]@h/",
                             "ftp://?*:*@h/*", "https://{user}@h/"}) {
        INFO(glob);
        CHECK(weir::glob_asks_for_user(glob));
    }
    for (const char* glob :
         {"http://*/*@host/*", "http://host/*@x", "http://*\\?*@x", "postgres://*@host/*", "*://*@host/*",
          "http*://*@host/*", "http:*@host/*", "http://[@]/", "*@*", "*", "", "http:", "mailto:*@acme"}) {
        INFO(glob);
        CHECK_FALSE(weir::glob_asks_for_user(glob));
    }
    // What such a glob could match, the one with a slash matches as well.
    CHECK(glob_match("http://*@host/*", "http://a/b@host/c"));
    CHECK(glob_match("http://*/*@host/*", "http://a/b@host/c"));
}

TEST_CASE("a set whose first member is escaped ends behind it") {
    CHECK(glob_valid("[\\]]"));
    CHECK(glob_match("[\\]]", "]"));
    CHECK_FALSE(glob_valid("[\\]"));
    CHECK_FALSE(glob_valid("[!\\]"));
}

TEST_CASE("no glob that matches a URI in normal form is refused") {
    // Each URI with every stretch of it taken out for a star, and with every octet as a set.
    const auto literal = [](std::string_view text) {
        std::string glob;
        for (const char octet : text) {
            if (std::string_view("*?[\\").contains(octet)) glob += '\\';
            glob += octet;
        }
        return glob;
    };
    for (const std::string_view uri : good)
        for (size_t begin = 0; begin <= uri.size(); ++begin)
            for (size_t end = begin; end <= uri.size(); ++end) {
                const std::string glob = literal(uri.substr(0, begin)) + "*" + literal(uri.substr(end));
                INFO(uri << " by " << glob);
                REQUIRE(glob_match(glob, uri));
                REQUIRE(uri_problem(uri_of_glob(glob), UriForm::with_holes) == "");
            }
}
