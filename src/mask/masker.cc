// mask/masker.cc - writes the edits of a message whose places are known.
#include "mask/masker.h"

#include "crypto/base64.h"
#include "json/escape.h"
#include "mask/places.h"
#include "mask/removed.h"

#include <cstring>
#include <optional>

namespace weir::mask {
namespace {

using json::Edit;
using json::Kind;
using json::Value;

/// `text` as a JSON string in `space`.
std::string_view quoted(std::string_view text, Workspace& space) {
    size_t escapes = 0;
    for (const char octet : text) escapes += octet == '"' || octet == '\\' || static_cast<unsigned char>(octet) < 0x20;
    char* const first = space.take(text.size() + 5 * escapes + 2, 1);
    char* to = first;
    *to++ = '"';
    to = json::write_escaped(text, to);
    *to++ = '"';
    return {first, static_cast<size_t>(to - first)};
}

std::string_view in_base64(std::string_view text, Workspace& space) {
    char* const first = space.take(crypto::base64_size(text.size()), 1);
    return {first, static_cast<size_t>(crypto::encode_base64(text, first) - first)};
}

/// Walks the layers a second time.
class Writer {
  public:
    Writer(std::span<const Field> fields, std::span<Tally> tallies, Removed& removed, BufferPool& buffers,
           Workspace& space)
        : fields_(fields), tallies_(tallies), removed_(&removed), buffers_(&buffers), space_(&space) {}

    std::span<const Edit> write(const Layer& layer) {
        Pass pass{layer, layer.hits.all(), layer.children.all(), {}};
        for (const Root root : layer.roots.all()) write_root(pass, root);
        return pass.edits.all();
    }

  private:
    struct Pass {
        const Layer& layer;
        std::span<const Hit> hits;
        std::span<const Child> children;
        List<Edit> edits;
    };

    /// Those at `node`, earlier ones passed over; nullptr if there is none.
    template <class T> static const T* at(std::span<const T>& list, uint32_t node) {
        while (!list.empty() && list.front().node < node) list = list.subspan(1);
        return !list.empty() && list.front().node == node ? &list.front() : nullptr;
    }
    void replace(Pass& pass, uint32_t node, std::string_view json_text) {
        pass.edits.add(Edit::replace(pass.layer.value(node), json_text), *space_);
    }

    void write_root(Pass& pass, const Root& root) {
        switch (root.role) {
            case Role::label:
            case Role::prose: return write_prose(pass, root.node);
            case Role::text:
            case Role::base64:
                if (const Hit* hit = at(pass.hits, root.node)) {
                    const std::string_view form = form_of(pass.layer.value(root.node), fields_[hit->field]);
                    return replace(pass, root.node,
                                   quoted(root.role == Role::base64 ? in_base64(form, *space_) : form, *space_));
                }
                return write_data(pass, root.node);
            case Role::object:
            case Role::input:
            case Role::payload:
                if (const Hit* hit = at(pass.hits, root.node)) return write_whole(pass, root, fields_[hit->field]);
                return write_data(pass, root.node);
            case Role::data:
                if (root.named && name_goes(pass, pass.layer.value(root.node - 1))) return;
                return write_data(pass, root.node);
            case Role::meta:
            case Role::part:
            case Role::part_map:
            case Role::token: return; // no roots
        }
    }

    /// A root that was hit and that MCP expects to be something.
    void write_whole(Pass& pass, const Root& root, const Field& field) {
        const Value value = pass.layer.value(root.node);
        if (root.role == Role::object) pass.edits.add(Edit::drop(value), *space_);
        else if (root.role == Role::input) replace(pass, root.node, "{}");
        else if (field.act == Act::drop) replace(pass, root.node, "null");
        else write_act(pass, value, field);
    }

    /// What stands in a text in place of `value`.
    std::string_view form_of(Value value, const Field& field) {
        switch (field.act) {
            case Act::drop:
            case Act::null: return removed_text;
            case Act::replace: return field.text;
            case Act::last4:
                if (value.is(Kind::string)) return last4_of(value.string(*space_), *space_);
                return value.is(Kind::number) ? last4_of(value.raw(), *space_) : masked_text;
        }
        __builtin_unreachable();
    }

    void write_act(Pass& pass, Value value, const Field& field) {
        if (field.act == Act::drop) pass.edits.add(Edit::drop(value), *space_);
        else if (field.act == Act::null) replace(pass, value.index(), "null");
        else replace(pass, value.index(), quoted(form_of(value, field), *space_));
    }

    void write_data(Pass& pass, uint32_t node) {
        const Value value = pass.layer.value(node);
        if (const Hit* hit = at(pass.hits, node)) return write_act(pass, value, fields_[hit->field]);
        if (value.is(Kind::string)) return write_string(pass, node);
        if (value.is(Kind::number) && removed_->is_value(value.raw(), tallies_)) return replace(pass, node, "null");
        for (const Value element : value.elements()) write_data(pass, element.index());
        for (const Value::Member member : value.members()) {
            if (!name_goes(pass, member.name)) write_data(pass, member.value.index());
        }
    }

    /// Drops the member of data whose name holds a removed value.
    bool name_goes(Pass& pass, Value name) {
        if (!removed_->in_name(name.string(*space_), tallies_)) return false;
        pass.edits.add(Edit::drop(name), *space_);
        return true;
    }

    void write_prose(Pass& pass, uint32_t node) {
        const Value value = pass.layer.value(node);
        if (value.is(Kind::string)) return write_string(pass, node);
        for (const Value element : value.elements()) write_prose(pass, element.index());
        for (const Value::Member member : value.members()) write_prose(pass, member.value.index());
    }

    void write_string(Pass& pass, uint32_t node) {
        const Child* child = at(pass.children, node);
        if (child != nullptr) return write_layer(pass, node, *child->layer);
        const auto text = removed_->without(pass.layer.value(node).string(*space_), tallies_);
        if (text) replace(pass, node, quoted(*text, *space_));
    }

    /// The string `node` gets the new text of its layer, in the base64 it stood in, unless that stays as it is.
    void write_layer(Pass& pass, uint32_t node, const Layer& layer) {
        std::optional<std::string_view> text;
        PaddedBytes bytes(*buffers_);
        if (!layer.json) {
            text = removed_->without(layer.plain, tallies_);
        } else if (!layer.hits.empty() && layer.hits[0].node == 0) {
            text = form_of(layer.value(0), fields_[layer.hits[0].field]);
        } else if (const auto edits = write(layer); !edits.empty()) {
            json::serialise(layer.document, edits, bytes);
            text = bytes.text();
        }
        if (text) replace(pass, node, quoted(layer.base64 ? in_base64(*text, *space_) : *text, *space_));
    }

    std::span<const Field> fields_;
    std::span<Tally> tallies_;
    Removed* removed_;
    BufferPool* buffers_;
    Workspace* space_;
};

json::ScanLimits scan_limits(const Limits& limits) {
    return {limits.answer_bytes_max, limits.json_depth_max, limits.json_members_max, limits.json_number_bytes_max};
}

} // namespace

Masker::Masker(const Limits& limits, BufferPool& buffers)
    : nesting_max_(limits.mask_nesting_max), values_max_(limits.mask_values_max), steps_max_(limits.mask_steps_max),
      buffers_(&buffers), scanner_(scan_limits(limits)) {}

Result<Outcome> Masker::mask(Value message, std::span<const Field> fields, Workspace& space) {
    problem_ = {};
    const auto tallies = space.array<Tally>(fields.size());
    Steps steps{steps_max_};
    Removed removed(fields, space, steps);
    Places places(fields, tallies, scanner_, nesting_max_, values_max_, space, removed, steps);
    const auto layer = places.read(message);
    scanner_.trim();
    if (!layer) {
        problem_ = places.problem();
        return fail(layer.error());
    }
    Outcome outcome{{}, tallies};
    removed.settle();
    outcome.edits = Writer(fields, tallies, removed, *buffers_, space).write(**layer);
    if (steps.exceeded) {
        problem_ = "it would take more steps than mask_steps_max";
        return fail(Error::mask_failed);
    }
    return outcome;
}

} // namespace weir::mask
