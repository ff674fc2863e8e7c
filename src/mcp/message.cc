// mcp/message.cc - the shape of JSON-RPC messages and of the params that decisions are about.
#include "mcp/message.h"

#include "json/escape.h"
#include "json/names.h"

#include <utility>

namespace weir::mcp {
namespace {

constexpr int64_t safe_integer_max = (int64_t{1} << 53) - 1; // what every JavaScript peer can hold

/// A string, or an integer that every peer reads alike: digits only, no fraction, no exponent, within 2^53.
bool is_id(json::Value id) {
    if (id.is(json::Kind::string)) return true;
    if (!id.is(json::Kind::number) || id.raw() == "-0") return false;
    const auto number = id.integer();
    return number && *number <= safe_integer_max && *number >= -safe_integer_max;
}

bool is_object_or_nothing(json::Value value) { return !value || value.is(json::Kind::object); }

/// The members of an object that matter, found in one pass.
struct Envelope {
    json::Value jsonrpc, id, method, params, result, error;
};

Envelope members_of(json::Value object) {
    Envelope found;
    for (const auto member : object.members()) {
        // Names with escapes are compared decoded: equals() does.
        const auto text = member.name.undecoded();
        if (member.name.escaped()) {
            for (auto [name, slot] : {std::pair{"jsonrpc", &found.jsonrpc}, {"id", &found.id}, {"method", &found.method},
                                      {"params", &found.params}, {"result", &found.result}, {"error", &found.error}})
                if (member.name.equals(name)) *slot = member.value;
        } else if (text == "jsonrpc") {
            found.jsonrpc = member.value;
        } else if (text == "id") {
            found.id = member.value;
        } else if (text == "method") {
            found.method = member.value;
        } else if (text == "params") {
            found.params = member.value;
        } else if (text == "result") {
            found.result = member.value;
        } else if (text == "error") {
            found.error = member.value;
        }
    }
    return found;
}

Result<void> read_params(Message& message, Workspace& space) {
    if (!message.params) return {};
    if (const auto checked = json::check_reserved_names(message.params, space); !checked) return fail(checked.error());
    message.meta = message.params.find("_meta");
    if (!message.meta) return {};
    if (!message.meta.is(json::Kind::object)) return fail(Error::rpc_params);
    if (const auto checked = json::check_reserved_names(message.meta, space); !checked) return fail(checked.error());
    message.claimed_version = message.meta.find("io.modelcontextprotocol/protocolVersion");
    message.client_capabilities = message.meta.find("io.modelcontextprotocol/clientCapabilities");
    message.client_info = message.meta.find("io.modelcontextprotocol/clientInfo");
    if (message.claimed_version && !message.claimed_version.is(json::Kind::string)) return fail(Error::rpc_params);
    if (!is_object_or_nothing(message.client_capabilities) || !is_object_or_nothing(message.client_info))
        return fail(Error::rpc_params);
    return {};
}

/// What the method is about, and its arguments.
Result<void> read_subject(Message& message, Workspace& space) {
    constexpr std::string_view members[] = {"", "name", "uri", "taskId"};
    if (const Named named = named_by(message.method); named != Named::none) {
        const json::Value value = message.params ? message.params.find(members[static_cast<size_t>(named)]) : json::Value();
        if (!value.is(json::Kind::string)) return fail(Error::rpc_params);
        message.name = value.string(space);
        if (message.name.empty() || message.name.find('\0') != std::string_view::npos) return fail(Error::rpc_params);
    }
    if (!message.params) return {};
    if (message.method == Method::tools_call || message.method == Method::prompts_get) {
        message.arguments = message.params.find("arguments");
        if (!is_object_or_nothing(message.arguments)) return fail(Error::rpc_params);
    }
    if (message.method == Method::initialize) {
        if (!message.params.find("protocolVersion").is(json::Kind::string)) return fail(Error::rpc_params);
        message.client_info = message.params.find("clientInfo");
        if (!is_object_or_nothing(message.client_info)) return fail(Error::rpc_params);
    }
    return {};
}

} // namespace

Result<Message> read_message(json::Value envelope, Workspace& space, json::Value& id) {
    id = {};
    if (!envelope.is(json::Kind::object)) return fail(Error::rpc_invalid);
    const Envelope found = members_of(envelope);
    if (found.id && is_id(found.id)) id = found.id;
    if (!found.jsonrpc.equals("2.0")) return fail(Error::rpc_invalid);
    if (const auto checked = json::check_reserved_names(envelope, space); !checked) return fail(checked.error());
    Message message;
    message.envelope = envelope;
    message.id = id;
    if (!found.method) { // an answer
        if (static_cast<bool>(found.result) == static_cast<bool>(found.error)) return fail(Error::rpc_invalid);
        message.kind = found.result ? Kind::result : Kind::error;
        message.payload = found.result ? found.result : found.error;
        if (!message.payload.is(json::Kind::object)) return fail(Error::rpc_invalid);
        // An error about a message whose id could not be read has none, or null; a result always has one.
        const bool anonymous_error = message.kind == Kind::error && (!found.id || found.id.is(json::Kind::null));
        if (!id && !anonymous_error) return fail(Error::rpc_invalid);
        return message;
    }
    if (found.result || found.error || !found.method.is(json::Kind::string)) return fail(Error::rpc_invalid);
    if (found.id && !id) return fail(Error::rpc_invalid);
    if (found.params && !found.params.is(json::Kind::object)) return fail(Error::rpc_invalid);
    message.kind = found.id ? Kind::request : Kind::notification;
    message.params = found.params;
    message.method_text = found.method.string(space);
    if (message.method_text.empty() || message.method_text.find('\0') != std::string_view::npos) return fail(Error::rpc_invalid);
    message.method = method_of(message.method_text);
    const bool notification_name = message.method_text.starts_with("notifications/");
    // A request without its id would be done in silence; a notification with one would wait for ever.
    if (message.kind == Kind::notification && message.method != Method::unknown && !notification_name) return fail(Error::rpc_invalid);
    if (message.kind == Kind::request && notification_name) return fail(Error::rpc_invalid);
    if (const auto read = read_params(message, space); !read) return fail(read.error());
    if (const auto read = read_subject(message, space); !read) return fail(read.error());
    return message;
}

bool same_id(json::Value id, std::string_view other_text, Workspace& space) {
    if (!id) return false;
    if (id.raw() == other_text) return true;
    // The same string may be written with other escapes.
    if (!id.is(json::Kind::string) || other_text.size() < 2 || other_text.front() != '"') return false;
    const auto undecoded = other_text.substr(1, other_text.size() - 2);
    if (!id.escaped() && undecoded.find('\\') == std::string_view::npos) return false;
    char* decoded = space.take(undecoded.size() + 1, 1);
    return id.equals({decoded, json::decode(undecoded, decoded)});
}

} // namespace weir::mcp
