// mask/places.cc - the walk over MCP's own objects, over data, and into the texts that are JSON.
#include "mask/places.h"

#include "crypto/base64.h"
#include "json/utf8.h"

#include <algorithm>
#include <cstring>

namespace weir::mask {
namespace {

using json::Kind;
using json::Value;

/// What a value of another kind than its role expects is: data.
Role settled_role(Role role, Value object, Value value) {
    const bool container = value.is(Kind::object) || value.is(Kind::array);
    switch (role) {
        case Role::token:
        case Role::label:
        case Role::text: return container ? Role::data : role;
        case Role::base64: return value.is(Kind::string) ? role : Role::data;
        case Role::payload: {
            const Value type = object.find("type");
            const bool octets = value.is(Kind::string) && (type.equals("image") || type.equals("audio"));
            return octets ? Role::base64 : Role::payload;
        }
        case Role::meta:
        case Role::part_map: return value.is(Kind::object) ? role : Role::data;
        case Role::part: return container || value.is(Kind::string) ? role : Role::data;
        case Role::data:
        case Role::object:
        case Role::input:
        case Role::prose: return role;
    }
    __builtin_unreachable();
}

/// Whether a mimeType says that what stands in base64 is a text.
bool is_textual(std::string_view type) {
    type = type.substr(0, type.find(';'));
    return type.starts_with("text/") || type.ends_with("json") || type.ends_with("xml") || type.ends_with("javascript");
}

/// Where the JSON of a text begins: behind a byte order mark, which some readers of JSON skip.
PaddedView without_mark(PaddedView text) {
    constexpr std::string_view mark = "\xef\xbb\xbf";
    if (!text.text().starts_with(mark)) return text;
    return {text.data + mark.size(), text.size - mark.size()};
}

bool may_be_json(std::string_view text) {
    const size_t first = text.find_first_not_of(" \t\r\n");
    return first != std::string_view::npos && (text[first] == '{' || text[first] == '[');
}

/// The decoded string, with padding behind it.
PaddedView decoded(Value string, Workspace& space) {
    if (!string.escaped()) return {string.undecoded().data(), string.undecoded().size()}; // lies in a padded text
    char* const room = space.take(string.undecoded().size() + padding_bytes, 1);
    const std::string_view text = string.string(space);
    if (!text.empty()) std::memcpy(room, text.data(), text.size());
    return {room, text.size()};
}

/// A document whose nodes outlive the next scan.
json::Document kept(const json::Document& document, Workspace& space) {
    const auto nodes = document.nodes;
    char* const room = space.take(nodes.size_bytes(), alignof(json::Node));
    std::memcpy(room, nodes.data(), nodes.size_bytes());
    return {document.text, {reinterpret_cast<const json::Node*>(room), nodes.size()}};
}

} // namespace

Result<Layer*> Places::read(Value message) {
    Layer& layer = space_->make<Layer>();
    layer.json = true;
    layer.document = *message.document();
    if (!read_part(layer, message.index()) || !settle(layer)) return fail(Error::mask_failed);
    return &layer;
}

void Places::add_root(Layer& layer, const Root& root) {
    layer.roots.add(root, *space_);
    if (root.role != Role::label && root.role != Role::prose) walk_fields(layer, layer.value(root.node));
}

/// A member that MCP does not know.
void Places::add_other(Layer& layer, Value value, List<Range>& others) {
    add_root(layer, {.node = value.index(), .role = Role::data, .named = true});
    others.add({value.index(), layer.document.nodes[value.index()].next}, *space_);
}

void Places::walk_fields(Layer& layer, Value root) {
    const uint32_t nodes = layer.document.nodes[root.index()].next - root.index();
    for (uint32_t i = 0; i < fields_.size() && !steps_->exceeded; ++i) {
        steps_->take(fields_[i].path.has_wildcard() ? nodes : 1);
        fields_[i].path.each(root, [&](Value value) {
            layer.hits.add({value.index(), i}, *space_);
            return true;
        });
    }
}

/// An object of MCP's own, or an array of them.
bool Places::read_part(Layer& layer, uint32_t node) {
    const Value part = layer.value(node);
    if (part.is(Kind::array)) {
        for (const Value element : part.elements()) {
            if (element.is(Kind::object)) {
                if (!read_part(layer, element.index())) return false;
            } else {
                add_root(layer, {.node = element.index(), .role = element.is(Kind::string) ? Role::text : Role::data});
            }
        }
        return true;
    }
    if (part.is(Kind::string)) add_root(layer, {.node = node, .role = Role::text});
    List<Range> others;
    for (const Value::Member member : part.members())
        if (!read_member(layer, part, member.name, member.value, others)) return false;
    walk_others(layer, part, others);
    return true;
}

bool Places::read_member(Layer& layer, Value object, Value name, Value value, List<Range>& others) {
    const Role role = settled_role(role_of(name.string(*space_)), object, value);
    const uint32_t node = value.index();
    switch (role) {
        case Role::token: return true;
        case Role::part: return read_part(layer, node);
        case Role::part_map:
            for (const Value::Member member : value.members()) {
                if (!member.value.is(Kind::object)) add_root(layer, {.node = member.value.index(), .role = Role::data});
                else if (!read_part(layer, member.value.index())) return false;
            }
            return true;
        case Role::meta: read_meta(layer, value); return true;
        case Role::base64: {
            const bool textual = is_textual(object.find("mimeType").string(*space_));
            add_root(layer, {.node = node, .role = role, .textual = textual});
            return true;
        }
        case Role::data: add_other(layer, value, others); return true;
        case Role::object:
        case Role::input:
        case Role::payload:
        case Role::text:
        case Role::label:
        case Role::prose: add_root(layer, {.node = node, .role = role}); return true;
    }
    __builtin_unreachable();
}

void Places::read_meta(Layer& layer, Value meta) {
    List<Range> others;
    for (const Value::Member member : meta.members()) {
        if (!is_reserved_meta(member.name.string(*space_))) add_other(layer, member.value, others);
    }
    walk_others(layer, meta, others);
}

/// Members that MCP does not know may be meant as members of the object they stand in: paths start there, too, and lead
/// to nothing but these members.
void Places::walk_others(Layer& layer, Value object, const List<Range>& others) {
    if (others.empty()) return;
    const size_t before = layer.hits.size();
    walk_fields(layer, object);
    size_t kept_hits = before;
    for (size_t i = before; i < layer.hits.size(); ++i) {
        const Hit hit = layer.hits[i];
        const auto ranges = others.all();
        const auto behind = std::upper_bound(ranges.begin(), ranges.end(), hit.node,
                                             [](uint32_t at, const Range& range) { return at < range.begin; });
        if (behind != ranges.begin() && hit.node < std::prev(behind)->end) layer.hits[kept_hits++] = hit;
    }
    layer.hits.resize_down(kept_hits);
}

/// Brings the hits in order, takes out what they lead to, and reads the texts that stay.
bool Places::settle(Layer& layer) {
    const auto before = [&](const Hit& a, const Hit& b) {
        const Field &left = fields_[a.field], &right = fields_[b.field];
        if (a.node != b.node) return a.node < b.node;
        if (left.act != right.act) return left.act < right.act;
        return left.text != right.text ? left.text < right.text : a.field < b.field;
    };
    const auto all = layer.hits.all();
    std::sort(all.begin(), all.end(), before);
    size_t kept_hits = 0;
    uint32_t end = 0;
    for (const Hit hit : all) {
        if (hit.node < end) continue;
        end = layer.document.nodes[hit.node].next;
        all[kept_hits++] = hit;
        ++tallies_[hit.field].values;
        if (!take_out(layer.value(hit.node), hit.field, layer.depth)) return false;
    }
    layer.hits.resize_down(kept_hits);
    std::span<const Hit> hits = layer.hits.all();
    for (const Root root : layer.roots.all()) {
        if (root.role == Role::label || root.role == Role::prose) continue;
        if (!read_data(layer, root, root.node, hits)) return false;
    }
    return !steps_->exceeded || fail_with("it would take more steps than mask_steps_max");
}

bool Places::read_data(Layer& layer, const Root& root, uint32_t node, std::span<const Hit>& hits) {
    while (!hits.empty() && hits.front().node < node) hits = hits.subspan(1);
    if (!hits.empty() && hits.front().node == node) return true;
    const Value value = layer.value(node);
    if (value.is(Kind::string)) return read_text(layer, root, node);
    for (const Value element : value.elements())
        if (!read_data(layer, root, element.index(), hits)) return false;
    for (const Value::Member member : value.members())
        if (!read_data(layer, root, member.value.index(), hits)) return false;
    return true;
}

bool Places::read_text(Layer& layer, const Root& root, uint32_t node) {
    const Value string = layer.value(node);
    if (root.role == Role::base64) return read_base64(layer, root, node);
    const std::string_view undecoded = string.undecoded();
    if (!string.escaped() && !may_be_json(without_mark({undecoded.data(), undecoded.size()}).text())) return true;
    return open_layer(layer, node, decoded(string, *space_), false);
}

bool Places::read_base64(Layer& layer, const Root& root, uint32_t node) {
    const PaddedView text = decoded(layer.value(node), *space_);
    char* const octets = space_->take(crypto::base64_decoded_max(text.size) + padding_bytes, 1);
    const auto size = crypto::decode_base64(text.text(), octets);
    if (!size || !json::valid_utf8({octets, *size}))
        return !root.textual || fail_with("what is named as text in base64 is none");
    return open_layer(layer, node, {octets, *size}, true);
}

/// Makes a layer of `text`, if it is JSON; of base64 in any case.
bool Places::open_layer(Layer& outer, uint32_t node, PaddedView text, bool base64) {
    Layer& layer = space_->make<Layer>();
    layer.base64 = base64;
    layer.depth = static_cast<uint8_t>(outer.depth + 1);
    layer.plain = text.text();
    const PaddedView json_text = without_mark(text);
    if (may_be_json(json_text.text())) {
        const auto document = scanner_->scan(json_text);
        // Some parser may read what the strict one refuses for another reason than its grammar.
        if (!document && document.error() != Error::json_syntax && document.error() != Error::json_utf8)
            return fail_with("a text that looks like JSON cannot be read strictly");
        if (document) {
            if (layer.depth > nesting_max_) return fail_with("JSON in texts nests deeper than mask_nesting_max");
            layer.json = true;
            layer.document = kept(*document, *space_);
        }
    }
    if (!layer.json && !base64) return true;
    outer.children.add({node, &layer}, *space_);
    if (!layer.json) return true;
    add_root(layer, {.node = 0, .role = Role::data});
    return settle(layer);
}

/// Adds every scalar of `value`, those of JSON in its texts included.
bool Places::take_out(Value value, uint32_t field, uint32_t depth) {
    if (removed_->size() > values_max_) return fail_with("it removes more values than mask_values_max");
    if (value.is(Kind::number)) removed_->add(value.raw(), field);
    for (const Value element : value.elements())
        if (!take_out(element, field, depth)) return false;
    for (const Value::Member member : value.members())
        if (!take_out(member.value, field, depth)) return false;
    if (!value.is(Kind::string)) return true;
    const PaddedView text = decoded(value, *space_);
    removed_->add(text.text(), field);
    const PaddedView json_text = without_mark(text);
    if (depth >= nesting_max_ || !may_be_json(json_text.text())) return true;
    const auto scanned = scanner_->scan(json_text);
    if (!scanned) return true;
    json::Document& document = space_->make<json::Document>();
    document = kept(*scanned, *space_);
    return take_out(Value::root(document), field, depth + 1);
}

} // namespace weir::mask
