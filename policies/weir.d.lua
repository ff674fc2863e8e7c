---@meta weir
-- Weir's policy language for editors that speak LuaLS (docs/policy.md is the text for people). Never loaded by weir;
-- a test compares the names here with the environment that policies really have.
-- .luarc.json: { "runtime.version": "LuaJIT", "workspace.library": ["/usr/share/weir/lua"] }

---@class weir.Decision
---@class weir.Predicate
---@class weir.Pattern: weir.Predicate
---@field match fun(self: weir.Pattern, text: string): boolean
---@field find fun(self: weir.Pattern, text: string): integer?, integer? first and last byte; only of re

---@alias weir.Globs string|string[]
---@alias weir.Test weir.Globs|weir.Predicate

---@class weir.Match
---@field servers? weir.Globs    over the configured names of servers
---@field labels? table<string, string> operator's labels of the server, exact
---@field methods? weir.Globs
---@field tools? weir.Globs
---@field prompts? weir.Globs
---@field resources? weir.Globs over URIs
---@field tags? weir.Globs      operator's tags of the tool, never the server's annotations
---@field args? table<string, weir.Test> path to predicate; not on = "list"
---@field result? table<string, weir.Test> the same of the result; only on = "response"

---@class weir.Policy
---@field on "request"|"response"|"list"
---@field match weir.Match
---@field unless? weir.Match
---@field decide weir.Decision|fun(call: weir.Call): weir.Decision
---@field mode? "enforce"|"off"
---@field about? string
---@field owner? string
---@field ticket? string

---@class weir.Server
---@field name string
---@field labels table<string, string>
---@class weir.Session
---@field id string
---@field calls integer
---@class weir.Client
---@field name? string       what the client says of itself
---@field version? string
---@field untrusted true
---@class weir.Time
---@field unix integer
---@class weir.Call
---@field method string
---@field tool? string
---@field prompt? string
---@field resource? string
---@field args? table<string, any> a read-only view
---@field result? table<string, any> on = "response": the same of the result
---@field error? table<string, any> on = "response": the same of the error, if it is one
---@field server weir.Server
---@field session weir.Session
---@field client weir.Client
---@field time weir.Time

---@class weir.Block
---@field code? string        a-z, 0-9 and _
---@field hint? string
---@field retry_after? number seconds
---@field as? "result"|"error"

---@param name string
---@return fun(policy: weir.Policy)
function policy(name) end

---@param name string "lib.name": the file lib/name.lua of the policies
---@return table|function
function require(name) end

---@param name string a key of [policies.config]
---@return string|number|boolean
function config(name) end

---@return weir.Decision
function pass() end
---@return weir.Decision
function allow() end
---@param text string
---@param options? weir.Block
---@return weir.Decision
function block(text, options) end
---@param options? { code?: string }
---@return weir.Decision
function hide(options) end

---@class weir.Mask
---@field fields table<string, "drop"|"null"|"last4"|string> path to what becomes of the value; other texts replace it

---@param options weir.Mask
---@return weir.Decision # only on = "response"
function mask(options) end

---@class weir.Approvers
---@field groups? string[]     as issuers name them; "{server}" stands for the server's name
---@field persons? string[]    subjects or verified e-mail addresses

---@class weir.Approve
---@field by weir.Approvers|string[] who may decide, at least one; a list names groups, and with "person:" in front persons
---@field within? string      "15m" (default), "90s", "2h", "1d"
---@field reason? string
---@field on_timeout? "block"

---@param options weir.Approve
---@return weir.Decision # only on = "request"
function approve(options) end

---@type weir.Predicate
present = nil
---@type weir.Predicate
absent = nil
---@param pattern string
---@return weir.Pattern
function glob(pattern) end
---@param pattern string RE2
---@return weir.Pattern
function re(pattern) end
---@param values (string|number|boolean)[]
---@return weir.Predicate
function any_of(values) end
---@param values (string|number|boolean)[]
---@return weir.Predicate
function none_of(values) end
---@param bounds { ge?: number, gt?: number, le?: number, lt?: number, eq?: number, ne?: number }
---@return weir.Predicate
function num(bounds) end
---@param bounds { ge?: number, gt?: number, le?: number, lt?: number, eq?: number, ne?: number }
---@return weir.Predicate
function len(bounds) end

json = {}
---@param view any an object or array of the arguments or the result
---@return string
function json.canon(view) end
---@param view any
---@param path string
---@return any # the value; a table of values if the path has a wildcard
function json.path(view, path) end

hash = {}
---@param text string
---@return string # hexadecimal digits
function hash.sha256(text) end

log = {}
---@param text string
function log.info(text) end
