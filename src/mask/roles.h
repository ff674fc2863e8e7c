// mask/roles.h - what the members of MCP's own objects are to a mask: one table of names, for all messages.
//
// Not a schema: messages were checked before. A name means the same in every object of MCP's own (`description` is a
// text in a prompt as in a task), so the table needs no method and no revision; what a name does not stand for is
// somebody's data. Names inside of data mean nothing here. Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir::mask {

enum class Role : uint8_t {
    data,     // any JSON: paths start at it. What no other role is for
    object,   // the same, and an object: structuredContent. Hit as a whole, it goes
    input,    // the same, and has to be there: hit as a whole, it is empty
    meta,     // _meta: data but for the members of MCP's own
    payload,  // `data`: base64 in a block of an image or sound, else data that has to be there
    text,     // for models and people: paths start at it, as JSON if it is some
    label,    // names or describes something for the protocol's sake: removed values vanish from it
    prose,    // the same of a whole tree: lists, schemas, capabilities
    base64,   // octets that may be a text
    part,     // an object of MCP's own, or an array of them
    part_map, // an object whose members are such objects
    token,    // opaque: has to come back as it is, or to be understood as it is
};

/// The role of the member `name` of one of MCP's own objects, the JSON-RPC envelope included.
Role role_of(std::string_view name);

/// Whether the member `name` of a _meta is MCP's own.
bool is_reserved_meta(std::string_view name);

} // namespace weir::mask
