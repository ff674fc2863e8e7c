// mask/roles.cc - the table, over all revisions from 2024-11-05 to 2026-07-28.
#include "mask/roles.h"

#include <algorithm>
#include <array>

namespace weir::mask {
namespace {

struct Row {
    std::string_view name;
    Role role;
};

// In the order of their octets.
constexpr std::array rows = {
    Row{"_meta", Role::meta},
    Row{"annotations", Role::prose},
    Row{"blob", Role::base64},
    Row{"cacheScope", Role::token},
    Row{"capabilities", Role::prose},
    Row{"clientInfo", Role::prose},
    Row{"code", Role::token},
    Row{"completion", Role::part},
    Row{"content", Role::part},
    Row{"contents", Role::part},
    Row{"createdAt", Role::token},
    Row{"cursor", Role::token},
    Row{"data", Role::payload},
    Row{"description", Role::text},
    Row{"elicitationId", Role::token},
    Row{"error", Role::part},
    Row{"execution", Role::prose},
    Row{"hasMore", Role::token},
    Row{"icons", Role::prose},
    Row{"id", Role::token},
    Row{"includeContext", Role::token},
    Row{"input", Role::input},
    Row{"inputRequests", Role::part_map},
    Row{"instructions", Role::text},
    Row{"isError", Role::token},
    Row{"jsonrpc", Role::token},
    Row{"lastModified", Role::token},
    Row{"lastUpdatedAt", Role::token},
    Row{"level", Role::token},
    Row{"logger", Role::label},
    Row{"maxTokens", Role::token},
    Row{"message", Role::text},
    Row{"messages", Role::part},
    Row{"method", Role::token},
    Row{"mimeType", Role::token},
    Row{"mode", Role::token},
    Row{"model", Role::token},
    Row{"modelPreferences", Role::prose},
    Row{"name", Role::label},
    Row{"nextCursor", Role::token},
    Row{"notifications", Role::prose},
    Row{"params", Role::part},
    Row{"pollInterval", Role::token},
    Row{"pollIntervalMs", Role::token},
    Row{"progress", Role::token},
    Row{"progressToken", Role::token},
    Row{"prompts", Role::prose},
    Row{"protocolVersion", Role::token},
    Row{"reason", Role::text},
    Row{"requestId", Role::token},
    Row{"requestState", Role::token},
    Row{"requestedSchema", Role::prose},
    Row{"resource", Role::part},
    Row{"resourceTemplates", Role::prose},
    Row{"resources", Role::prose},
    Row{"result", Role::part},
    Row{"resultType", Role::token},
    Row{"role", Role::token},
    Row{"serverInfo", Role::prose},
    Row{"size", Role::token},
    Row{"status", Role::token},
    Row{"statusMessage", Role::text},
    Row{"stopReason", Role::token},
    Row{"stopSequences", Role::prose},
    Row{"structuredContent", Role::object},
    Row{"supportedVersions", Role::prose},
    Row{"systemPrompt", Role::text},
    Row{"task", Role::part},
    Row{"taskId", Role::token},
    Row{"tasks", Role::part},
    Row{"temperature", Role::token},
    Row{"text", Role::text},
    Row{"title", Role::label},
    Row{"toolChoice", Role::prose},
    Row{"toolUseId", Role::token},
    Row{"tools", Role::prose},
    Row{"total", Role::token},
    Row{"ttl", Role::token},
    Row{"ttlMs", Role::token},
    Row{"type", Role::token},
    Row{"uri", Role::label},
    Row{"url", Role::label},
    Row{"values", Role::part},
};
static_assert(std::is_sorted(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.name < b.name; }));

} // namespace

Role role_of(std::string_view name) {
    const auto* const at = std::lower_bound(rows.begin(), rows.end(), name,
                                            [](const Row& row, std::string_view wanted) { return row.name < wanted; });
    return at != rows.end() && at->name == name ? at->role : Role::data;
}

bool is_reserved_meta(std::string_view name) {
    return name == "progressToken" || name.starts_with("io.modelcontextprotocol/");
}

} // namespace weir::mask
