// The sample policies of policies/ do what their READMEs say.
#include "court.h"

using namespace weir;
using namespace weir::policy;

namespace {

Court sample(const std::string& name, bool allow = true) {
    Surroundings around = surroundings(allow);
    around.values.push_back({"paths_root", std::string("/srv/agents")});
    return Court({{name + "/policy.lua", data_file("../../policies/" + name + "/policy.lua")}}, around);
}

} // namespace

TEST_CASE("read-only-sql lets one reading statement through") {
    Court court = sample("read-only-sql");
    for (const char* sql :
         {"select 1", "  SELECT * FROM t WHERE a = 'b';  ", "explain select 1", "show tables", "select\\n1\\n;\\n"})
        CHECK(court.on_arguments(std::string("{\"sql\":\"") + sql + "\"}").decision == Decision::allow);
    for (const char* sql : {"drop table t", "select 1; drop table t", "/* x */ select 1", "select * into t from u",
                            "with x as (delete from t) select 1", "select 1;;", "", "SELECT 1; -- x",
                            "dr/**/op table t", "explain analyze delete from t", "Select 1 UNION select 2; UPDATE t"}) {
        INFO(sql);
        const Verdict verdict = court.on_arguments(std::string("{\"sql\":\"") + sql + "\"}");
        CHECK(verdict.decision == Decision::block);
        CHECK_FALSE(verdict.error);
    }
    for (const char* args : {"{}", R"({"sql":5})", R"({"sql":["select 1"]})", R"({"SQL":"select 1"})", ""}) {
        INFO(args);
        CHECK(court.on_arguments(args).code == "sql_missing");
    }
    CHECK(court.on_tool("other").decision == Decision::allow);
}

TEST_CASE("hidden-admin hides and refuses") {
    Court court = sample("hidden-admin");
    CHECK(court.on_tool("admin_users").decision == Decision::hide);
    CHECK(court.on_tool("row_delete").decision == Decision::hide);
    CHECK(court.on_tool("query").decision == Decision::allow);
    Case on_dev;
    on_dev.tool = "admin_users";
    on_dev.server = 1;
    CHECK(court.judge_case(on_dev).decision == Decision::allow);
}

TEST_CASE("allow-reads allows what is tagged, and what only reads") {
    Court court = sample("allow-reads", false);
    CHECK(court.on_tool("query").decision == Decision::allow);
    CHECK(court.on_tool("execute_sql").decision == Decision::block);
    Case read;
    read.method = "resources/read";
    read.tool.reset();
    read.resource = "file:///a";
    CHECK(court.judge_case(read).decision == Decision::allow);
    read.method = "tasks/cancel";
    CHECK(court.judge_case(read).decision == Decision::block);
}

TEST_CASE("inside-paths keeps paths inside") {
    Court court = sample("inside-paths");
    const auto decision = [&](std::string args) {
        Case wanted;
        wanted.tool = "read_file";
        wanted.args = std::move(args);
        const Verdict verdict = court.judge_case(wanted);
        CHECK_FALSE(verdict.error);
        return verdict.decision;
    };
    for (const char* args : {R"({"path":"/srv/agents"})", R"({"path":"/srv/agents/a/b.txt"})",
                             R"({"path":"/srv/agents/a..b"})", R"({"paths":["/srv/agents/a","/srv/agents/b"]})",
                             R"({"source":"/srv/agents/a","destination":"/srv/agents/b"})", "{}", ""}) {
        INFO(args);
        CHECK(decision(args) == Decision::allow);
    }
    for (const char* args :
         {R"({"path":"/etc/passwd"})", R"({"path":"/srv/agents/../x"})", R"({"path":"/srv/agents/.."})",
          R"({"path":"/srv/agentsx"})", R"({"path":"a"})", R"({"path":""})", R"({"path":5})",
          R"({"path":["/srv/agents"]})", R"({"path":"/srv/agents/\u0000"})", R"({"path":"/srv/agents/\u002e./x"})",
          R"({"paths":["/srv/agents/a","/etc"]})", R"({"destination":"/x"})"}) {
        INFO(args);
        CHECK(decision(args) == Decision::block);
    }
}

TEST_CASE("masked-personal-data masks by name, but for tools that are tagged") {
    Surroundings around = surroundings();
    around.servers[0].tags.push_back({"personal_data", {"hr_*"}});
    Court court({{"p.lua", data_file("../../policies/masked-personal-data/policy.lua")}}, around);
    Verdict verdict = court.on_result(R"({"structuredContent":{"ssn":"078-05-1120"}})");
    CHECK(verdict.decision == Decision::mask);
    CHECK(verdict.mask.size() == 7);
    Case wanted;
    wanted.on = On::response;
    wanted.result = "{}";
    wanted.tool = "hr_lookup";
    CHECK(court.judge_case(wanted).decision == Decision::pass);
    wanted.tool = "query";
    wanted.method = "tools/list";
    CHECK(court.judge_case(wanted).decision == Decision::pass);
}
