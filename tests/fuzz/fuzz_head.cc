// tests/fuzz/fuzz_head.cc - heads of requests and answers from arbitrary octets.
//
// Holds for every input: no octet outside of it is read (it lies in memory of exactly its size, under ASan); the verdict
// on a part is `incomplete` or the verdict on the whole; what is read lies inside and fits together; a head that is
// written again from what was read reads the same; every value that was let through can be written.
#include "http/head.h"
#include "http/write.h"

#include "property.h"

#include <array>

using namespace weir;
using namespace weir::http;

namespace {

bool inside(std::string_view part, std::string_view whole) {
    if (part.empty() || part == "/") return true; // a path that was left out is a constant
    return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

template <class Head> void check_fields(const Head& head, std::string_view octets) {
    PROPERTY(head.size <= octets.size());
    PROPERTY(octets.substr(0, head.size).ends_with("\r\n\r\n"));
    for (const Field& field : head.fields) {
        PROPERTY(inside(field.name, octets) && inside(field.value, octets) && !field.name.empty());
        PROPERTY(field.id == field_id(field.name));
        PROPERTY(field.value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
        PROPERTY(head.has(field.id) == (field.id != FieldId::other));
    }
    for (size_t id = 1; id < field_ids; ++id) {
        const Field* field = head.find(static_cast<FieldId>(id));
        if (field != nullptr) PROPERTY(field->id == static_cast<FieldId>(id));
    }
    PROPERTY((head.framing == Framing::length) == (head.content_length != 0));
}

template <class Head> void check_same(const Head& a, const Head& b) {
    PROPERTY(a.fields.size() == b.fields.size());
    for (size_t i = 0; i < a.fields.size(); ++i)
        PROPERTY(a.fields[i].name == b.fields[i].name && a.fields[i].value == b.fields[i].value &&
                 a.fields[i].id == b.fields[i].id);
    PROPERTY(a.framing == b.framing && a.content_length == b.content_length && a.keep_alive == b.keep_alive);
    PROPERTY(a.content_type == b.content_type && a.seen == b.seen);
}

void write_fields(HeadWriter& writer, std::span<const Field> fields) {
    for (const Field& field : fields) writer.field(field.name, field.value);
}

void request(std::string_view octets, size_t cut) {
    std::array<Field, 32> room, again_room;
    HeadLimits limits;
    limits.head_bytes_max = 1 << 10;
    limits.target_bytes_max = 1 << 8;
    const auto head = read_request_head(octets, room, limits);
    const Exact start(octets.substr(0, cut));
    const auto early = read_request_head(start, again_room, limits);
    if (!early) {
        PROPERTY(early.error() == Error::incomplete || (!head && early.error() == head.error()));
    } else {
        PROPERTY(head.has_value());
        PROPERTY(early->size == head->size);
    }
    if (!head) return;
    check_fields(*head, octets);
    PROPERTY(head->size <= limits.head_bytes_max && head->target.size() <= limits.target_bytes_max);
    PROPERTY(head->path.starts_with('/') && inside(head->path, octets) && inside(head->query, octets));
    PROPERTY(head->framing == Framing::none || head->method == Method::post);
    PROPERTY(head->has(FieldId::host) && !head->authority.host.empty());
    PROPERTY(!(head->has(FieldId::content_length) && head->has(FieldId::transfer_encoding)));
    PROPERTY(head->framing != Framing::until_close);
    if (!head->target.starts_with('/')) return;
    BufferPool pool;
    PaddedBytes out(pool);
    HeadWriter writer(out);
    writer.request(head->method, head->target);
    write_fields(writer, head->fields);
    PROPERTY(writer.finish().has_value());
    HeadLimits wide; // ": " and a space may make it longer
    const auto again = read_request_head(out.text(), again_room, wide);
    PROPERTY(again.has_value());
    PROPERTY(again->size == out.size() && again->method == head->method && again->target == head->target);
    check_same(*head, *again);
}

void answer(std::string_view octets, size_t cut) {
    std::array<Field, 32> room, again_room;
    HeadLimits limits;
    limits.head_bytes_max = 1 << 10;
    const auto head = read_answer_head(octets, room, limits);
    const Exact start(octets.substr(0, cut));
    const auto early = read_answer_head(start, again_room, limits);
    if (!early) {
        PROPERTY(early.error() == Error::incomplete || (!head && early.error() == head.error()));
    } else {
        PROPERTY(head.has_value());
        PROPERTY(early->size == head->size);
    }
    if (!head) {
        PROPERTY(head.error() == Error::incomplete || row_of(head.error()).status == 502);
        return;
    }
    check_fields(*head, octets);
    PROPERTY(head->status >= 100 && head->status <= 599 && head->status != 101);
    PROPERTY(!head->informational() || head->framing == Framing::none);
    PROPERTY(head->framing != Framing::until_close || !head->keep_alive);
    if (octets.starts_with("HTTP/1.0")) return;
    BufferPool pool;
    PaddedBytes out(pool);
    HeadWriter writer(out);
    writer.answer(head->status);
    write_fields(writer, head->fields);
    PROPERTY(writer.finish().has_value());
    const auto again = read_answer_head(out.text(), again_room, HeadLimits());
    PROPERTY(again.has_value());
    PROPERTY(again->size == out.size() && again->status == head->status);
    check_same(*head, *again);
}

} // namespace

// The first octet says where the part ends.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    const Exact octets({reinterpret_cast<const char*>(data) + 1, size - 1});
    const size_t cut = octets.size * data[0] / 256;
    request(octets, cut);
    answer(octets, cut);
    return 0;
}
