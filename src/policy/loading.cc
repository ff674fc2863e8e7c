// policy/loading.cc - what files of policies say while they are loaded: policy "name" { ... }, require, config.
//
// The loader's box checks every field and collects rules; a worker's box, which runs the same texts again, only takes
// the handlers. Whatever is unknown is a problem; what the language has and this version has not says so.
#include "base/glob.h"
#include "base/nearest.h"
#include "base/uri.h"
#include "policy/box.h"
#include "policy/lua.h"

#include <algorithm>
#include <cstring>

namespace weir::policy {
namespace {

constexpr uint32_t require_depth_max = 16;
constexpr size_t name_bytes_max = 128;

/// What the language names and this version does not have.
constexpr std::string_view fields_known[] = {"on", "match", "unless", "decide", "mode", "about", "owner", "ticket"};
constexpr std::string_view keys_known[] = {"servers", "tools",  "prompts", "methods", "resources", "tags",   "labels",
                                           "args",    "result", "who",     "groups",  "agents",    "claims", "ip"};
constexpr std::string_view lists[] = {"tools/list", "prompts/list", "resources/list", "resources/templates/list"};
constexpr std::string_view keys_later[] = {"time", "session", "size"};

bool among(std::string_view word, std::span<const std::string_view> words) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

/// What is said of a word that is none of `known`: `text`, and which one may have been meant.
std::string with_nearest(std::string text, std::string_view word, std::span<const std::string_view> known) {
    if (const std::string_view meant = nearest(word, known); !meant.empty())
        text += "; did you mean '" + std::string(meant) + "'?";
    return text;
}

bool valid_name(std::string_view name) {
    if (name.empty() || name.size() > name_bytes_max) return false;
    return std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
               c == '.' || c == '/';
    });
}

std::string_view text_of(lua_State* state, int index) {
    size_t bytes = 0;
    const char* text = lua_tolstring(state, index, &bytes); // only asked of strings
    return {text, bytes};
}

/// Reads one policy's table. Problems are collected, so that one run of the loader shows them all.
class Reader {
  public:
    Reader(lua_State* state, Box& box, Rule& rule) : state_(state), box_(box), rule_(rule) {}

    /// Reads the table at `table`; false when there were problems.
    bool read(int table) {
        bool match = false, decide = false;
        lua_pushnil(state_);
        while (lua_next(state_, table) != 0) {
            const int value = lua_gettop(state_);
            if (lua_type(state_, value - 1) != LUA_TSTRING) {
                problem("a policy has named fields only");
            } else {
                const std::string_view field = text_of(state_, value - 1);
                if (field == "on") read_on(value);
                else if (field == "match") match = true, read_condition(value, "match", rule_.match);
                else if (field == "unless") read_condition(value, "unless", rule_.unless);
                else if (field == "decide") decide = true, read_decide(value);
                else if (field == "mode") read_mode(value);
                else if (field == "about" || field == "owner" || field == "ticket") want_text(value, field);
                else problem(with_nearest("unknown field '" + std::string(field) + "'", field, fields_known));
            }
            lua_settop(state_, value - 1);
        }
        if (!on_) problem("'on' is missing: \"request\", \"response\" or \"list\"");
        if (!match) problem("'match' is missing; match = {} means everything");
        if (!decide) problem("'decide' is missing");
        check_methods(rule_.match.methods);
        check_methods(rule_.unless.methods);
        if (on_) check_on(decide && !rule_.handler);
        return fine_;
    }
    bool off() const { return off_; }

  private:
    void problem(std::string text) {
        fine_ = false;
        box_.purpose.problems->push_back({rule_.file, rule_.line, "policy \"" + rule_.name + "\": " + std::move(text)});
    }

    bool want_text(int value, std::string_view what) {
        if (lua_type(state_, value) == LUA_TSTRING) return true;
        problem("'" + std::string(what) + "' is a string");
        return false;
    }

    void read_on(int value) {
        on_ = true;
        if (!want_text(value, "on")) return;
        const std::string_view on = text_of(state_, value);
        if (on == "request") rule_.on = On::request;
        else if (on == "list") rule_.on = On::list;
        else if (on == "response") rule_.on = On::response;
        else problem("'on' is \"request\", \"response\" or \"list\"");
    }

    void read_mode(int value) {
        if (!want_text(value, "mode")) return;
        const std::string_view mode = text_of(state_, value);
        if (mode == "off") off_ = true;
        else if (mode == "shadow") problem("mode = \"shadow\" is not available in this version");
        else if (mode != "enforce") problem("'mode' is \"enforce\" or \"off\"");
    }

    /// A handler that reaches its end returns nothing, which blocks: mostly a return was forgotten.
    void warn_of_end(int value) {
        if (box_.purpose.warnings == nullptr || box_.purpose.sources == nullptr) return;
        lua_Debug where{};
        lua_pushvalue(state_, value);
        if (lua_getinfo(state_, ">S", &where) == 0 || where.source[0] != '@') return;
        const std::string file = where.source + 1;
        const auto source = std::ranges::find(*box_.purpose.sources, file, &Source::name);
        if (source == box_.purpose.sources->end()) return;
        const auto [known, fresh] = box_.functions.try_emplace(file);
        if (fresh) known->second = functions_of(source->text);
        const auto first = static_cast<uint32_t>(where.linedefined),
                   last = static_cast<uint32_t>(where.lastlinedefined);
        size_t found = 0, open = 0; // of several on the same lines nobody knows which it is
        for (const Function& function : known->second) {
            if (function.first_line != first || function.last_line != last) continue;
            ++found;
            if (function.reaches_end) ++open;
        }
        if (found != 0 && open == found)
            box_.purpose.warnings->push_back({file, last,
                                              "policy \"" + rule_.name +
                                                  "\": its handler can reach its end without a decision, and "
                                                  "then it blocks: end it with return pass()"});
    }

    void read_decide(int value) {
        if (lua_iscfunction(state_, value))
            return problem(
                "decisions are made by a call: pass(), allow(), block(...), hide(), mask{...}, approve{...}");
        if (lua_isfunction(state_, value)) {
            rule_.handler = true;
            warn_of_end(value);
            return;
        }
        const auto* decision = static_cast<const DecisionValue*>(value_at(state_, value, Type::decision));
        if (decision == nullptr) {
            problem(
                "'decide' is a decision (pass(), allow(), block(...), hide(), mask{...}, approve{...}) or a function "
                "that "
                "returns one");
            return;
        }
        Ruling& ruling = rule_.ruling;
        ruling.decision = decision->decision;
        ruling.as = decision->as;
        ruling.retry_after_s = decision->retry_after_s;
        ruling.within_ns = decision->within_ns;
        ruling.code = decision->code();
        ruling.text = decision->text();
        ruling.hint = decision->hint();
        for (size_t i = 0; i < decision->fields(); ++i) {
            const auto field = decision->field(i);
            ruling.mask.push_back({*json::Path::parse(field.path), field.act, std::string(field.text)});
        }
        for (size_t i = 0; i < decision->names(); ++i) ruling.by.emplace_back(decision->name(i));
    }

    /// What does not go together with the rule's `on`. `decided`: its decision is a value.
    void check_on(bool decided) {
        if (rule_.on == On::list && (!rule_.match.arguments.empty() || !rule_.unless.arguments.empty()))
            problem("a list has no arguments: 'args' is for on = \"request\" and on = \"response\"");
        if (rule_.on == On::list)
            for (const std::string& glob : rule_.match.methods)
                if (std::ranges::none_of(lists, [&](std::string_view list) { return glob_match(glob, list); }))
                    problem("'" + glob + "' in methods names no list: on = \"list\" is asked about entries of " +
                            "tools/list, prompts/list, resources/list and resources/templates/list");
        if (rule_.on != On::response && (!rule_.match.results.empty() || !rule_.unless.results.empty()))
            problem("there is no result yet: 'result' is for on = \"response\"");
        if (!decided) return;
        if (const std::string_view wrong = wrong_decision(rule_.on, rule_.ruling.decision); !wrong.empty())
            problem(std::string(wrong));
    }

    /// Servers may have methods of their own; what is nearly one of MCP's was meant to be that one.
    void check_methods(const std::vector<std::string>& globs) {
        const auto known = box_.purpose.methods;
        std::vector<std::string> families;
        std::vector<std::string_view> words(known.begin(), known.end());
        for (const std::string_view method : known)
            if (const size_t slash = method.find('/'); slash != method.npos)
                families.push_back(std::string(method.substr(0, slash + 1)) + "*");
        words.insert(words.end(), families.begin(), families.end());
        for (const std::string& glob : globs) {
            if (std::ranges::any_of(known, [&](std::string_view method) { return glob_match(glob, method); })) continue;
            if (!nearest(glob, words).empty())
                problem(with_nearest("'" + glob + "' in methods is no method of MCP", glob, words));
        }
    }

    void read_condition(int value, const char* where, Condition& condition) {
        condition.given = true;
        if (!lua_istable(state_, value)) return problem("'" + std::string(where) + "' is a table");
        size_t count = 0;
        lua_pushnil(state_);
        while (lua_next(state_, value) != 0) {
            ++count;
            const int under = lua_gettop(state_);
            if (lua_type(state_, under - 1) != LUA_TSTRING) problem(std::string(where) + " has named keys only");
            else read_key(under, where, text_of(state_, under - 1), condition);
            lua_settop(state_, under - 1);
        }
        if (count == 0 && std::strcmp(where, "unless") == 0)
            problem("an empty 'unless' holds always, so the policy would never apply");
    }

    void read_key(int value, const char* where, std::string_view key, Condition& condition) {
        if (key == "servers") read_globs(value, key, condition.servers);
        else if (key == "tools") read_globs(value, key, condition.tools);
        else if (key == "prompts") read_globs(value, key, condition.prompts);
        else if (key == "methods") read_globs(value, key, condition.methods);
        else if (key == "resources") read_globs(value, key, condition.resources);
        else if (key == "tags") read_globs(value, key, condition.tags);
        else if (key == "labels") read_labels(value, condition);
        else if (key == "args") read_values(value, key, condition.arguments);
        else if (key == "result") read_values(value, key, condition.results);
        else if (key == "who") read_globs(value, key, condition.who);
        else if (key == "groups") read_globs(value, key, condition.groups);
        else if (key == "agents") read_globs(value, key, condition.agents);
        else if (key == "claims") read_values(value, key, condition.claims);
        else if (key == "ip") read_ranges(value, condition.ip);
        else if (among(key, keys_later))
            problem(std::string(where) + "." + std::string(key) + " is not available in this version");
        else problem(with_nearest("unknown key '" + std::string(key) + "' in " + where, key, keys_known));
    }

    void add_glob(int value, std::string_view key, std::vector<std::string>& into) {
        const std::string_view glob = text_of(state_, value);
        if (!glob_valid(glob)) problem("'" + std::string(glob) + "' in " + std::string(key) + " is no glob");
        else if (glob.empty() && among(key, keys_known))
            problem("'" + std::string(key) + "' has an empty glob, which matches nothing");
        else if (const auto wrong = key == "resources" ? uri_problem(uri_of_glob(glob), UriForm::with_holes) : "";
                 !wrong.empty())
            problem("'" + std::string(glob) + "' in resources matches no URI in normal form: " + std::string(wrong));
        else if (key == "resources" && glob_asks_for_user(glob))
            problem(
                "'" + std::string(glob) +
                "' in resources asks for a user in front of the host, which no URI in normal form has; an '@' in the "
                "path has a '/' before it");
        else into.emplace_back(glob);
    }

    /// A string or a list of strings.
    void read_globs(int value, std::string_view key, std::vector<std::string>& into) {
        if (lua_type(state_, value) == LUA_TSTRING) return add_glob(value, key, into);
        const size_t count = lua_istable(state_, value) ? lua_objlen(state_, value) : 0;
        size_t keys = 0;
        bool texts = count != 0;
        if (count != 0) {
            lua_pushnil(state_);
            while (lua_next(state_, value) != 0) {
                ++keys;
                texts = texts && lua_type(state_, -1) == LUA_TSTRING && lua_type(state_, -2) == LUA_TNUMBER;
                lua_pop(state_, 1);
            }
        }
        if (!texts || keys != count)
            return problem("'" + std::string(key) + "' is a glob or a list of at least one glob");
        for (size_t i = 1; i <= count; ++i) {
            lua_rawgeti(state_, value, static_cast<int>(i));
            add_glob(lua_gettop(state_), key, into);
            lua_pop(state_, 1);
        }
    }

    void read_ranges(int value, std::vector<IpRange>& ranges) {
        std::vector<std::string> texts;
        read_globs(value, "ip", texts);
        for (const std::string& text : texts) {
            if (const auto range = IpRange::parse(text)) ranges.push_back(*range);
            else
                problem("'" + text +
                        "' in ip is no address and no range of them, as in '10.0.0.0/8' or '2001:db8::/32'");
        }
    }

    void read_labels(int value, Condition& condition) {
        if (!lua_istable(state_, value)) return problem("'labels' is a table of names and values");
        lua_pushnil(state_);
        while (lua_next(state_, value) != 0) {
            if (lua_type(state_, -1) != LUA_TSTRING || lua_type(state_, -2) != LUA_TSTRING)
                problem("'labels' is a table of names and values, all strings");
            else condition.labels.push_back({std::string(text_of(state_, -2)), std::string(text_of(state_, -1))});
            lua_pop(state_, 1);
        }
        if (condition.labels.empty()) problem("'labels' is empty");
    }

    void read_values(int value, std::string_view key, std::vector<ValueTest>& tests) {
        const std::string what = "'" + std::string(key) + "' is a table from paths to predicates";
        if (!lua_istable(state_, value)) return problem(what);
        lua_pushnil(state_);
        while (lua_next(state_, value) != 0) {
            const int under = lua_gettop(state_);
            if (lua_type(state_, under - 1) != LUA_TSTRING) problem(what);
            else read_value(under, key, text_of(state_, under - 1), tests);
            lua_settop(state_, under - 1);
        }
        if (tests.empty()) problem("'" + std::string(key) + "' is empty");
    }

    void read_value(int value, std::string_view key, std::string_view path, std::vector<ValueTest>& tests) {
        auto parsed = json::Path::parse(path);
        if (!parsed) return problem(parsed.error());
        const std::string place = std::string(key) + "." + std::string(path);
        Test test;
        if (const auto* made = static_cast<const TestValue*>(value_at(state_, value, Type::test))) {
            test = box_.tests[made->index];
        } else if (lua_type(state_, value) == LUA_TSTRING || lua_istable(state_, value)) {
            test.kind = Test::Kind::glob;
            read_globs(value, place, test.globs);
        } else {
            return problem(place + " is a predicate, a glob or a list of globs; for other values any_of{...}");
        }
        tests.push_back({std::move(*parsed), std::move(test)});
    }

    lua_State* state_;
    Box& box_;
    Rule& rule_;
    bool fine_ = true, on_ = false, off_ = false;
};

/// Where the Lua code that called stands: its file as it was named to load(), and its line.
void place(lua_State* state, std::string& file, uint32_t& line) {
    lua_Debug where{};
    if (lua_getstack(state, 1, &where) == 0 || lua_getinfo(state, "Sl", &where) == 0) return;
    file = where.source[0] == '@' ? where.source + 1 : where.source;
    line = where.currentline > 0 ? static_cast<uint32_t>(where.currentline) : 0;
}

/// Keeps the function at field `decide` of the table at `table` as the handler of rule `index`.
void keep_handler(lua_State* state, const Box& box, int table, size_t index) {
    lua_rawgeti(state, LUA_REGISTRYINDEX, box.references.handlers);
    lua_getfield(state, table, "decide");
    lua_rawseti(state, -2, static_cast<int>(index) + 1);
    lua_pop(state, 1);
}

/// The second half of policy "name" { ... }. Upvalue: the name.
int policy_table(lua_State* state) {
    Box& box = Box::of(state);
    luaL_checktype(state, 1, LUA_TTABLE);
    const std::string_view name = text_of(state, lua_upvalueindex(1));
    if (box.pending != name)
        raise(state, "policy \"%s\" has its table already", lua_tostring(state, lua_upvalueindex(1)));
    box.pending = {};
    if (box.purpose.collect == nullptr) {
        const size_t index = box.purpose.compiled->find(name);
        if (index == box.purpose.compiled->size()) return 0; // mode = "off"
        if ((*box.purpose.compiled)[index].handler) keep_handler(state, box, 1, index);
        return 0;
    }
    Rule rule;
    rule.name = name;
    rule.fallback = box.builtin;
    place(state, rule.file, rule.line);
    Reader reader(state, box, rule);
    if (!reader.read(1)) return 0;
    if (const Rule* other = box.purpose.collect->added(name)) {
        box.purpose.problems->push_back(
            {rule.file, rule.line,
             "policy \"" + rule.name + "\" is already in " + other->file + ":" + std::to_string(other->line)});
        return 0;
    }
    if (!reader.off()) static_cast<void>(box.purpose.collect->add(std::move(rule)));
    return 0;
}

int policy_name(lua_State* state) {
    Box& box = Box::of(state);
    if (!box.loading) raise(state, "policy is for loading, not for handlers");
    if (lua_type(state, 1) != LUA_TSTRING || !valid_name(text_of(state, 1)))
        raise(state, "policy takes a name of 1 to 128 letters, digits and . _ - /");
    const std::string_view name = text_of(state, 1);
    if (!box.builtin && name.starts_with("builtin/")) raise(state, "names that begin with builtin/ are weir's own");
    if (!box.pending.empty()) raise(state, "policy \"%s\" has no table", box.pending.c_str());
    lua_settop(state, 1);
    {
        std::string file;
        place(state, file, box.pending_line);
    }
    box.pending = name;
    lua_pushvalue(state, 1);
    lua_pushcclosure(state, policy_table, 1);
    return 1;
}

/// require "lib.x": what the file lib/x.lua below the policy directory returns, once per state, read-only.
int require(lua_State* state) {
    Box& box = Box::of(state);
    if (!box.loading) raise(state, "require is for loading, not for handlers");
    const std::string_view name = lua_type(state, 1) == LUA_TSTRING ? text_of(state, 1) : std::string_view();
    const bool below_lib = name.starts_with("lib.") && valid_name(name) && name.find('/') == std::string_view::npos &&
                           name.find("..") == std::string_view::npos && !name.ends_with('.');
    if (!below_lib) raise(state, "require takes \"lib.name\", which is the file lib/name.lua of the policies");
    lua_settop(state, 1);
    lua_rawgeti(state, LUA_REGISTRYINDEX, box.references.modules);
    lua_pushvalue(state, 1);
    lua_rawget(state, 2);
    if (!lua_isnil(state, -1)) {
        if (lua_isboolean(state, -1)) raise(state, "require: %s needs itself", lua_tostring(state, 1));
        return 1;
    }
    const Source* found = nullptr;
    {
        std::string file(name);
        std::replace(file.begin(), file.end(), '.', '/');
        file += ".lua";
        for (const Source& source : *box.purpose.sources)
            if (source.name == file) found = &source;
    }
    if (found == nullptr) raise(state, "require: there is no such file for %s", lua_tostring(state, 1));
    if (box.requiring == require_depth_max) raise(state, "require nests too deeply");
    lua_pushvalue(state, 1);
    lua_pushboolean(state, 1);
    lua_rawset(state, 2);
    lua_pushfstring(state, "@%s", found->name.c_str());
    if (luaL_loadbufferx(state, found->text.data(), found->text.size(), lua_tostring(state, -1), "t") != 0)
        lua_error(state);
    lua_rawgeti(state, LUA_REGISTRYINDEX, box.references.environment);
    lua_setfenv(state, -2);
    ++box.requiring;
    lua_call(state, 0, 1);
    --box.requiring;
    if (lua_istable(state, -1)) lock_table(state);
    else if (!lua_isfunction(state, -1))
        raise(state, "require: %s returns neither a table nor a function", lua_tostring(state, 1));
    lua_pushvalue(state, 1);
    lua_pushvalue(state, -2);
    lua_rawset(state, 2);
    return 1;
}

int config(lua_State* state) {
    const Box& box = Box::of(state);
    if (!box.loading) raise(state, "config is read above the handler, once, not in it");
    if (lua_type(state, 1) != LUA_TSTRING) raise(state, "config takes a name");
    const std::string_view name = text_of(state, 1);
    for (const ConfigValue& value : *box.purpose.values) {
        if (value.name != name) continue;
        if (const auto* text = std::get_if<std::string>(&value.value))
            lua_pushlstring(state, text->data(), text->size());
        else if (const auto* number = std::get_if<double>(&value.value)) lua_pushnumber(state, *number);
        else lua_pushboolean(state, std::get<bool>(value.value));
        return 1;
    }
    raise(state, "config \"%s\" is not in weir.toml", lua_tostring(state, 1));
}

} // namespace

void add_loading(lua_State* state) {
    set_function(state, "policy", policy_name);
    set_function(state, "require", require);
    set_function(state, "config", config);
}

} // namespace weir::policy
