// demo/shop.cc - six customers, five orders, and very little SQL.
#include "demo/shop.h"

#include <fmt/format.h>
#include <algorithm>

namespace weir::demo {
namespace {

/// The words of `sql` in lower case; punctuation but for `*` and `_` separates.
std::vector<std::string> words_of(std::string_view sql) {
    std::vector<std::string> words(1);
    for (const char byte : sql) {
        const bool upper = byte >= 'A' && byte <= 'Z';
        const bool word =
            upper || (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '_' || byte == '*';
        if (word) words.back() += upper ? static_cast<char>(byte + 32) : byte;
        else if (!words.back().empty()) words.emplace_back();
    }
    if (words.back().empty()) words.pop_back();
    return words;
}

void write(json::Text& out, const Customer& customer) {
    out.begin_object().name("id").number(customer.id).name("name").string(customer.name);
    out.name("email").string(customer.email).name("phone").string(customer.phone);
    out.name("card").string(customer.card).name("ssn").string(customer.ssn).end_object();
}

void write(json::Text& out, const Order& order) {
    out.begin_object().name("id").number(order.id).name("customer").number(order.customer);
    out.name("item")
        .string(order.item)
        .name("cents")
        .number(order.cents)
        .name("state")
        .string(order.state)
        .end_object();
}

/// The first `limit` rows as {"rows":[...]}; the text repeats them for clients without structured content.
template <class Row> ToolAnswer rows_answer(const std::vector<Row>& rows, size_t limit) {
    json::Text out;
    out.begin_object().name("rows").begin_array();
    for (size_t i = 0; i < std::min(limit, rows.size()); ++i) write(out, rows[i]);
    out.end_array().end_object();
    return {false, out.text(), out.text()};
}

ToolAnswer failure(std::string text) { return {true, std::move(text), {}}; }

} // namespace

Shop::Shop()
    : customers_{{{1, "Ada Byron", "ada@example.com", "+1-202-555-0101", "4111 1111 1111 1111", "000-12-3456"},
                  {2, "Grace Murray", "grace@example.org", "+1-202-555-0102", "5500 0000 0000 0004", "000-23-4567"},
                  {3, "Edsger Rotterdam", "edsger@example.net", "+1-202-555-0103", "3400 0000 0000 009", "000-34-5678"},
                  {4, "Barbara Huberman", "barbara@example.com", "+1-202-555-0104", "6011 0000 0000 0004",
                   "000-45-6789"},
                  {5, "Niklaus Winterthur", "niklaus@example.org", "+1-202-555-0105", "4012 8888 8888 1881",
                   "000-56-7890"},
                  {6, "Frances Peru", "frances@example.net", "+1-202-555-0106", "3714 496353 98431", "000-67-8901"}}},
      orders_{{{1004, 2, "difference gear", 12'900, "paid"},
               {1005, 1, "punched cards, 500", 4'500, "paid"},
               {1006, 4, "abstract type", 19'900, "refunded"},
               {1007, 3, "shortest path", 90'000, "paid"},
               {1008, 6, "lathe oil", 1'250, "paid"}}} {}

ToolAnswer Shop::list_customers(int64_t limit) const {
    if (!customers_) return failure("there is no table customers");
    return rows_answer(*customers_, static_cast<size_t>(std::clamp<int64_t>(limit, 0, 100)));
}

ToolAnswer Shop::query(std::string_view sql) {
    const std::vector<std::string> words = words_of(sql);
    const auto after = [&](std::string_view word) {
        const auto found = std::find(words.begin(), words.end(), word);
        return found == words.end() || found + 1 == words.end() ? std::string() : *(found + 1);
    };
    const std::string verb = words.empty() ? "" : words[0];
    const std::string table = verb == "drop" ? after("table") : after("from");
    if (verb != "select" && verb != "drop" && verb != "delete") {
        return failure("this shop understands: select * from TABLE [limit N], delete from TABLE, drop table TABLE");
    }
    if ((table != "customers" || !customers_) && (table != "orders" || !orders_)) {
        return failure(fmt::format("there is no table {}", table));
    }
    const bool customers = table == "customers";
    if (verb == "drop") {
        if (customers) customers_.reset();
        else orders_.reset();
        return {false, fmt::format("table {} is gone", table), {}};
    }
    if (verb == "delete") {
        const size_t count = customers ? customers_->size() : orders_->size();
        if (customers) customers_->clear();
        else orders_->clear();
        return {false, fmt::format("{} rows deleted", count), {}};
    }
    const std::string written = after("limit");
    size_t limit = 0;
    for (const char digit : written.substr(0, 6)) {
        if (digit >= '0' && digit <= '9') limit = limit * 10 + static_cast<size_t>(digit - '0');
    }
    if (written.empty()) limit = 100;
    return customers ? rows_answer(*customers_, limit) : rows_answer(*orders_, limit);
}

ToolAnswer Shop::refund(int64_t order, int64_t amount) {
    if (!orders_) return failure("there is no table orders");
    const auto found =
        std::find_if(orders_->begin(), orders_->end(), [&](const Order& each) { return each.id == order; });
    if (found == orders_->end()) return failure(fmt::format("there is no order {}", order));
    if (found->state == "refunded") return failure(fmt::format("order {} is refunded already", order));
    if (amount <= 0 || amount * 100 > found->cents) {
        return failure(fmt::format("order {} was {}.{:02}; the refund must be above 0 and at most that", order,
                                   found->cents / 100, found->cents % 100));
    }
    found->state = "refunded";
    return {false, fmt::format("{} refunded for order {} ({})", amount, order, found->item), {}};
}

ToolAnswer Shop::delete_customer(int64_t id) {
    if (!customers_) return failure("there is no table customers");
    if (std::erase_if(*customers_, [&](const Customer& each) { return each.id == id; }) == 0) {
        return failure(fmt::format("there is no customer {}", id));
    }
    return {false, fmt::format("customer {} is deleted", id), {}};
}

} // namespace weir::demo
