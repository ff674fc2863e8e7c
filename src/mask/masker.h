// mask/masker.h - takes out of one JSON-RPC message what a mask names, wherever MCP may carry it.
//
// What is masked is the decoded value: escapes, the spelling of names and the pieces a message came in make no
// difference. Paths start at structuredContent, at every text (as JSON, if it is JSON: such a text is written again
// inside of its string), at resources, also in base64, at prompts, at error.data, at the params of what a server asks
// or tells, at _meta and at members that MCP does not know. The scalars that were removed then vanish from everything
// else of the message: from texts wherever they occur, numbers that equal one become null, members of data whose name
// holds one go. Left as they are: ids, cursors, states, tokens, types, images. Where places lie: mask/roles.h.
//
// What cannot be looked into as it must be makes the whole message fail: nothing of it is to be sent. One message at a
// time; what an earlier message of a stream held is not remembered.
//
// Pure but for its memory. One per worker: keeps a Scanner for the texts inside of messages.
#pragma once

#include "base/bytes.h"
#include "base/limits.h"
#include "base/result.h"
#include "base/workspace.h"
#include "json/document.h"
#include "json/edit.h"
#include "json/scan.h"
#include "mask/field.h"

#include <cstdint>
#include <span>
#include <string_view>

namespace weir::mask {

/// What is to change in a message.
struct Outcome {
    std::span<const json::Edit> edits; // ascending, for json::serialise(); none: it is to be sent as it is
    std::span<const Tally> tallies;    // by index of the field
};

class Masker {
  public:
    Masker(const Limits& limits, BufferPool& buffers);

    /// Masks one message: the object of a request, notification or response, which has passed the strict scan and has
    /// padding behind its text. What it returns lies in `space`.
    ///
    /// Errors: mask_failed, with a reason in problem() for the record (never a value): a text that may be JSON to others
    /// but not to the strict scan, JSON in texts nested too deeply, text in base64 that is none, or more values or steps
    /// than mask_values_max and mask_steps_max. The message must not be sent.
    Result<Outcome> mask(json::Value message, std::span<const Field> fields, Workspace& space);

    std::string_view problem() const { return problem_; }

  private:
    const uint32_t nesting_max_, values_max_;
    const uint64_t steps_max_;
    BufferPool* buffers_;
    json::Scanner scanner_;
    std::string_view problem_;
};

} // namespace weir::mask
