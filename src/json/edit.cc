// json/edit.cc - one walk over the nodes beside one walk over the edits.
//
// The new text is never longer than the old one and the texts of the edits together, because no minimal form is longer
// than what it stands for. So room is made once, and everything is written without looking.
#include "json/edit.h"

#include "json/escape.h"
#include "json/scan.h"

#include <algorithm>
#include <cstring>

namespace weir::json {

namespace {

struct Open {
    uint32_t end; // the node behind the container's last one
    bool object;
    bool empty;                  // nothing written into it yet
    std::span<const Edit> edits; // of the container itself
};

class Writer {
  public:
    Writer(const Document& document, std::span<const Edit> edits, char* to)
        : text_(document.text.data()), nodes_(document.nodes.data()), edits_(edits), to_(to) {}

    char* write(uint32_t root);

  private:
    using Act = Edit::Act;

    /// The edits of `node`; those of earlier nodes, which lie in what was replaced or dropped, are passed over.
    std::span<const Edit> edits_of(uint32_t node) {
        while (!edits_.empty() && edits_.front().node < node) edits_ = edits_.subspan(1);
        size_t count = 0;
        while (count < edits_.size() && edits_[count].node == node) ++count;
        return edits_.first(count);
    }
    void put(char octet) { *to_++ = octet; }
    void put(std::string_view text) {
        if (!text.empty()) std::memcpy(to_, text.data(), text.size());
        to_ += text.size();
    }
    void put_string(const Node& node) {
        const std::string_view undecoded(text_ + node.begin, node.length);
        if (node.escaped) {
            put('"');
            to_ = write_minimal(undecoded, to_);
            put('"');
        } else {
            put({undecoded.data() - 1, undecoded.size() + 2});
        }
    }
    void comma(Open& open) {
        if (!open.empty) put(',');
        open.empty = false;
    }
    void close(Open& open) {
        for (const Edit& edit : open.edits) {
            if (edit.act != Act::insert) continue;
            comma(open);
            if (open.object) {
                put('"');
                to_ = write_escaped(edit.name, to_);
                put("\":");
            }
            put(edit.text);
        }
        put(open.object ? '}' : ']');
    }

    const char* const text_;
    const Node* const nodes_;
    std::span<const Edit> edits_;
    char* to_;
};

/// The last edit of the kind `act`, or null.
const Edit* last(std::span<const Edit> edits, Edit::Act act) {
    for (; !edits.empty(); edits = edits.first(edits.size() - 1))
        if (edits.back().act == act) return &edits.back();
    return nullptr;
}

char* Writer::write(uint32_t root) {
    Open stack[Scanner::depth_max];
    size_t depth = 0;
    uint32_t at = root;
    do {
        if (depth != 0) {
            Open& open = stack[depth - 1];
            if (at == open.end) {
                close(open);
                --depth;
                continue;
            }
            const uint32_t value = open.object ? at + 1 : at;
            if (last(edits_of(at), Act::drop) != nullptr || last(edits_of(value), Act::drop) != nullptr) {
                at = nodes_[value].next;
                continue;
            }
            comma(open);
            if (open.object) {
                put_string(nodes_[at]);
                put(':');
            }
            at = value;
        }
        const Node& node = nodes_[at];
        const std::span<const Edit> here = edits_of(at);
        if (const Edit* replace = last(here, Act::replace)) {
            put(replace->text);
            at = node.next;
        } else if (node.kind == Kind::object || node.kind == Kind::array) {
            const bool object = node.kind == Kind::object;
            put(object ? '{' : '[');
            stack[depth++] = {node.next, object, true, here};
            ++at;
        } else {
            WEIR_ASSERT(here.empty()); // nothing can be inserted into a scalar, and the root cannot be dropped
            if (node.kind == Kind::string) put_string(node);
            else put({text_ + node.begin, node.length});
            ++at;
        }
    } while (depth != 0);
    return to_;
}

} // namespace

void serialise(Value value, std::span<const Edit> edits, PaddedBytes& out) {
    WEIR_ASSERT(value);
    size_t room = value.raw().size();
    for (size_t i = 0; i < edits.size(); ++i) {
        WEIR_ASSERT(i == 0 || edits[i - 1].node <= edits[i].node);
        room += edits[i].text.size() + escaped_bytes_max(edits[i].name.size()) + 4; // comma, quotes, colon
    }
    out.reserve(room);
    char* const first = out.data() + out.size();
    Writer writer(*value.document(), edits, first);
    out.grew(static_cast<size_t>(writer.write(value.index()) - first));
}

void sort_edits(std::span<Edit> edits) {
    const auto before = [](const Edit& left, const Edit& right) { return left.node < right.node; };
    if (std::is_sorted(edits.begin(), edits.end(), before)) return;
    std::stable_sort(edits.begin(), edits.end(), before);
}

} // namespace weir::json
