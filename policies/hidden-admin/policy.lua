-- Sharp tools are not shown, and so cannot be used.

policy "catalog/hidden-admin" {
  about  = "Nobody deletes or administers through an agent",
  on     = "list",
  match  = { tools = { "admin_*", "*_delete", "delete_*" } },
  unless = { labels = { env = "dev" } },
  decide = hide(),
}
