// json/names.cc - a small table of the known names, looked up by their folded form.
#include "json/names.h"

#include "json/sweep.h"

#include <algorithm>
#include <array>

namespace weir::json {

namespace {

/// The members of JSON-RPC 2.0's envelope, of the params of every request and notification in MCP's schemas from
/// 2024-11-05 to 2026-07-28, and of their _meta.
// clang-format off
constexpr std::array<std::string_view, 54> known_names = {
    "jsonrpc", "id", "method", "params", "result", "error", "code", "message", "data",
    "_meta", "argument", "arguments", "capabilities", "clientInfo", "context", "cursor", "elicitationId",
    "includeContext", "inputResponses", "level", "logger", "maxTokens", "messages", "metadata", "mode",
    "modelPreferences", "name", "notifications", "progress", "progressToken", "protocolVersion", "reason", "ref",
    "requestId", "requestState", "requestedSchema", "stopSequences", "systemPrompt", "task", "taskId", "temperature",
    "toolChoice", "tools", "total", "uri", "url",
    "io.modelcontextprotocol/clientCapabilities", "io.modelcontextprotocol/clientInfo",
    "io.modelcontextprotocol/logLevel", "io.modelcontextprotocol/protocolVersion",
    "io.modelcontextprotocol/related-task", "io.modelcontextprotocol/serverInfo",
    "io.modelcontextprotocol/subscriptionId", "io.modelcontextprotocol/tasks"};
// clang-format on

constexpr size_t longest = 42;
static_assert(std::all_of(known_names.begin(), known_names.end(), [](auto name) { return name.size() <= longest; }));

constexpr char fold(char octet) { return octet >= 'A' && octet <= 'Z' ? static_cast<char>(octet | 0x20) : octet; }

/// Equal for names that differ in case only.
constexpr size_t folded_hash(std::string_view name) {
    size_t hash = name.size();
    for (const char octet : {name.front(), name[name.size() / 2], name.back()})
        hash = hash * 31 + static_cast<unsigned char>(fold(octet));
    return hash;
}

constexpr size_t table_size = 256;

/// Open addressing; 0 is free, else 1 + the place in known_names.
constexpr std::array<uint8_t, table_size> known_table = [] {
    std::array<uint8_t, table_size> table{};
    for (size_t i = 0; i < known_names.size(); ++i) {
        size_t place = folded_hash(known_names[i]) % table_size;
        while (table[place] != 0) place = (place + 1) % table_size;
        table[place] = static_cast<uint8_t>(i + 1);
    }
    return table;
}();

bool equal_but_for_case(std::string_view left, std::string_view right) {
    return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                      [](char a, char b) { return fold(a) == fold(b); });
}

/// Whether the folded form of `name` is that of a known name; `exact` tells whether it is that name itself.
bool resembles_known(std::string_view name, bool& exact) {
    exact = false;
    if (name.empty() || name.size() > longest) return false;
    for (size_t place = folded_hash(name) % table_size; known_table[place] != 0; place = (place + 1) % table_size) {
        const std::string_view known = known_names[known_table[place] - 1U];
        if (known == name) return exact = true;
        if (equal_but_for_case(known, name)) return true;
    }
    return false;
}

/// For each length, the first letters (bit 1 for a, as in ASCII's low five bits) of the known names with capitals: all
/// that a name without capitals could be a disguise of.
constexpr std::array<uint32_t, longest + 1> capital_names = [] {
    std::array<uint32_t, longest + 1> letters{};
    for (const std::string_view name : known_names)
        if (std::any_of(name.begin(), name.end(), [](char octet) { return fold(octet) != octet; }))
            letters[name.size()] |= 1U << (name.front() & 31);
    return letters;
}();

/// What a name is made of.
struct Makeup {
    bool plain;    // neither a control nor anything beyond ASCII
    bool capitals; // A to Z
};

/// Looks at 16 octets at a time. Scanned and decoded names lie in padded memory, so that the last ones may lie behind
/// the name.
inline Makeup makeup_of(std::string_view name) {
    uint32_t odd = 0, capitals = 0;
    for (size_t at = 0; at < name.size(); at += block_bytes) {
        const Letters letters = letters_at(name.data() + at);
        const size_t left = name.size() - at;
        const uint32_t inside = left >= block_bytes ? UINT32_MAX : (1U << left) - 1;
        odd |= ~letters.plain & inside;
        capitals |= letters.capitals & inside;
    }
    return {(odd & block_mask) == 0, capitals != 0};
}

/// Names with octets that are not plain: controls are refused, the two letters beyond ASCII that fold into it folded.
bool honest_beyond_ascii(std::string_view name) {
    std::array<char, longest> folded{};
    size_t size = 0;
    for (size_t at = 0; at < name.size(); ++at) {
        const std::string_view rest = name.substr(at);
        char octet = rest.front();
        if (static_cast<unsigned char>(octet) < 0x20 || octet == '\x7f') return false;
        if (rest.size() > 1 && octet == '\xc2' && static_cast<unsigned char>(rest[1]) < 0xa0) return false; // C1
        if (rest.starts_with("\xc5\xbf")) octet = 's', at += 1;                                             // U+017F
        if (rest.starts_with("\xe2\x84\xaa")) octet = 'k', at += 2;                                         // U+212A
        if (size < longest) folded[size] = octet;
        ++size;
    }
    if (size > longest) return true;
    bool exact = false;
    return !resembles_known({folded.data(), size}, exact); // the form is not the name, so exact is disguise as well
}

inline bool honest(std::string_view name) {
    if (name.empty()) return true;
    const Makeup makeup = makeup_of(name);
    if (!makeup.plain) return honest_beyond_ascii(name);
    if (name.size() > longest) return true;
    if (!makeup.capitals && (capital_names[name.size()] >> (name.front() & 31) & 1) == 0) return true;
    bool exact = false;
    return !resembles_known(name, exact) || exact;
}

} // namespace

Result<void> check_reserved_names(Value object, Workspace& space) {
    if (!object.is(Kind::object)) return {};
    const Document& document = *object.document();
    const Node* const nodes = document.nodes.data();
    const uint32_t end = nodes[object.index()].next;
    for (uint32_t at = object.index() + 1; at != end; at = nodes[at + 1].next) {
        const Node& node = nodes[at];
        std::string_view name(document.text.data() + node.begin, node.length);
        if (node.escaped) name = Value(document, at).string(space);
        if (!honest(name)) return fail(Error::rpc_name);
    }
    return {};
}

} // namespace weir::json
