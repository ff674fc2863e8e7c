// tests/http/write_test.cc - heads that are written: their octets, that they read back, and that nothing can be injected.
#include "http/write.h"

#include "http/body.h"
#include "http/head.h"

#include <catch2/catch_test_macros.hpp>
#include <string>

using namespace weir;
using namespace weir::http;

TEST_CASE("a request is written as it is read") {
    BufferPool pool;
    PaddedBytes out(pool);
    HeadWriter head(out);
    head.request(Method::post, "/mcp?a=b");
    head.field("Host", "a.test:9000");
    head.lines("Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n");
    head.field("Content-Length", uint64_t{42});
    head.field("Mcp-Name", "");
    REQUIRE(head.finish());
    CHECK(out.text() ==
          "POST /mcp?a=b HTTP/1.1\r\nHost: a.test:9000\r\nContent-Type: application/json\r\n"
          "Accept: application/json, text/event-stream\r\nContent-Length: 42\r\nMcp-Name: \r\n\r\n");
    std::array<Field, 10> room;
    const auto read = read_request_head(out.text(), room, {});
    REQUIRE(read);
    CHECK(read->size == out.size());
    CHECK(read->content_length == 42);
    CHECK(read->has(FieldId::mcp_name));
    CHECK(read->value(FieldId::mcp_name).empty());
}

TEST_CASE("an answer is written as it is read") {
    std::array<Field, 10> room;
    for (uint16_t status = 200; status < 600; ++status) {
        BufferPool pool;
        PaddedBytes out(pool);
        HeadWriter head(out);
        head.answer(status);
        head.field("Content-Length", uint64_t{0});
        REQUIRE(head.finish());
        const auto read = read_answer_head(out.text(), room, {});
        REQUIRE(read);
        CHECK(read->status == status);
        CHECK(read->reason == reason_of(status));
    }
}

TEST_CASE("every status that the table of errors names has a phrase") {
#define WEIR_ROW(name, status, code, text) \
    if (status != 0) CHECK_FALSE(reason_of(status).empty());
    WEIR_ERRORS(WEIR_ROW)
#undef WEIR_ROW
    CHECK(reason_of(299).empty());
}

TEST_CASE("a value that could be more than a value takes the whole head back") {
    BufferPool pool;
    PaddedBytes out(pool);
    out.append("kept");
    const auto refused = [&out](std::string_view name, std::string_view value) {
        HeadWriter head(out);
        head.answer(200);
        head.field(name, value);
        head.field("X", "y");
        const auto done = head.finish();
        return !done && done.error() == Error::invalid && out.text() == "kept";
    };
    for (const std::string& value : {std::string("a\r\nX: b"), std::string("a\r"), std::string("a\n"),
                                     std::string("a\0b", 3), std::string("a\x7f"), std::string("\x01")})
        CHECK(refused("X", value));
    for (const std::string& name : {std::string("a\r\nb"), std::string("a:"), std::string("a b"), std::string(""),
                                    std::string("\xc3\xa9"), std::string("a\0", 2)})
        CHECK(refused(name, "b"));
    const auto refused_target = [&out](std::string_view target) {
        HeadWriter head(out);
        head.request(Method::get, target);
        return !head.finish() && out.text() == "kept";
    };
    for (const char* target : {"", "mcp", "/a b", "/a\r\nX: y", "/\xc3\xa9", "/a\t"}) CHECK(refused_target(target));
}

TEST_CASE("a value may have a tab and octets above 127") {
    BufferPool pool;
    PaddedBytes out(pool);
    HeadWriter head(out);
    head.answer(200);
    head.field("X", "a\tb\xc3\xa9");
    CHECK(head.finish());
}

TEST_CASE("chunks that are written are read back") {
    for (const size_t size : {1, 15, 16, 255, 256, 4095, 4096, 65536, 1'000'000}) {
        BufferPool pool;
        PaddedBytes out(pool);
        const std::string payload(size, 'x');
        write_chunk(out, payload);
        write_chunk(out, "");
        write_last_chunk(out);
        ChunkedReader reader;
        const auto piece = reader.next(out.text());
        REQUIRE(piece);
        CHECK(piece->payload == payload);
        CHECK(piece->done);
        CHECK(piece->consumed == out.size());
    }
    BufferPool pool;
    PaddedBytes out(pool);
    write_chunk_head(out, 0xfedcba9876543210);
    CHECK(out.text() == "fedcba9876543210\r\n");
}
