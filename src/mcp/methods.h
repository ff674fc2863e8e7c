// mcp/methods.h - the one table of MCP's methods: their names, who sends them, in which era, and what weir does with them.
//
// Pure data. Sources: the schemas of the revisions 2025-03-26 to 2026-07-28.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir::mcp {

// enumerator, name, named (what of params Mcp-Name mirrors: none, name, uri, task_id), list (none, or the array's name)
#define WEIR_MCP_METHODS(row) \
    row(initialize, "initialize", none, "") \
    row(ping, "ping", none, "") \
    row(server_discover, "server/discover", none, "") \
    row(tools_list, "tools/list", none, "tools") \
    row(tools_call, "tools/call", name, "") \
    row(resources_list, "resources/list", none, "resources") \
    row(resources_templates_list, "resources/templates/list", none, "resourceTemplates") \
    row(resources_read, "resources/read", uri, "") \
    row(resources_subscribe, "resources/subscribe", uri, "") \
    row(resources_unsubscribe, "resources/unsubscribe", uri, "") \
    row(prompts_list, "prompts/list", none, "prompts") \
    row(prompts_get, "prompts/get", name, "") \
    row(completion_complete, "completion/complete", none, "") \
    row(logging_set_level, "logging/setLevel", none, "") \
    row(subscriptions_listen, "subscriptions/listen", none, "") \
    row(tasks_get, "tasks/get", task_id, "") \
    row(tasks_result, "tasks/result", task_id, "") \
    row(tasks_list, "tasks/list", none, "") \
    row(tasks_update, "tasks/update", task_id, "") \
    row(tasks_cancel, "tasks/cancel", task_id, "") \
    row(notifications_initialized, "notifications/initialized", none, "") \
    row(notifications_cancelled, "notifications/cancelled", none, "") \
    row(notifications_progress, "notifications/progress", none, "") \
    row(notifications_roots_list_changed, "notifications/roots/list_changed", none, "") \
    row(sampling_create_message, "sampling/createMessage", none, "") \
    row(elicitation_create, "elicitation/create", none, "") \
    row(roots_list, "roots/list", none, "")

enum class Method : uint8_t {
#define WEIR_ROW(id, name, named, list) id,
    WEIR_MCP_METHODS(WEIR_ROW)
#undef WEIR_ROW
    unknown,
};

/// Which member of params names what the method is about.
enum class Named : uint8_t { none, name, uri, task_id };

/// The method called `name`; unknown for any other text.
Method method_of(std::string_view name);
/// Its name; empty for unknown.
std::string_view name_of(Method method);
Named named_by(Method method);
/// The name of the array of a list's result; empty for everything that is no catalogue.
std::string_view list_of(Method method);

} // namespace weir::mcp
