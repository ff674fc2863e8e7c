// tests/fuzz/fuzz_message.cc - messages of MCP out of arbitrary JSON.
//
// Holds for every input: what is read has the shape its kind promises; a reference that knows nothing of methods agrees on
// kind and id; written again it is read the same; the fields that its body asks for are accepted, and one that differs is
// not; a denial of it is a response to it; a list it may be loses exactly what is denied; it is no sealed id.
#include "json/edit.h"
#include "json/scan.h"
#include "mcp/era.h"
#include "mcp/reply.h"
#include "mcp/rewrite.h"
#include "mcp/sealed.h"

#include "property.h"

#include <string>

using namespace weir;
using namespace weir::mcp;

namespace {

/// A scanner and what its documents lie in.
struct Place {
    BufferPool pool;
    Workspace space{pool};
    PaddedBytes text{pool};
    json::Scanner scanner{json::ScanLimits{.text_bytes_max = 1 << 20}};
    json::Document document;

    bool scan(std::string_view octets) {
        space.reset();
        text.clear();
        text.append(octets);
        const auto scanned = scanner.scan(text.padded());
        if (scanned) document = *scanned;
        return scanned.has_value();
    }
    json::Value root() const { return json::Value::root(document); }
};

Place& first() {
    static Place place;
    return place;
}
Place& second() {
    static Place place;
    return place;
}

Sealer& sealer() {
    static Sealer one = [] {
        KeyRing ring;
        ring.add(1, {});
        return Sealer(ring);
    }();
    return one;
}

/// What JSON-RPC alone says about an accepted message.
void check_shape(const Message& message) {
    const json::Value object = message.object;
    PROPERTY(object.find("jsonrpc").equals("2.0"));
    const bool method = static_cast<bool>(object.find("method")), result = static_cast<bool>(object.find("result")),
               error = static_cast<bool>(object.find("error"));
    PROPERTY(method + result + error == 1);
    PROPERTY(method == (message.kind == Kind::request || message.kind == Kind::notification));
    PROPERTY(result == (message.kind == Kind::result));
    PROPERTY(!message.params || message.params.is(json::Kind::object));
    PROPERTY(!message.meta || message.meta.is(json::Kind::object));
    PROPERTY(!message.arguments || message.arguments.is(json::Kind::object));
    if (message.kind == Kind::request || message.kind == Kind::result) PROPERTY(static_cast<bool>(message.id));
    if (message.kind == Kind::notification) PROPERTY(!message.id && !object.find("id"));
    if (message.id) PROPERTY(message.id.raw == object.find("id").raw());
    if (method) PROPERTY(object.find("method").equals(message.method_text));
    if (message.method != Method::unknown) PROPERTY(name_of(message.method) == message.method_text);
    if (named_by(message.method) != Named::none)
        PROPERTY(!message.name.empty() && message.name.find('\0') == std::string_view::npos);
}

void check_same(const Message& one, const Message& other) {
    PROPERTY(one.kind == other.kind && one.method == other.method && one.id == other.id);
    PROPERTY(one.name == other.name && one.method_text == other.method_text);
    PROPERTY(static_cast<bool>(one.claimed_version) == static_cast<bool>(other.claimed_version));
    PROPERTY(static_cast<bool>(one.arguments) == static_cast<bool>(other.arguments));
}

/// The fields that a client derives from the body.
void check_era(const Message& message, Workspace& space) {
    std::string_view detail;
    const auto bare = classify(message, {}, space, detail);
    PROPERTY(bare.has_value() == !message.claimed_version);
    if (bare) PROPERTY(bare->era == Era::legacy && bare->revision == assumed_revision);
    if (!message.claimed_version.is(json::Kind::string)) return;
    PaddedBytes name(first().pool);
    encode_header(message.name, name);
    const std::string_view version = message.claimed_version.string(space);
    RoutingHeaders headers{{true, version}, {true, message.method_text}, {true, name.text()}};
    const auto told = classify(message, headers, space, detail);
    if (told) PROPERTY(told->era == Era::modern && told->revision == version);
    else PROPERTY(told.error() == Error::protocol_unsupported || told.error() == Error::rpc_params);
    const std::string other(std::string(version) + "x");
    headers.protocol_version.value = other;
    PROPERTY(classify(message, headers, space, detail).error() == Error::header_mismatch);
    headers.protocol_version.value = version;
    headers.method.value = "x";
    if (message.method_text != "x")
        PROPERTY(classify(message, headers, space, detail).error() == Error::header_mismatch);
}

void check_denial(const Message& message) {
    for (const bool hidden : {false, true}) {
        PaddedBytes denial(first().pool);
        write_denial(denial, {.id = message.id.raw,
                              .method = message.method,
                              .name = message.name,
                              .hidden = hidden,
                              .code = message.name,
                              .text = message.name,
                              .hint = message.method_text});
        PROPERTY(second().scan(denial.text()));
        const auto answer = read_message(second().root(), second().space);
        PROPERTY(answer.has_value() && answer->id == message.id);
        PROPERTY(answer->kind == Kind::result || answer->kind == Kind::error);
    }
}

/// As the result of every list: everything else goes, what is kept stays as it was.
void check_lists(json::Value result, Workspace& space) {
    for (const Method list : {Method::tools_list, Method::prompts_list, Method::resources_list}) {
        Edits edits(space);
        size_t seen = 0;
        const auto dropped =
            filter_list(result, list, Era::modern, true, edits, [&](const Entry&) { return seen++ % 2 == 0; });
        if (!dropped) continue;
        PROPERTY(*dropped == seen / 2);
        PaddedBytes out(first().pool);
        json::serialise(*result.document(), edits.sorted(), out);
        PROPERTY(second().scan(out.text()));
        const auto message = read_message(second().root(), second().space);
        PROPERTY(message.has_value());
        PROPERTY(message->result.find(list_shape(list).entries).count() == seen - seen / 2);
        if (message->result.find("resultType").equals("complete"))
            PROPERTY(message->result.find("cacheScope").equals("private"));
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view octets(reinterpret_cast<const char*>(data), size);
    Place& place = first();
    if (size > 1 << 16) return 0;
    place.space.reset();
    PROPERTY(!sealer().open_session(octets, {"p", "s", ""}, place.space));
    PROPERTY(!sealer().open_event(octets, {"p", "s", ""}, place.space));
    if (const auto decoded = decode_header(octets, place.space)) {
        PaddedBytes encoded(place.pool);
        encode_header(*decoded, encoded);
        const auto again = decode_header(encoded.text(), place.space);
        PROPERTY(again && *again == *decoded);
    }
    if (!place.scan(octets)) return 0;
    json::Value id;
    std::string_view problem;
    const auto message = read_message(place.root(), place.space, id, &problem);
    PROPERTY(message.has_value() == problem.empty());
    if (id) PROPERTY(static_cast<bool>(read_id(id, place.space)));
    if (!message) return 0;
    PROPERTY(static_cast<bool>(message->id) == static_cast<bool>(id));
    check_shape(*message);
    check_era(*message, place.space);
    if (message->kind == Kind::request) check_denial(*message);
    if (message->kind == Kind::result) check_lists(message->result, place.space);
    PaddedBytes again(place.pool);
    json::serialise(place.document, {}, again);
    PROPERTY(second().scan(again.text()));
    const auto same = read_message(second().root(), second().space);
    PROPERTY(same.has_value());
    check_same(*message, *same);
    return 0;
}
