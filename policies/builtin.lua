-- What holds when no policy has decided on a request and the server's `default` is "block", said in weir's own policy
-- language. Embedded in weir. Asked last: any policy of yours that allows, blocks or hides comes first.

policy "builtin/default" {
  about  = "What no policy allows is refused; what only opens, lists or listens goes on",
  on     = "request",
  match  = {},
  unless = {
    methods = {
      "initialize", "ping", "server/discover", "subscriptions/listen", "notifications/*",
      "tools/list", "prompts/list", "resources/list", "resources/templates/list",
    },
  },
  decide = block("no policy allows this", { code = "not_allowed" }),
}
