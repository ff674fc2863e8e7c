// mcp/message.cc - one walk over the members of the envelope, of params and of _meta; everything else is looked at only
// where a method says so.
#include "mcp/message.h"

#include "base/uri.h"
#include "json/names.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace weir::mcp {
namespace {

using json::Value;

constexpr char key_token[] = "progressToken";
constexpr char key_version[] = "io.modelcontextprotocol/protocolVersion";
constexpr char key_capabilities[] = "io.modelcontextprotocol/clientCapabilities";
constexpr char key_client[] = "io.modelcontextprotocol/clientInfo";
constexpr char key_log_level[] = "io.modelcontextprotocol/logLevel";

/// 2^53 - 1: the largest integer that every peer tells from its neighbours.
constexpr size_t safe_digits = 16;
constexpr std::string_view safe_max = "9007199254740991";

/// Whether a number's text has neither fraction nor exponent.
inline bool is_integer(std::string_view number) {
    const char* const end = number.data() + number.size();
    for (const char* at = number.data() + (number.front() == '-' ? 1 : 0); at != end; ++at)
        if (*at < '0' || *at > '9') return false;
    return true;
}

/// See read_id().
inline Id id_in(Value value, Workspace& space) {
    if (value.is(json::Kind::string)) return {value.raw(), value.string(space), true};
    if (!value.is(json::Kind::number)) return {};
    const std::string_view raw = value.raw();
    if (!is_integer(raw)) return {};
    if (raw.size() < safe_digits) return {raw, raw == "-0" ? raw.substr(1) : raw, false}; // -0 comes back as 0
    // JSON's numbers have no leading zeros, so that the texts compare as the numbers do.
    const std::string_view digits = raw.substr(raw.front() == '-' ? 1 : 0);
    if (digits.size() > safe_digits || (digits.size() == safe_digits && digits > safe_max)) return {};
    return {raw, raw, false};
}

/// The members of params that some method gives a meaning here.
struct Params {
    Value name, uri, task_id, reference, arguments, version, client_info, capabilities;
};

class Reader {
  public:
    Reader(Workspace& space, Message& message) : space_(space), message_(message) {}

    Result<void> read(Value object, Value& id);
    std::string_view problem() const { return problem_; }

  private:
    std::unexpected<Error> wrong(Error error, std::string_view problem) {
        problem_ = problem;
        return fail(error);
    }
    template <class Take> bool each_member(Value object, Take&& take);
    Result<void> read_envelope(Value object);
    Result<void> read_response();
    Result<void> read_params();
    Result<void> read_meta();
    Result<void> read_subject();
    Result<void> take_name(Value value, std::string_view problem);
    Result<void> check_uri(std::string_view what, UriForm form);
    std::string_view text_of(Value name) { return name.escaped() ? name.string(space_) : name.undecoded(); }

    Workspace& space_;
    Message& message_;
    Value jsonrpc_, id_, method_, params_value_;
    Params params_;
    std::string_view problem_;
};

/// Walks the members of an object over the nodes themselves: this is done for three objects of every message.
/// `take(name, value)` says whether it knows the name. Returns whether all were known.
template <class Take> bool Reader::each_member(Value object, Take&& take) {
    const json::Document& document = *object.document();
    const json::Node* const nodes = document.nodes.data();
    const char* const text = document.text.data();
    bool familiar = true;
    for (uint32_t at = object.index() + 1, end = nodes[object.index()].next; at != end; at = nodes[at + 1].next) {
        std::string_view name{text + nodes[at].begin, nodes[at].length};
        if (nodes[at].escaped) [[unlikely]]
            name = Value(document, at).string(space_);
        familiar &= take(name, Value(document, at + 1));
    }
    return familiar;
}

/// Whether `left` and the octets at `right` are the same, word by word; the last word overlaps the one before.
template <class Word, size_t size> bool same_words(std::string_view left, const char* right) {
    const auto differ = [left, right](size_t at) {
        Word one, other;
        std::memcpy(&one, left.data() + at, sizeof one);
        std::memcpy(&other, right + at, sizeof other);
        return static_cast<Word>(one ^ other);
    };
    return [&]<size_t... i>(std::index_sequence<i...>) {
        return (differ(std::min(i * sizeof(Word), size - sizeof(Word))) | ...) == 0;
    }(std::make_index_sequence<(size + sizeof(Word) - 1) / sizeof(Word)>());
}

/// Whether `name` is `known`, a constant of the same size: a few words compared, no call.
template <size_t size_and_nul> bool is(std::string_view name, const char (&known)[size_and_nul]) {
    constexpr size_t size = size_and_nul - 1;
    if constexpr (size >= 8) return same_words<uint64_t, size>(name, known);
    else if constexpr (size >= 4) return same_words<uint32_t, size>(name, known);
    else return same_words<uint16_t, size>(name, known);
}

/// If `name` is `known`, puts `value` where that goes.
template <size_t size> bool put(std::string_view name, const char (&known)[size], Value& place, Value value) {
    if (!is(name, known)) return false;
    place = value;
    return true;
}

Result<void> Reader::read_envelope(Value object) {
    const auto take = [this](std::string_view name, Value value) {
        switch (name.size()) {
            case 2: return put(name, "id", id_, value);
            case 5: return put(name, "error", message_.error, value);
            case 6:
                return put(name, "method", method_, value) || put(name, "params", params_value_, value) ||
                       put(name, "result", message_.result, value);
            case 7: return put(name, "jsonrpc", jsonrpc_, value);
            default: return false;
        }
    };
    if (!each_member(object, take) && !json::check_reserved_names(object, space_))
        return wrong(Error::rpc_name, "a member of the message is a known name in disguise");
    return {};
}

Result<void> Reader::read_response() {
    if (method_) return wrong(Error::rpc_invalid, "a message has a method or is a response, not both");
    if (params_value_) return wrong(Error::rpc_invalid, "a response has no params");
    if (message_.result) {
        message_.kind = Kind::result;
        if (message_.error) return wrong(Error::rpc_invalid, "a response has a result or an error, not both");
        if (!message_.result.is(json::Kind::object)) return wrong(Error::rpc_invalid, "result must be an object");
        if (!message_.id) return wrong(Error::rpc_invalid, "a result needs the id of its request");
        return {};
    }
    message_.kind = Kind::error;
    const Value code = message_.error.find("code");
    if (!code.integer() || !message_.error.find("message").is(json::Kind::string))
        return wrong(Error::rpc_invalid, "error must be an object with an integer code and a message");
    return {};
}

Result<void> Reader::read_params() {
    if (!params_value_) return {};
    if (!params_value_.is(json::Kind::object)) return wrong(Error::rpc_invalid, "params must be an object");
    message_.params = params_value_;
    const auto take = [this](std::string_view name, Value value) {
        switch (name.size()) {
            case 3: return put(name, "uri", params_.uri, value) || put(name, "ref", params_.reference, value);
            case 4: return put(name, "name", params_.name, value);
            case 5: return put(name, "_meta", message_.meta, value);
            case 6: return put(name, "taskId", params_.task_id, value) || is(name, "cursor");
            case 8: return is(name, "argument");
            case 9: return put(name, "arguments", params_.arguments, value);
            case 10: return put(name, "clientInfo", params_.client_info, value);
            case 12:
                return put(name, "capabilities", params_.capabilities, value) ||
                       put(name, "requestState", message_.request_state, value);
            case 14: return put(name, "inputResponses", message_.input_responses, value);
            case 15: return put(name, "protocolVersion", params_.version, value);
            default: return false;
        }
    };
    if (!each_member(params_value_, take) && !json::check_reserved_names(params_value_, space_))
        return wrong(Error::rpc_name, "a member of params is a known name in disguise");
    return {};
}

Result<void> Reader::read_meta() {
    if (!message_.meta) return {};
    if (!message_.meta.is(json::Kind::object)) return wrong(Error::rpc_params, "params._meta must be an object");
    const auto take = [this](std::string_view name, Value value) {
        switch (name.size()) {
            case sizeof key_token - 1: return put(name, key_token, message_.progress_token, value);
            case sizeof key_version - 1: return put(name, key_version, message_.claimed_version, value);
            case sizeof key_capabilities - 1: return put(name, key_capabilities, message_.client_capabilities, value);
            case sizeof key_client - 1: return put(name, key_client, message_.client_info, value);
            case sizeof key_log_level - 1: return is(name, key_log_level);
            default: return false;
        }
    };
    if (!each_member(message_.meta, take) && !json::check_reserved_names(message_.meta, space_))
        return wrong(Error::rpc_name, "a member of params._meta is a known name in disguise");
    if (const Value token = message_.progress_token;
        token && !token.is(json::Kind::string) && !(token.is(json::Kind::number) && is_integer(token.raw())))
        return wrong(Error::rpc_params, "params._meta.progressToken must be a string or an integer");
    if (message_.client_capabilities && !message_.client_capabilities.is(json::Kind::object))
        return wrong(Error::rpc_params, "io.modelcontextprotocol/clientCapabilities must be an object");
    if (message_.client_info && !message_.client_info.is(json::Kind::object))
        return wrong(Error::rpc_params, "io.modelcontextprotocol/clientInfo must be an object");
    return {};
}

/// Names go into other texts and other programs: none is empty, and none ends early for those that stop at a NUL.
inline Result<void> Reader::take_name(Value value, std::string_view problem) {
    message_.name = value.is(json::Kind::string) ? text_of(value) : std::string_view();
    if (message_.name.empty()) return wrong(Error::rpc_params, problem);
    if (value.escaped() && message_.name.contains('\0')) return wrong(Error::rpc_invalid, problem);
    return {};
}

/// What a client asks for has one spelling, so that no policy is passed by another one.
Result<void> Reader::check_uri(std::string_view what, UriForm form) {
    if (message_.kind != Kind::request) return {};
    const std::string_view problem = uri_problem(message_.name, form);
    return problem.empty() ? Result<void>() : wrong(Error::rpc_params, space_.join({what, problem}));
}

Result<void> Reader::read_subject() {
    // A modern request for what only the older era has is an unknown method, whatever its params: the server says so.
    if (message_.claimed_version && is_legacy_only(message_.method)) return {};
    switch (named_by(message_.method)) {
        case Named::none: return {};
        case Named::tool:
        case Named::prompt:
            message_.arguments = params_.arguments;
            if (message_.arguments && !message_.arguments.is(json::Kind::object))
                return wrong(Error::rpc_params, "params.arguments must be an object");
            return take_name(params_.name, "params.name must be a non-empty string without NUL");
        case Named::uri:
            if (const auto named = take_name(params_.uri, "params.uri must be a non-empty string without NUL"); !named)
                return named;
            return check_uri("params.uri must be in normal form: ", UriForm::uri);
        case Named::task: return take_name(params_.task_id, "params.taskId must be a non-empty string without NUL");
        case Named::reference: break;
    }
    // Whoever reads it must read it as either, so it may not be both.
    const Value reference = message_.reference = params_.reference;
    const Value type = reference.find("type"), prompt = reference.find("name"), resource = reference.find("uri");
    if (!json::check_reserved_names(reference, space_))
        return wrong(Error::rpc_name, "a member of params.ref is a known name in disguise");
    if (type.equals("ref/prompt") && !resource)
        return take_name(prompt, "params.ref.name must be a non-empty string without NUL");
    if (type.equals("ref/resource") && !prompt) {
        const auto named = take_name(resource, "params.ref.uri must be a non-empty string without NUL");
        return named ? check_uri("params.ref.uri must be in normal form: ", UriForm::with_holes) : named;
    }
    return wrong(Error::rpc_params, "params.ref must be a ref/prompt with a name or a ref/resource with a uri");
}

Result<void> Reader::read(Value object, Value& id) {
    if (!object.is(json::Kind::object)) return wrong(Error::rpc_invalid, "a message is an object");
    message_.object = object;
    // The id is taken even out of what then fails: the answer must carry it.
    const auto envelope = read_envelope(object);
    if (id_) message_.id = id_in(id_, space_);
    if (message_.id) id = id_;
    if (!envelope) return fail(envelope.error());
    if (!jsonrpc_.equals("2.0")) return wrong(Error::rpc_invalid, "jsonrpc must be \"2.0\"");
    const bool response = message_.result || message_.error;
    const bool answers_nobody = message_.error && id_.is(json::Kind::null);
    if (id_ && !message_.id && !answers_nobody)
        return wrong(Error::rpc_invalid, "id must be a string or an integer within 2^53 - 1");
    if (response) return read_response();
    if (!method_) return wrong(Error::rpc_invalid, "a message has a method, a result or an error");

    if (method_.is(json::Kind::string)) message_.method_text = text_of(method_);
    if (message_.method_text.empty()) return wrong(Error::rpc_invalid, "method must be a non-empty string");
    message_.method = method_of(message_.method_text);
    const bool known = message_.method != Method::unknown;
    if (!known && !std::all_of(message_.method_text.begin(), message_.method_text.end(),
                               [](char octet) { return octet > ' ' && octet < '\x7f'; }))
        return wrong(Error::rpc_invalid, "method must be visible ASCII");
    const bool notification =
        known ? sent_as(message_.method) == Sent::notification : message_.method_text.starts_with("notifications/");
    message_.kind = notification ? Kind::notification : Kind::request;
    if (notification && id_) return wrong(Error::rpc_invalid, "a notification has no id");
    if (!notification && !id_) return wrong(Error::rpc_invalid, "a request needs an id");

    if (const auto params = read_params(); !params) return params;
    if (const auto meta = read_meta(); !meta) return meta;
    if (message_.method == Method::initialize && !message_.claimed_version) {
        if (!params_.version.is(json::Kind::string))
            return wrong(Error::rpc_params, "params.protocolVersion must be a string");
        if (!params_.capabilities.is(json::Kind::object) || !params_.client_info.is(json::Kind::object))
            return wrong(Error::rpc_params, "params.capabilities and params.clientInfo must be objects");
        message_.client_info = params_.client_info;
        message_.client_capabilities = params_.capabilities;
    }
    return read_subject();
}

} // namespace

Id read_id(Value value, Workspace& space) { return id_in(value, space); }

Result<Message> read_message(Value object, Workspace& space, Value& id, std::string_view* problem) {
    Result<Message> message(std::in_place);
    Reader reader(space, *message);
    id = {};
    if (const auto read = reader.read(object, id); !read) {
        if (problem != nullptr) *problem = reader.problem();
        message = fail(read.error());
    }
    return message; // made where the caller wants it: it is large
}

} // namespace weir::mcp
