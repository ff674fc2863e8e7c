-- policies.lua - a beginning: reading is free, the environment of the server is nobody's business, the rest is for people.
policy "example/reading" {
  on = "request",
  match = { servers = { "everything" }, methods = { "tools/call" }, tools = { "echo", "get-sum", "get-annotated-message" } },
  decide = allow(),
}
policy "example/environment" {
  on = "list", match = { servers = { "everything" }, tools = { "get-env" } }, decide = hide(),
}
policy "example/people" {
  on = "request",
  match = { servers = { "everything" }, methods = { "tools/call" } },
  unless = { tools = { "echo", "get-sum", "get-annotated-message", "get-env" } },
  decide = approve { by = { "operators" }, reason = "not on the list of what is free" },
}
policy "example/everything-else" {
  on = "request", match = { servers = { "everything" } }, unless = { methods = { "tools/call" } }, decide = allow(),
}
