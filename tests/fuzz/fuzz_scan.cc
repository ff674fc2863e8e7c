// tests/fuzz/fuzz_scan.cc - JSON texts from arbitrary octets.
//
// Holds for every input: nothing beyond the padding is read (the text lies in memory of exactly its size and that, under
// ASan); the scan accepts what the reference accepts; nodes fit into each other and into the text; names are found where
// they are; what is accepted can be written again, with the same canonical form; edits give a text that is accepted
// again and has what they say.
#include "base/random.h"
#include "json/canonical.h"
#include "json/edit.h"
#include "json/names.h"
#include "json/scan.h"

#include "../json/reference.h"
#include "property.h"

#include <vector>

using namespace weir;
using namespace weir::json;

namespace {

/// A text of one's own with padding of no meaning, and no octet more.
struct Text {
    explicit Text(std::string_view text, char behind = ',') : size(text.size()), data(new char[size + padding_bytes]) {
        if (size != 0) std::memcpy(data.get(), text.data(), size);
        std::memset(data.get() + size, behind, padding_bytes);
    }
    PaddedView view() const { return {data.get(), size}; }
    size_t size;
    std::unique_ptr<char[]> data;
};

Scanner& scanner() {
    static Scanner one(ScanLimits{.text_bytes_max = 1 << 20});
    return one;
}

std::string written(const Document& document, std::span<const Edit> edits) {
    BufferPool pool;
    PaddedBytes out(pool);
    serialise(document, edits, out);
    return std::string(out.text());
}

std::string canonical_form(const Document& document) {
    BufferPool pool;
    Workspace space(pool);
    PaddedBytes out(pool);
    PROPERTY(canonical(Value::root(document), 1 << 21, space, out).has_value());
    if (!out.empty()) PROPERTY(!canonical(Value::root(document), out.size() - 1, space, out).has_value());
    return std::string(out.text());
}

void check_nodes(const Document& document) {
    const auto nodes = document.nodes;
    PROPERTY(!nodes.empty() && nodes[0].next == nodes.size());
    for (uint32_t i = 0; i < nodes.size(); ++i) {
        const Node& node = nodes[i];
        PROPERTY(node.next > i && node.next <= nodes.size());
        PROPERTY(size_t{node.begin} + node.length <= document.text.size());
        const Value value(document, i);
        if (node.kind != Kind::object && node.kind != Kind::array) PROPERTY(node.next == i + 1);
        if (i + 1 < node.next) PROPERTY(nodes[i + 1].begin > node.begin);
        if (node.next < nodes.size()) PROPERTY(nodes[node.next].begin >= node.begin + node.length);
        size_t count = 0;
        BufferPool pool;
        Workspace space(pool);
        for (const auto [name, member] : value.members()) {
            const std::string_view decoded = name.string(space);
            PROPERTY(name.is(Kind::string) && name.equals(decoded));
            if (count++ < 40) PROPERTY(value.find(decoded).index() == member.index());
        }
        for (const Value element : value.elements()) {
            if (count < 40) PROPERTY(value.at(count).index() == element.index());
            ++count;
        }
        PROPERTY(value.count() == count);
    }
}

/// Some edits of values, drawn from the text itself.
std::vector<Edit> some_edits(const Document& document, Random& random) {
    std::vector<Edit> edits;
    bool name = false; // whether the node is a member's name
    std::vector<bool> names(document.nodes.size() + 1);
    for (uint32_t i = 0; i < document.nodes.size(); ++i) {
        const Value value(document, i);
        for (const auto [member, unused] : value.members()) names[member.index()] = true;
        name = names[i];
        if (random.below(document.nodes.size() + 1) > 3) continue;
        const uint64_t act = random.below(3);
        if (act == 0 && !name) edits.push_back(Edit::replace(value, R"({"replaced":[1,"\n"]})"));
        if (act == 1 && i != 0) edits.push_back(Edit::drop(value));
        if (act == 2 && value.is(Kind::array)) edits.push_back(Edit::insert(value, "", "[0]"));
        if (act == 2 && value.is(Kind::object) && !value.find("in\n\"serted") && value.count() < 4096)
            edits.push_back(Edit::insert(value, "in\n\"serted", "true"));
    }
    return edits;
}

void check_edits(const Document& document, std::string_view octets) {
    uint64_t seed = octets.size();
    for (const char octet : octets) seed = seed * 31 + static_cast<unsigned char>(octet);
    Random random(seed);
    for (int round = 0; round < 3; ++round) {
        const std::vector<Edit> edits = some_edits(document, random);
        size_t deepest = 0, depth = 0; // a replacement adds two levels
        for (const char octet : document.text) {
            if (octet == '{' || octet == '[') deepest = std::max(deepest, ++depth);
            if ((octet == '}' || octet == ']') && depth != 0) --depth;
        }
        if (deepest > 60) return;
        const std::string text = written(document, edits);
        Scanner again(ScanLimits{.text_bytes_max = 1 << 21});
        const Text room(text);
        const auto edited = again.scan(room.view());
        PROPERTY(edited.has_value());
        PROPERTY(written(*edited, {}) == text);
        if (edits.size() == 1 && edits[0].act == Edit::Act::insert && edits[0].node == 0 &&
            Value::root(document).is(Kind::object))
            PROPERTY(Value::root(*edited).find("in\n\"serted").boolean());
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view octets(reinterpret_cast<const char*>(data), size);
    if (size > 1 << 18) return 0;
    const Text text(octets), other(octets, '"');
    const auto refused = scanner().scan(other.view());
    const auto document = scanner().scan(text.view());
    PROPERTY(document.has_value() == refused.has_value());
    PROPERTY(document.has_value() == reference::accepts(octets));
    if (!document) {
        PROPERTY(document.error() == refused.error());
        PROPERTY((document.error() == Error::json_utf8) == !reference::is_utf8(octets));
        return 0;
    }
    check_nodes(*document);
    check_edits(*document, octets);
    BufferPool pool;
    Workspace space(pool);
    static_cast<void>(check_reserved_names(Value::root(*document), space));

    const std::string again = written(*document, {});
    const std::string form = canonical_form(*document);
    PROPERTY(again.size() <= size && form.size() == again.size());
    const Text again_text(again), form_text(form);
    const auto second = scanner().scan(again_text.view());
    PROPERTY(second.has_value());
    PROPERTY(written(*second, {}) == again && canonical_form(*second) == form);
    const auto third = scanner().scan(form_text.view());
    PROPERTY(third.has_value());
    PROPERTY(written(*third, {}) == form && canonical_form(*third) == form);
    return 0;
}
