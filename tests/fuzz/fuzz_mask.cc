// tests/fuzz/fuzz_mask.cc - masks on arbitrary JSON.
//
// Holds for every input that is an object: masking fails or gives one strict JSON text; id and method stay as they are;
// what is masked again stays as it is; what a path leads to below structuredContent is not there any more; an answer that
// nothing was taken out of has no edits.
#include "json/edit.h"
#include "json/scan.h"
#include "mask/masker.h"

#include "property.h"

#include <array>
#include <string>

using namespace weir;

namespace {

struct Place {
    BufferPool pool;
    Workspace space{pool};
    PaddedBytes text{pool};
    json::Scanner scanner{json::ScanLimits{.text_bytes_max = 1 << 20}};
    json::Document document;

    bool scan(std::string_view octets) {
        text.clear();
        text.append(octets);
        const auto scanned = scanner.scan(text.padded());
        if (scanned) document = *scanned;
        return scanned.has_value();
    }
    json::Value root() const { return json::Value::root(document); }
};

struct Mask {
    Mask() {
        constexpr std::array<std::string_view, 5> texts = {"**.ssn", "a[*].b", "list", "**[0]", "x.y"};
        for (size_t i = 0; i < paths.size(); ++i) {
            paths[i] = *json::Path::parse(texts[i]);
            fields[i] = {paths[i].view(), i % 2 == 0 ? mask::Act::drop : mask::Act::null, {}};
        }
    }
    std::array<json::Path, 5> paths;
    std::array<mask::Field, 5> fields;
};

/// Masks what `place` holds, into `out`. False: it cannot be masked.
bool apply(Place& place, mask::Masker& masker, const Mask& fields, PaddedBytes& out) {
    place.space.reset();
    const auto outcome = masker.mask(place.root(), fields.fields, place.space);
    if (!outcome) {
        PROPERTY(outcome.error() == Error::mask_failed && !masker.problem().empty());
        return false;
    }
    uint64_t values = 0;
    for (const auto& tally : outcome->tallies) values += tally.values;
    PROPERTY(values != 0 || outcome->edits.empty());
    json::serialise(place.document, outcome->edits, out);
    return true;
}

bool same(json::Value one, json::Value other) {
    return static_cast<bool>(one) == static_cast<bool>(other) &&
           (!one || one.kind() != json::Kind::number || one.raw() == other.raw());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static Place first, second, third;
    static const Mask fields;
    static mask::Masker masker(Limits{}, first.pool);
    if (size > 1 << 16 || !first.scan({reinterpret_cast<const char*>(data), size}) ||
        !first.root().is(json::Kind::object))
        return 0;
    PaddedBytes once(first.pool), twice(first.pool);
    if (!apply(first, masker, fields, once)) return 0;
    PROPERTY(second.scan(once.text()));
    for (const char* name : {"id", "method", "jsonrpc"})
        PROPERTY(same(first.root().find(name), second.root().find(name)));
    const auto content = second.root().find("result").find("structuredContent");
    for (size_t i = 0; i < fields.paths.size(); i += 2) // those that drop: there may be others now at `[0]`, none is
        fields.paths[i].each(content, [&](json::Value) {
            PROPERTY(false && "what was dropped is there");
            return true;
        });
    PROPERTY(apply(second, masker, fields, twice));
    PROPERTY(third.scan(twice.text()));
    PROPERTY(once.text() == twice.text());
    return 0;
}
