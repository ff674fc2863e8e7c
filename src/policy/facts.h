// policy/facts.h - what a policy may know about one message, about the answer to it, or about one entry of a catalogue.
//
// Views only, made by the gateway for the length of one judgement: whatever they point into (slab, exchange, policy
// set) must outlive the call of Judge::judge() they are given to. Absent texts are views without data.
#pragma once

#include "base/ip_address.h"
#include "json/document.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir::identity {
struct Principal;
}

namespace weir::policy {

/// What is judged: a message on its way to a server, one entry of a list on its way to a client, or what a server says
/// to a message that went to it.
enum class On : uint8_t { request, list, response };
inline constexpr size_t ons = 3;

/// An operator's label of a server.
struct Label {
    std::string name;
    std::string value;
};

/// An operator's tag of tools: every tool whose name one of the globs matches carries it.
struct Tag {
    std::string name;
    std::vector<std::string> globs;
};

/// A server as the configuration describes it. Never what the server says about itself.
struct Server {
    std::string name;
    std::vector<Label> labels;
    std::vector<Tag> tags;
    bool allow_by_default = false; // what holds when no policy decides
};

struct Facts { // of a response: those of the request it answers
    On on = On::request;
    uint32_t server = 0;       // index into the servers the PolicySet was loaded with
    std::string_view method;   // of the message; of an entry, the list's own: tools/list, prompts/list, resources/list,
                               // resources/templates/list
    std::string_view tool;     // tools/call: params.name; an entry of tools/list: its name
    std::string_view prompt;   // prompts/get, completion/complete with a prompt; an entry of prompts/list
    std::string_view resource; // resources/*, completion/complete with a resource: URI (or template); an entry's own
    json::Value args;          // the root of params.arguments, decoded on demand; nothing if there is none
    bool args_lost = false;    // response: the request is gone, because its stream was taken up again. match.args holds
                               // then, unless.args does not, and a handler that asks for them fails
    json::Value result, error; // response: the one that it is
    bool before_answer = false; // response: what a server says before its answer, of which nothing is known yet. Masks
                                // hold then whatever they ask of the result; handlers, and blocks that ask for it, are
                                // not for these
    const identity::Principal* principal = nullptr; // nullptr: anonymous
    IpAddress ip;                                   // of the client
    std::string_view session_id;                    // weir's own id of the session, as the record shows it
    uint64_t session_calls = 0;                     // tools/call of this session before this one
    std::string_view client_name, client_version;   // self-reported: shown, never trusted
    uint64_t time_unix_ns = 0;
    uint64_t message_bytes = 0;
};

} // namespace weir::policy
