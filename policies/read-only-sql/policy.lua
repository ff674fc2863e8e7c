-- One statement that reads, and nothing else.

local reads = re[[(?is)^\s*(select|show|explain|values|table)\b[^;]*;?\s*$]]
local writes = re[[(?i)\b(into|update|delete|insert|merge|call|do|copy|grant|revoke|drop|alter|truncate|create|lock|set)\b]]

policy "sql/one-reading-statement" {
  about  = "Agents read; changes go through people",
  on     = "request",
  match  = { methods = "tools/call", tools = { "query", "execute*", "*_sql" } },
  decide = function(call)
    local sql = call.args and call.args.sql
    if type(sql) ~= "string" then
      return block("the argument sql is missing or no text", { code = "sql_missing" })
    end
    if not reads:match(sql) then
      return block("only one SELECT, SHOW, EXPLAIN, VALUES or TABLE statement is allowed",
                   { code = "sql_not_reading", hint = "send one SELECT without a semicolon inside" })
    end
    if writes:match(sql) then
      return block("this statement has a word that can change data",
                   { code = "sql_can_write", hint = "quote names that are such words differently, or ask a person" })
    end
    return pass()
  end,
}
