// mask/places.h - where the paths of a mask start in a message, and what they lead to.
//
// A message is one layer; each text in it that is itself a JSON object or array is another one, and so on, a few deep.
// In a layer there are roots: places of the message where somebody's data or words stand (mask/roles.h), or the whole
// of a text's own document. From each root of data and words the fields' paths are walked; what they lead to is a hit.
// Of hits inside of one another the outer one counts.
//
// Not the change itself (mask/masker.h). Pure but for the Workspace, where all of it lies.
#pragma once

#include "base/result.h"
#include "base/workspace.h"
#include "json/document.h"
#include "json/scan.h"
#include "mask/field.h"
#include "mask/list.h"
#include "mask/removed.h"
#include "mask/roles.h"

#include <cstdint>
#include <span>
#include <string_view>

namespace weir::mask {

struct Hit {
    uint32_t node = 0; // the value
    uint32_t field = 0;
};

struct Root {
    uint32_t node = 0;
    Role role = Role::data; // data, object, input, payload, text, base64, label or prose
    bool textual = false;   // base64: named as a text
    bool named = false;     // a member that MCP does not know: its name is data as well
};

struct Layer;

/// A text of a layer that is a layer itself.
struct Child {
    uint32_t node = 0; // the string
    Layer* layer = nullptr;
};

struct Layer {
    json::Document document; // if it is one
    std::string_view plain;  // of a text: what it is as it came
    bool json = false;       // base64 is a layer also without being JSON
    bool base64 = false;     // it stands in base64
    uint8_t depth = 0;       // 0: the message
    List<Root> roots;        // ascending
    List<Hit> hits;          // ascending, none inside of another
    List<Child> children;

    json::Value value(uint32_t node) const { return {document, node}; }
};

/// Finds the layers of one message.
class Places {
  public:
    Places(std::span<const Field> fields, std::span<Tally> tallies, json::Scanner& scanner, uint32_t nesting_max,
           uint32_t values_max, Workspace& space, Removed& removed, Steps& steps)
        : fields_(fields), tallies_(tallies), scanner_(&scanner), nesting_max_(nesting_max), values_max_(values_max),
          space_(&space), removed_(&removed), steps_(&steps) {}

    /// Reads `message`; what its hits hold is in `removed` afterwards, not settled.
    ///
    /// Errors, each with a reason in problem(): mask_failed when a text cannot be looked into as it must be (it is JSON
    /// to some parser but not to the strict scan, or nests deeper than nesting_max, or is named as text in base64 and
    /// is none), or takes too many steps, or too many values.
    Result<Layer*> read(json::Value message);
    std::string_view problem() const { return problem_; }

  private:
    struct Range { // of nodes
        uint32_t begin = 0, end = 0;
    };

    // Each false is a failure, with its problem noted. Recursion is bounded by the depth of documents and by nesting_max.
    bool read_part(Layer& layer, uint32_t node);
    bool read_member(Layer& layer, json::Value object, json::Value name, json::Value value, List<Range>& others);
    void read_meta(Layer& layer, json::Value meta);
    void add_root(Layer& layer, const Root& root);
    void add_other(Layer& layer, json::Value value, List<Range>& others);
    void walk_fields(Layer& layer, json::Value root);
    void walk_others(Layer& layer, json::Value object, const List<Range>& others);
    bool settle(Layer& layer);
    bool read_data(Layer& layer, const Root& root, uint32_t node, std::span<const Hit>& hits);
    bool read_text(Layer& layer, const Root& root, uint32_t node);
    bool read_base64(Layer& layer, const Root& root, uint32_t node);
    bool open_layer(Layer& outer, uint32_t node, PaddedView text, bool base64);
    bool take_out(json::Value value, uint32_t field, uint32_t depth);
    bool fail_with(std::string_view why) {
        if (problem_.empty()) problem_ = why;
        return false;
    }

    std::span<const Field> fields_;
    std::span<Tally> tallies_;
    json::Scanner* scanner_;
    uint32_t nesting_max_, values_max_;
    Workspace* space_;
    Removed* removed_;
    Steps* steps_;
    std::string_view problem_;
};

} // namespace weir::mask
