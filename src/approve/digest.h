// approve/digest.h - what exactly is approved, as one digest: who asks which tool of which server for what.
//
// A changed octet of the arguments, another principal, server or tool is another digest, hence another ticket. Not part of it:
// the JSON-RPC id, _meta, task, inputResponses, requestState; nor the tool's definition, which not every worker knows and
// none does after a start: the ticket keeps it, and is over when it changes (docs/decisions/0006). Pure.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace weir::approve {

using Digest = std::array<uint8_t, 32>;

struct DigestFacts {
    std::string_view principal; // Principal::key
    std::string_view server;    // its name in the configuration
    std::string_view method;
    std::string_view name;      // the tool, prompt or URI
    std::string_view arguments; // canonical (json/canonical.h); absent ones are "{}"
};

/// SHA-256 over all of them, each with its size in front, so that no part can pose as another's end.
Digest digest_of(const DigestFacts& facts);

} // namespace weir::approve
