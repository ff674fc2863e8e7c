// demo/tools.cc - what acme tells about its tools.
#include "demo/tools.h"

namespace weir::demo {

const std::array<ToolDefinition, 7> tool_definitions = {{
    {"list_customers",
     R"({"name":"list_customers","title":"List customers","description":"Lists customers with their contact and payment details.",)"
     R"("inputSchema":{"type":"object","properties":{"limit":{"type":"integer","minimum":1,"maximum":100,"default":3}}},)"
     R"("annotations":{"readOnlyHint":true}})"},
    {"query", R"({"name":"query","title":"Query","description":"Runs SQL on the tables customers and orders.",)"
              R"("inputSchema":{"type":"object","properties":{"sql":{"type":"string"}},"required":["sql"]}})"},
    {"refund",
     R"({"name":"refund","title":"Refund","description":"Refunds a whole amount for one order.",)"
     R"("inputSchema":{"type":"object","properties":{"order":{"type":"integer"},"amount":{"type":"integer"}},)"
     R"("required":["order","amount"]},"annotations":{"destructiveHint":true}})"},
    {"delete_customer",
     R"({"name":"delete_customer","title":"Delete a customer","description":"Deletes one customer for good.",)"
     R"("inputSchema":{"type":"object","properties":{"id":{"type":"integer"}},"required":["id"]},)"
     R"("annotations":{"destructiveHint":true}})"},
    {"slow",
     R"({"name":"slow","title":"Slow","description":"Answers after some milliseconds.",)"
     R"("inputSchema":{"type":"object","properties":{"ms":{"type":"integer","minimum":0,"maximum":60000,"default":2000}}}})"},
    {"countdown",
     R"({"name":"countdown","title":"Countdown","description":"Counts down, telling each step as progress.",)"
     R"("inputSchema":{"type":"object","properties":{"from":{"type":"integer","minimum":1,"maximum":10000,"default":5},)"
     R"("ms":{"type":"integer","minimum":0,"maximum":60000,"default":200}}}})"},
    {"help",
     R"({"name":"help","title":"Help","description":"Says what this shop is.","inputSchema":{"type":"object"}})"},
}};

} // namespace weir::demo
