// demo/shop.h - the goods of the demo: an in-memory shop with customers who do not exist, and what can be done to it.
//
// Not a database: `query` understands three verbs, enough to show that a dropped table is gone. Personal data is made
// up: example domains, test card numbers, numbers that are never issued. One thread.
#pragma once

#include "json/text.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::demo {

struct Customer {
    int64_t id;
    std::string name, email, phone, card, ssn;
};

struct Order {
    int64_t id;
    int64_t customer;
    std::string item;
    int64_t cents;
    std::string state; // "paid", "refunded"
};

/// What a tool has to say: text for the model, and structured content (a JSON object) or nothing.
struct ToolAnswer {
    bool failed = false;
    std::string text;
    std::string structured;
};

class Shop {
  public:
    Shop();
    ToolAnswer list_customers(int64_t limit) const;
    ToolAnswer query(std::string_view sql);
    ToolAnswer refund(int64_t order, int64_t amount);
    ToolAnswer delete_customer(int64_t id);
    size_t customer_count() const { return customers_ ? customers_->size() : 0; }
    bool has_customers() const { return customers_.has_value(); }

  private:
    std::optional<std::vector<Customer>> customers_; // nothing: the table was dropped
    std::optional<std::vector<Order>> orders_;
};

} // namespace weir::demo
