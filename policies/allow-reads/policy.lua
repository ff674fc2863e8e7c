-- For servers with default = "block": what the operator has tagged as reading is allowed, nothing else.

policy "reads/tools" {
  about  = "Tools that the operator tagged `read`",
  on     = "request",
  match  = { methods = "tools/call", tags = "read" },
  decide = allow(),
}

policy "reads/resources" {
  about  = "Resources and prompts only read",
  on     = "request",
  match  = { methods = { "resources/read", "resources/subscribe", "resources/unsubscribe", "prompts/get", "completion/complete" } },
  decide = allow(),
}
