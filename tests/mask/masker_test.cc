// What a mask makes of a message: tables of (fields, result, what the client gets), one for each rule.
#include "masked.h"

using namespace weir;
using namespace weir::mask;

namespace {

struct Row {
    const char* name;
    Fields fields;
    std::string result;
    std::string expected;
};

void check(const std::vector<Row>& rows) {
    for (const Row& row : rows) {
        INFO(row.name);
        const Masked masked = mask_text(answer(row.result), row.fields);
        CHECK(masked.problem.empty());
        CHECK(masked.text == answer(row.expected));
        CHECK(masked.changed == (row.result != row.expected));
    }
}

} // namespace

TEST_CASE("each act does what it says to each kind of value") {
    const std::string all = R"({"structuredContent":{"a":"long text","b":"short","c":12345678,"d":1,"e":true,"f":null,)"
                            R"("g":{"x":"inner value"},"h":["y"],"z":1.0}})";
    const auto with = [](const char* act) {
        Fields fields{};
        for (const char* path : {"a", "b", "c", "d", "e", "f", "g", "h"}) fields.add(path, act);
        return fields;
    };
    check({
        {"drop", with("drop"), all, R"({"structuredContent":{"z":1.0}})"},
        {"null", with("null"), all,
         R"({"structuredContent":{"a":null,"b":null,"c":null,"d":null,"e":null,"f":null,"g":null,"h":null,"z":1.0}})"},
        {"last4", with("last4"), all,
         R"({"structuredContent":{"a":"****text","b":"****","c":"****5678","d":"****","e":"****","f":"****","g":"****","h":"****","z":1.0}})"},
        {"text", with("x\"\n"), all,
         R"({"structuredContent":{"a":"x\"\n","b":"x\"\n","c":"x\"\n","d":"x\"\n","e":"x\"\n","f":"x\"\n","g":"x\"\n","h":"x\"\n","z":1.0}})"},
        {"empty text", with(""),
         R"({"structuredContent":{"a":"longer text"},"content":[{"type":"text","text":"a longer text"}]})",
         R"({"structuredContent":{"a":""},"content":[{"type":"text","text":"a [removed]"}]})"},
        {"last4 counts characters",
         {{"a", "last4"}},
         R"({"structuredContent":{"a":"äöüßäöüß"}})",
         R"({"structuredContent":{"a":"****äöüß"}})"},
        {"elements go",
         {{"list[1]", "drop"}, {"list[*].x", "drop"}},
         R"({"structuredContent":{"list":[{"x":1,"y":2},"gone","stays",{"x":3}]}})",
         R"({"structuredContent":{"list":[{"y":2},"stays",{}]}})"},
    });
}

TEST_CASE("of several fields for a value the strictest counts, and the outer one of nested values") {
    check({
        {"acts",
         {{"a", "last4"}, {"**.a", "text"}, {"b", "null"}, {"**.b", "drop"}, {"c", "t"}, {"**.c", "null"}},
         R"({"structuredContent":{"a":"first value","b":2,"c":3}})",
         R"({"structuredContent":{"a":"text","c":null}})"},
        {"texts in their order",
         {{"a", "zz"}, {"**.a", "yy"}},
         R"({"structuredContent":{"a":1}})",
         R"({"structuredContent":{"a":"yy"}})"},
        {"outer",
         {{"a", "last4"}, {"a.b", "drop"}},
         R"({"structuredContent":{"a":{"b":1,"c":2}}})",
         R"({"structuredContent":{"a":"****"}})"},
        {"a value and its copies",
         {{"a", "last4"}, {"b", "null"}},
         R"({"structuredContent":{"a":"4111111111111111","b":"4111111111111111"},"content":[{"type":"text","text":"card 4111111111111111."}]})",
         R"({"structuredContent":{"a":"****1111","b":null},"content":[{"type":"text","text":"card [removed]."}]})"},
    });
}

TEST_CASE("what was removed vanishes from the rest of the answer") {
    check({
        {"texts",
         {{"ssn", "drop"}},
         R"({"content":[{"type":"text","text":"ssn 078-05-1120, again 078-05-1120"}],"structuredContent":{"ssn":"078-05-1120","note":"078-05-1120?"},"_meta":{"x":"078-05-1120"}})",
         R"({"content":[{"type":"text","text":"ssn [removed], again [removed]"}],"structuredContent":{"note":"[removed]?"},"_meta":{"x":"[removed]"}})"},
        {"escaped differently",
         {{"ssn", "drop"}},
         R"({"content":[{"type":"text","text":"07\u0038-05\u002d1\u0031\u00320"}],"structuredContent":{"s\u0073n":"\u0030\u0037\u0038-05-1120"}})",
         R"({"content":[{"type":"text","text":"[removed]"}],"structuredContent":{}})"},
        {"numbers in texts and as numbers",
         {{"salary", "null"}},
         R"({"content":[{"type":"text","text":"earns 85000.50 EUR"}],"structuredContent":{"salary":85000.50,"net":85000.50,"count":850,"big":185000.50}})",
         R"({"content":[{"type":"text","text":"earns [removed] EUR"}],"structuredContent":{"salary":null,"net":null,"count":850,"big":185000.50}})"},
        {"with what stands in its place",
         {{"phone", "last4"}, {"note", "(private)"}},
         R"~({"content":[{"type":"text","text":"call +49 170 1234567 (divorced)"}],"structuredContent":{"phone":"+49 170 1234567","note":"divorced"}})~",
         R"~({"content":[{"type":"text","text":"call ****4567 ((private))"}],"structuredContent":{"phone":"****4567","note":"(private)"}})~"},
        {"not what is shorter than four characters",
         {{"code", "drop"}},
         R"({"content":[{"type":"text","text":"DEU"}],"structuredContent":{"code":"DEU","x":"äöü"}})",
         R"({"content":[{"type":"text","text":"DEU"}],"structuredContent":{"x":"äöü"}})"},
        {"white space at the ends does not count",
         {{"a", "drop"}},
         R"({"content":[{"type":"text","text":"<secret one>"}],"structuredContent":{"a":" secret one\n"}})",
         R"({"content":[{"type":"text","text":"<[removed]>"}],"structuredContent":{}})"},
        {"overlapping values go as one",
         {{"a", "drop"}, {"b", "drop"}},
         R"({"content":[{"type":"text","text":"xabcdefx abcd cdef"}],"structuredContent":{"a":"abcd","b":"cdef"}})",
         R"({"content":[{"type":"text","text":"x[removed]x [removed] [removed]"}],"structuredContent":{}})"},
        {"the longest value at a place",
         {{"**.a", "drop"}},
         R"({"content":[{"type":"text","text":"abcdefgh abcdefg abcdef"}],"structuredContent":[{"a":"abcd"},{"a":"abcdefgh"},{"a":"abcdef"}]})",
         R"({"content":[{"type":"text","text":"[removed] [removed]g [removed]"}],"structuredContent":[{},{},{}]})"},
        {"what is left must not be a value",
         {{"a", "x"}},
         R"({"content":[{"type":"text","text":"aaxbbcaxbbc"}],"structuredContent":{"a":"axbb"}})",
         R"({"content":[{"type":"text","text":"axcxc"}],"structuredContent":{"a":"x"}})"},
        {"nor may it become one",
         {{"a", "x"}},
         R"({"content":[{"type":"text","text":"aaxbbbb"}],"structuredContent":{"a":"axbb"}})",
         R"({"content":[{"type":"text","text":"[removed]"}],"structuredContent":{"a":"x"}})"},
        {"as JSON text would write it",
         {{"a", "drop"}},
         R"({"content":[{"type":"text","text":"got {\"a\": \"Zo\\u00eb \\\"Z\\\"\"} and {'a': 'Zoë \\\"Z\\\"'} and Zoë \"Z\""}],"structuredContent":{"a":"Zoë \"Z\""}})",
         R"({"content":[{"type":"text","text":"got {\"a\": \"[removed]\"} and {'a': '[removed]'} and [removed]"}],"structuredContent":{}})"},
        {"labels and lists",
         {{"ssn", "drop"}},
         R"({"content":[{"type":"resource_link","uri":"people://078-05-1120","name":"078-05-1120","title":"T 078-05-1120"}],"structuredContent":{"ssn":"078-05-1120"}})",
         R"({"content":[{"type":"resource_link","uri":"people://[removed]","name":"[removed]","title":"T [removed]"}],"structuredContent":{}})"},
        {"members whose name holds one",
         {{"**.ssn", "drop"}},
         R"({"structuredContent":{"p":{"ssn":"078-05-1120"},"by":{"id 078-05-1120":{"x":1},"other":2}}})",
         R"({"structuredContent":{"p":{},"by":{"other":2}}})"},
        {"but not single words",
         {{"**.role", "drop"}},
         R"({"structuredContent":{"role":"user","user":{"name":"A"},"user_id":5,"text":"a user"}})",
         R"({"structuredContent":{"user":{"name":"A"},"user_id":5,"text":"a [removed]"}})"},
        {"everything inside of what goes",
         {{"card", "drop"}},
         R"({"content":[{"type":"text","text":"4111111111111111 exp 12/29 for Jane Doe"}],"structuredContent":{"card":{"pan":4111111111111111,"who":["Jane Doe"],"raw":"{\"exp\":\"12/29\"}"}}})",
         R"({"content":[{"type":"text","text":"[removed] exp [removed] for [removed]"}],"structuredContent":{}})"},
    });
}

TEST_CASE("texts that are JSON are masked inside and written again") {
    check({
        {"a copy of structuredContent",
         {{"ssn", "drop"}, {"list[*].p", "last4"}},
         R"({"content":[{"type":"text","text":"{\n  \"ssn\": \"078-05-1120\",\n  \"n\": 1.50,\n  \"list\": [{\"p\": \"+4917012345\"}]\n}"}],"structuredContent":{"ssn":"078-05-1120","n":1.50,"list":[{"p":"+4917012345"}]}})",
         R"({"content":[{"type":"text","text":"{\"n\":1.50,\"list\":[{\"p\":\"****2345\"}]}"}],"structuredContent":{"n":1.50,"list":[{"p":"****2345"}]}})"},
        {"without one",
         {{"**.ssn", "null"}},
         R"({"content":[{"type":"text","text":" [{\"ssn\":1},2]"}]})",
         R"({"content":[{"type":"text","text":"[{\"ssn\":null},2]"}]})"},
        {"as it came when nothing is to go",
         {{"**.ssn", "null"}},
         R"({"content":[{"type":"text","text":"{ \"a\" : 1 }"}]})",
         R"({"content":[{"type":"text","text":"{ \"a\" : 1 }"}]})"},
        {"JSON in JSON in JSON",
         {{"ssn", "drop"}},
         R"({"content":[{"type":"text","text":"{\"a\":\"{\\\"b\\\":\\\"{\\\\\\\"ssn\\\\\\\":5}\\\"}\"}"}]})",
         R"({"content":[{"type":"text","text":"{\"a\":\"{\\\"b\\\":\\\"{}\\\"}\"}"}]})"},
        {"in data",
         {{"ssn", "drop"}},
         R"({"structuredContent":{"result":"{\"ssn\":\"078-05-1120\"}","x":"078-05-1120"}})",
         R"({"structuredContent":{"result":"{}","x":"[removed]"}})"},
        {"behind a byte order mark",
         {{"ssn", "drop"}},
         "{\"content\":[{\"type\":\"text\",\"text\":\"\\ufeff{\\\"ssn\\\":1}\"}]}",
         R"({"content":[{"type":"text","text":"{}"}]})"},
        {"what only begins like JSON is free text",
         {{"ssn", "drop"}, {"x", "drop"}},
         R"({"content":[{"type":"text","text":"[INFO] {\"ssn\":1"}],"structuredContent":{"x":"INFO"}})",
         R"({"content":[{"type":"text","text":"[[removed]] {\"ssn\":1"}],"structuredContent":{}})"},
        {"as a whole",
         {{"", "(gone)"}},
         R"({"content":[{"type":"text","text":"{\"a\":\"some value\"}"},{"type":"text","text":"some value"}]})",
         R"~({"content":[{"type":"text","text":"(gone)"},{"type":"text","text":"(gone)"}]})~"},
    });
}

TEST_CASE("a whole place is left in the form that clients accept") {
    check({
        {"everything",
         {{"**", "drop"}},
         R"({"content":[{"type":"text","text":"AKIAIOSFODNN7EXAMPLE"},{"type":"image","mimeType":"image/png","data":"AAAA"}],"structuredContent":{"a":1},"isError":false,"_meta":{"progressToken":7,"io.modelcontextprotocol/related-task":{"taskId":"t"},"x":{"y":1}}})",
         R"({"content":[{"type":"text","text":"[removed]"},{"type":"image","mimeType":"image/png","data":"W3JlbW92ZWRd"}],"isError":false,"_meta":{"progressToken":7,"io.modelcontextprotocol/related-task":{"taskId":"t"}}})"},
        {"null",
         {{"", "null"}},
         R"({"structuredContent":{"a":1},"content":[{"type":"text","text":"x"}]})",
         R"({"content":[{"type":"text","text":"[removed]"}]})"},
        {"tool use",
         {{"", "x"}},
         R"({"content":{"type":"tool_use","id":"1","name":"n","input":{"a":1}}})",
         R"({"content":{"type":"tool_use","id":"1","name":"n","input":{}}})"},
    });
}

TEST_CASE("number text, order and untouched parts stay") {
    check({{"numbers",
            {{"x", "drop"}},
            R"({"structuredContent":{"b":9007199254740993,"x":1,"a":1.0,"c":-0.00e+1,"d":"\u00e4"},"z":1e2})",
            R"({"structuredContent":{"b":9007199254740993,"a":1.0,"c":-0.00e+1,"d":"ä"},"z":1e2})"}});
    const std::string untouched = answer(R"({ "structuredContent" : { "a\u0062" : [ 1.0 , "x\/y" ] } })");
    const Masked masked = mask_text(untouched, {{"**.ssn", "drop"}});
    CHECK_FALSE(masked.changed);
    CHECK(masked.text == untouched);
}

TEST_CASE("errors, notifications and requests of servers are masked as well") {
    const struct {
        const char* name;
        Fields fields;
        const char* message;
        const char* expected;
    } rows[] = {
        {"error",
         {{"user.ssn", "drop"}},
         R"({"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"no 078-05-1120","data":{"user":{"ssn":"078-05-1120"},"at":"078-05-1120"}}})",
         R"({"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"no [removed]","data":{"user":{},"at":"[removed]"}}})"},
        {"error message that is JSON",
         {{"ssn", "drop"}},
         R"({"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"{\"ssn\":5}"}})",
         R"({"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"{}"}})"},
        {"error data as a text",
         {{"ssn", "drop"}},
         R"({"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"m","data":"{\"ssn\":5}"}})",
         R"({"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"m","data":"{}"}})"},
        {"the whole message",
         {{"**", "drop"}},
         R"({"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"AKIAIOSFODNN7EXAMPLE"}})",
         R"({"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"[removed]"}})"},
        {"log message",
         {{"ssn", "drop"}},
         R"({"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","logger":"078-05-1120","data":{"ssn":"078-05-1120"}}})",
         R"({"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","logger":"[removed]","data":{}}})"},
        {"log message as a whole",
         {{"**", "drop"}},
         R"({"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"AKIAIOSFODNN7EXAMPLE"}})",
         R"({"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":null}})"},
        {"progress",
         {{"ssn", "drop"}},
         R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"078-05-1120","progress":1,"message":"{\"ssn\":\"078-05-1120\"}"}})",
         R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"078-05-1120","progress":1,"message":"{}"}})"},
        {"sampling",
         {{"ssn", "x"}},
         R"({"jsonrpc":"2.0","id":5,"method":"sampling/createMessage","params":{"messages":[{"role":"user","content":{"type":"text","text":"{\"ssn\":\"078-05-1120\"}"}},{"role":"user","content":[{"type":"text","text":"078-05-1120"},{"type":"tool_use","id":"078-05-1120","name":"t","input":{"ssn":1}}]}],"systemPrompt":"078-05-1120","maxTokens":1000}})",
         R"({"jsonrpc":"2.0","id":5,"method":"sampling/createMessage","params":{"messages":[{"role":"user","content":{"type":"text","text":"{\"ssn\":\"x\"}"}},{"role":"user","content":[{"type":"text","text":"x"},{"type":"tool_use","id":"078-05-1120","name":"t","input":{"ssn":"x"}}]}],"systemPrompt":"x","maxTokens":1000}})"},
        {"elicitation",
         {{"ssn", "drop"}},
         R"({"jsonrpc":"2.0","id":5,"method":"elicitation/create","params":{"message":"is {} right?","_meta":{"ssn":"078-05-1120"},"requestedSchema":{"type":"object","properties":{"ssn":{"type":"string","default":"078-05-1120"}}}}})",
         R"({"jsonrpc":"2.0","id":5,"method":"elicitation/create","params":{"message":"is {} right?","_meta":{},"requestedSchema":{"type":"object","properties":{"ssn":{"type":"string","default":"[removed]"}}}}})"},
        {"a result that asks",
         {{"ssn", "drop"}},
         R"({"jsonrpc":"2.0","id":5,"result":{"resultType":"input_required","requestState":"078-05-1120","inputRequests":{"a":{"method":"elicitation/create","params":{"message":"078-05-1120","_meta":{"ssn":"078-05-1120"}}}}}})",
         R"({"jsonrpc":"2.0","id":5,"result":{"resultType":"input_required","requestState":"078-05-1120","inputRequests":{"a":{"method":"elicitation/create","params":{"message":"[removed]","_meta":{}}}}}})"},
    };
    for (const auto& row : rows) {
        INFO(row.name);
        CHECK(mask_text(row.message, row.fields).text == row.expected);
    }
}

TEST_CASE("resources, prompts, completions and tasks") {
    check({
        {"resource contents",
         {{"ssn", "drop"}},
         R"({"contents":[{"uri":"x://078-05-1120","mimeType":"application/json","text":"{\"ssn\":\"078-05-1120\"}"}]})",
         R"({"contents":[{"uri":"x://[removed]","mimeType":"application/json","text":"{}"}]})"},
        {"embedded resource",
         {{"ssn", "drop"}},
         R"({"content":[{"type":"resource","resource":{"uri":"x://y","text":"{\"ssn\":1,\"a\":2}"}}]})",
         R"({"content":[{"type":"resource","resource":{"uri":"x://y","text":"{\"a\":2}"}}]})"},
        {"prompt",
         {{"ssn", "drop"}},
         R"({"description":"of 078-05-1120","messages":[{"role":"user","content":{"type":"text","text":"{\"ssn\":\"078-05-1120\"}"}}]})",
         R"({"description":"of [removed]","messages":[{"role":"user","content":{"type":"text","text":"{}"}}]})"},
        {"completion",
         {{"ssn", "drop"}},
         R"({"completion":{"values":["{\"ssn\":\"078-05-1120\"}","078-05-1120"],"total":2,"hasMore":false}})",
         R"({"completion":{"values":["{}","[removed]"],"total":2,"hasMore":false}})"},
        {"the result of a task",
         {{"ssn", "drop"}},
         R"({"taskId":"078-05-1120","status":"completed","statusMessage":"078-05-1120","result":{"content":[],"structuredContent":{"ssn":"078-05-1120"}}})",
         R"({"taskId":"078-05-1120","status":"completed","statusMessage":"[removed]","result":{"content":[],"structuredContent":{}}})"},
        {"the error of a task",
         {{"ssn", "drop"}},
         R"({"taskId":"t","status":"failed","error":{"code":1,"message":"m","data":{"ssn":5}}})",
         R"({"taskId":"t","status":"failed","error":{"code":1,"message":"m","data":{}}})"},
        {"members that MCP does not know",
         {{"customer.ssn", "drop"}, {"tag", "null"}},
         R"({"content":[],"customer":{"ssn":1,"tag":"a"},"toolResult":{"customer":{"ssn":2}}})",
         R"({"content":[],"customer":{"tag":null},"toolResult":{"customer":{}}})"},
        {"names of the protocol are not data",
         {{"**.text", "drop"}, {"**.type", "drop"}, {"**.uri", "drop"}},
         R"({"content":[{"type":"text","text":"hello"},{"type":"foo","thing":{"type":1,"a":2}}]})",
         R"({"content":[{"type":"text","text":"hello"},{"type":"foo","thing":{"a":2}}]})"},
        {"where MCP has a text and the server an object",
         {{"ssn", "drop"}},
         R"({"content":[{"type":"text","text":{"ssn":1}}],"nextCursor":{"ssn":2},"isError":[{"ssn":3}]})",
         R"({"content":[{"type":"text","text":{}}],"nextCursor":{},"isError":[{"ssn":3}]})"},
    });
}

TEST_CASE("base64 that is text is masked inside of it") {
    check({
        {"JSON",
         {{"ssn", "drop"}}, // {"ssn":1,"a":2}
         R"({"contents":[{"uri":"x","mimeType":"application/json","blob":"eyJzc24iOjEsImEiOjJ9"}]})",
         R"({"contents":[{"uri":"x","mimeType":"application/json","blob":"eyJhIjoyfQ=="}]})"},
        {"whatever it is called",
         {{"ssn", "drop"}},
         R"({"contents":[{"uri":"x","blob":"eyJzc24iOjEsImEiOjJ9"}]})",
         R"({"contents":[{"uri":"x","blob":"eyJhIjoyfQ=="}]})"},
        {"free text",
         {{"ssn", "drop"}}, // no 078-05-1120 / no [removed]
         R"({"contents":[{"uri":"x","blob":"bm8gMDc4LTA1LTExMjA="}],"_meta":{"ssn":"078-05-1120"}})",
         R"({"contents":[{"uri":"x","blob":"bm8gW3JlbW92ZWRd"}],"_meta":{}})"},
        {"octets stay",
         {{"ssn", "drop"}},
         R"({"contents":[{"uri":"x","mimeType":"image/png","blob":"iVBORw0KGgo="}],"_meta":{"ssn":1}})",
         R"({"contents":[{"uri":"x","mimeType":"image/png","blob":"iVBORw0KGgo="}],"_meta":{}})"},
        {"an image that is JSON",
         {{"ssn", "drop"}},
         R"({"content":[{"type":"image","mimeType":"image/png","data":"eyJzc24iOjEsImEiOjJ9"}]})",
         R"({"content":[{"type":"image","mimeType":"image/png","data":"eyJhIjoyfQ=="}]})"},
    });
}

TEST_CASE("what cannot be looked into makes the message fail") {
    const std::string deep = R"({"a":"{\"a\":\"{\\\"ssn\\\":1}\"}"})";
    const struct {
        const char* name;
        std::string result;
        const char* problem;
    } rows[] = {
        {"a name twice", R"({"content":[{"type":"text","text":"{\"ssn\":1,\"ssn\":2}"}]})", "read strictly"},
        {"half a surrogate pair", R"({"content":[{"type":"text","text":"[\"\\ud800\"]"}]})", "read strictly"},
        {"a number beyond doubles", R"({"content":[{"type":"text","text":"[1e999]"}]})", "read strictly"},
        {"nested too deeply", R"({"content":[{"type":"text","text":")" + std::string(100, '[') + R"("}]})",
         "read strictly"},
        {"named as text", R"({"contents":[{"uri":"x","mimeType":"text/csv","blob":"/////w=="}]})", "base64"},
        {"no base64", R"({"contents":[{"uri":"x","mimeType":"application/json","blob":"e30"}]})", "base64"},
    };
    for (const auto& row : rows) {
        INFO(row.name);
        const Masked masked = mask_text(answer(row.result), {{"ssn", "drop"}});
        CHECK(masked.problem.find(row.problem) != std::string::npos);
        CHECK(masked.text.empty());
    }
    Limits limits;
    limits.mask_nesting_max = 1;
    CHECK(mask_text(answer(R"({"structuredContent":)" + deep + "}"), {{"ssn", "drop"}}, limits)
              .problem.find("mask_nesting_max") != std::string::npos);
    limits.mask_nesting_max = 2;
    CHECK(mask_text(answer(R"({"structuredContent":)" + deep + "}"), {{"ssn", "drop"}}, limits).text ==
          answer(R"({"structuredContent":{"a":"{\"a\":\"{}\"}"}})"));
}

TEST_CASE("values and steps are bounded") {
    Limits limits;
    limits.mask_values_max = 100;
    std::string values = R"({"structuredContent":{"list":[)";
    for (int i = 0; i < 200; ++i) values += "\"value " + std::to_string(i) + "\",";
    values += "0]}}";
    CHECK(mask_text(answer(values), {{"list[*]", "drop"}}, limits).problem.find("mask_values_max") !=
          std::string::npos);
    CHECK(mask_text(answer(values), {{"list", "drop"}}, limits).problem.find("mask_values_max") != std::string::npos);
    CHECK(mask_text(answer(values), {{"list[*]", "drop"}}).text == answer(R"({"structuredContent":{"list":[]}})"));

    // Values that begin alike, and a text in which each place begins like all of them.
    std::string hostile = R"({"structuredContent":{"list":[)";
    for (int i = 0; i < 2000; ++i) hostile += "\"" + std::string(600, 'a') + std::to_string(i) + "\",";
    hostile += "0]},\"content\":[{\"type\":\"text\",\"text\":\"" + std::string(400'000, 'a') + "\"}]}";
    const Masked masked = mask_text(answer(hostile), {{"list[*]", "drop"}});
    CHECK(masked.problem.find("mask_steps_max") != std::string::npos);

    limits = {};
    limits.mask_steps_max = 100;
    CHECK(mask_text(answer(values), {{"**.x", "drop"}}, limits).problem.find("mask_steps_max") != std::string::npos);
}

TEST_CASE("the report tells how many values each field removed, and how many copies") {
    const Masked masked = mask_text(
        answer(
            R"({"content":[{"type":"text","text":"{\"ssn\":\"078-05-1120\",\"x\":1}"},{"type":"text","text":"078-05-1120 078-05-1120"}],"structuredContent":{"ssn":"078-05-1120","x":1,"y":"12345","z":12345}})"),
        {{"ssn", "drop"}, {"x", "null"}, {"nothing", "drop"}, {"y", "last4"}});
    REQUIRE(masked.tallies.size() == 4);
    CHECK(masked.tallies[0].values == 2);
    CHECK(masked.tallies[0].copies == 2);
    CHECK(masked.tallies[1].values == 2);
    CHECK(masked.tallies[1].copies == 0);
    CHECK(masked.tallies[2].values == 0);
    CHECK(masked.tallies[3].values == 1);
    CHECK(masked.tallies[3].copies == 1);
}
