// Where MCP carries strings: a value planted in any of these places is gone, whatever form it has there. The places are
// those that every revision's messages have.
#include "masked.h"

using namespace weir;
using namespace weir::mask;

TEST_CASE("a value that is removed in one place is in none of the others") {
    const std::string secret = "4f9-secret-07";
    // The spellings of it that JSON allows.
    const char* const spellings[] = {
        "4f9-secret-07", R"(4f9-\u0073ecret-07)",
        R"(\u0034\u0066\u0039\u002d\u0073\u0065\u0063\u0072\u0065\u0074\u002d\u0030\u0037)"};
    const char* const places[] = {
        R"({"content":[{"type":"text","text":"@"}])",
        R"({"content":[{"type":"text","text":"a @ b @"}])",
        R"({"content":[{"type":"text","text":"{\"other\":\"@\"}"}])",
        R"({"content":[{"type":"text","text":"{\"@\":1}"}])",
        R"({"content":[{"type":"text","text":"x","_meta":{"k":"@"}}])",
        R"({"content":[{"type":"text","text":"x","annotations":{"note":"@"}}])",
        R"({"content":[{"type":"resource","resource":{"uri":"u","text":"@"}}])",
        R"({"content":[{"type":"resource","resource":{"uri":"u@","text":"x"}}])",
        R"({"content":[{"type":"resource_link","uri":"@","name":"n","description":"@","title":"@"}])",
        R"({"content":[{"type":"unknown","payload":["@"]}])",
        R"({"content":["@"])",
        R"({"content":"@")",
        R"({"contents":[{"uri":"@","text":"@"}])",
        R"({"contents":[{"uri":"x","text":"{\"deep\":[[{\"x\":\"@\"}]]}"}])",
        R"({"messages":[{"role":"user","content":{"type":"text","text":"@"}}])",
        R"({"messages":[{"role":"user","content":{"type":"image","data":"AAAA","mimeType":"image/png","_meta":{"a":"@"}}}])",
        R"({"description":"@")",
        R"({"completion":{"values":["@"]})",
        R"({"instructions":"@")",
        R"({"serverInfo":{"name":"@","version":"1"})",
        R"({"tools":[{"name":"n","description":"@","inputSchema":{"properties":{"x":{"description":"@"}}}}])",
        R"({"resources":[{"uri":"@","name":"@"}])",
        R"({"prompts":[{"name":"@","arguments":[{"name":"@"}]}])",
        R"({"statusMessage":"@")",
        R"({"task":{"taskId":"t","statusMessage":"@"})",
        R"({"tasks":[{"taskId":"t","statusMessage":"@"}])",
        R"({"result":{"content":[{"type":"text","text":"@"}]})",
        R"({"error":{"code":1,"message":"@","data":["@"]})",
        R"({"inputRequests":{"k":{"method":"elicitation/create","params":{"message":"@","url":"https://x/@","requestedSchema":{"properties":{"a":{"title":"@"}}}}}})",
        R"({"_meta":{"other":{"@":"@"}})",
        R"({"unknown":{"a":["@",{"@":2}]})",
        R"({"toolResult":"@")",
    };
    for (const char* place : places) {
        for (const char* spelling : spellings) {
            std::string result(place);
            for (size_t at = result.find('@'); at != std::string::npos; at = result.find('@', at)) {
                std::string written(spelling);
                // Inside of a JSON text the escapes are escaped themselves.
                const bool inner = result.find("\\\"") != std::string::npos;
                if (inner)
                    for (size_t slash = written.find('\\'); slash != std::string::npos;
                         slash = written.find('\\', slash + 2))
                        written.insert(slash, "\\");
                result.replace(at, 1, written);
                at += written.size();
            }
            result += result.find("structuredContent") == std::string::npos
                          ? R"(,"structuredContent":{"key":"4f9-secret-07"}})"
                          : "}";
            const Masked masked = mask_text(answer(result), {{"key", "drop"}});
            INFO(result);
            CHECK(masked.problem.empty());
            CHECK(masked.text.find(secret) == std::string::npos);
            CHECK(masked.text.find("secret") == std::string::npos);
        }
    }
}

TEST_CASE("opaque members come back as they are") {
    for (const char* name : {"nextCursor", "requestState", "taskId", "resultType", "status", "createdAt"}) {
        const std::string text = answer(
            std::string(R"({"structuredContent":{},")") + name +
            R"(":"4f9-secret-07","_meta":{"progressToken":"4f9-secret-07","io.modelcontextprotocol/subscriptionId":"4f9-secret-07"}})");
        const std::string with = answer(
            std::string(R"({"structuredContent":{"key":"4f9-secret-07"},")") + name +
            R"(":"4f9-secret-07","_meta":{"progressToken":"4f9-secret-07","io.modelcontextprotocol/subscriptionId":"4f9-secret-07"}})");
        CHECK(mask_text(with, {{"key", "drop"}}).text == text);
    }
}
