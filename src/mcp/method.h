// mcp/method.h - every method of every revision of MCP, as one table: its text, who sends it, what it names.
//
// Not what may be asked: that is policy. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir::mcp {

/// What a method's message is: a request (then it has an id) or a notification (then it has none).
enum class Sent : uint8_t { request, notification };

/// What the params of a method name, and under which member.
enum class Named : uint8_t {
    none,
    tool,      // name
    prompt,    // name
    uri,       // uri
    task,      // taskId
    reference, // ref: a prompt by name or a resource by uri
};

// name, text, what it is, what it names
#define WEIR_MCP_METHODS(row) \
    row(initialize, "initialize", request, none) \
    row(ping, "ping", request, none) \
    row(tools_list, "tools/list", request, none) \
    row(tools_call, "tools/call", request, tool) \
    row(resources_list, "resources/list", request, none) \
    row(resources_templates_list, "resources/templates/list", request, none) \
    row(resources_read, "resources/read", request, uri) \
    row(resources_subscribe, "resources/subscribe", request, uri) \
    row(resources_unsubscribe, "resources/unsubscribe", request, uri) \
    row(prompts_list, "prompts/list", request, none) \
    row(prompts_get, "prompts/get", request, prompt) \
    row(completion_complete, "completion/complete", request, reference) \
    row(logging_set_level, "logging/setLevel", request, none) \
    row(server_discover, "server/discover", request, none) \
    row(subscriptions_listen, "subscriptions/listen", request, none) \
    row(tasks_get, "tasks/get", request, task) \
    row(tasks_result, "tasks/result", request, task) \
    row(tasks_list, "tasks/list", request, none) \
    row(tasks_cancel, "tasks/cancel", request, task) \
    row(tasks_update, "tasks/update", request, task) \
    row(sampling_create_message, "sampling/createMessage", request, none) \
    row(elicitation_create, "elicitation/create", request, none) \
    row(roots_list, "roots/list", request, none) \
    row(initialized, "notifications/initialized", notification, none) \
    row(cancelled, "notifications/cancelled", notification, none) \
    row(progress, "notifications/progress", notification, none) \
    row(message, "notifications/message", notification, none) \
    row(roots_list_changed, "notifications/roots/list_changed", notification, none) \
    row(tools_list_changed, "notifications/tools/list_changed", notification, none) \
    row(prompts_list_changed, "notifications/prompts/list_changed", notification, none) \
    row(resources_list_changed, "notifications/resources/list_changed", notification, none) \
    row(resources_updated, "notifications/resources/updated", notification, uri) \
    row(subscriptions_acknowledged, "notifications/subscriptions/acknowledged", notification, none) \
    row(elicitation_complete, "notifications/elicitation/complete", notification, none) \
    row(tasks_status, "notifications/tasks/status", notification, none) \
    row(tasks_changed, "notifications/tasks", notification, none)

enum class Method : uint8_t {
    unknown,
#define WEIR_ROW(name, text, sent, named) name,
    WEIR_MCP_METHODS(WEIR_ROW)
#undef WEIR_ROW
        count_,
};
inline constexpr size_t method_count = static_cast<size_t>(Method::count_);

/// The method whose text is exactly `text`, or unknown.
Method method_of(std::string_view text);
struct MethodRow {
    std::string_view text;
    Sent sent;
    Named named;
};
inline constexpr std::array<MethodRow, method_count> method_rows = {{{"", Sent::request, Named::none},
#define WEIR_ROW(name, text, sent, named) {text, Sent::sent, Named::named},
                                                                     WEIR_MCP_METHODS(WEIR_ROW)
#undef WEIR_ROW
}};

/// Its text; empty for unknown.
inline std::string_view name_of(Method method) { return method_rows[static_cast<size_t>(method)].text; }
inline Sent sent_as(Method method) { return method_rows[static_cast<size_t>(method)].sent; }
inline Named named_by(Method method) { return method_rows[static_cast<size_t>(method)].named; }

/// Requests that 2026-07-28 knows no more.
bool is_legacy_only(Method method);

/// The lists that a policy may shorten: the member of the result that holds the entries, and the member of an entry that
/// names it. Empty for all other methods.
struct ListShape {
    std::string_view entries; // tools, prompts, resources, resourceTemplates
    std::string_view name;    // name, uri, uriTemplate
};
ListShape list_shape(Method method);

} // namespace weir::mcp
