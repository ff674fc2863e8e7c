// control/docket_lists.cc - what people look at: pages of tickets, and one of them.
//
// All of it is read from the rows, a bounded number of them for each page, so that who looks keeps no decision waiting.
#include "control/docket.h"
#include "control/ticket_view.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace weir::control {
namespace {

// Of one page, also of those that are not wanted: some 20 ms of the store's time.
constexpr size_t rows_looked_max = 2000;
constexpr std::string_view order_letters = "wnoi"; // in the order of Order: how pages name their places

std::string text_of(const Place& place) {
    return std::string(1, order_letters[static_cast<size_t>(place.order)]) + "." + std::to_string(place.created_ns) +
           "." + place.id;
}

std::optional<Place> read_place(std::string_view text) {
    const size_t order = text.empty() ? std::string_view::npos : order_letters.find(text[0]);
    if (order == std::string_view::npos || !text.substr(1).starts_with('.')) return std::nullopt;
    Place place{.order = static_cast<Order>(order)};
    text.remove_prefix(2);
    const char* const end = text.data() + text.size();
    const auto [dot, error] = std::from_chars(text.data(), end, place.created_ns);
    if (error != std::errc() || dot == end || *dot != '.' || place.created_ns > UINT64_MAX >> 1) return std::nullopt;
    place.id = std::string_view(dot + 1, end);
    if (!approve::is_ticket_id(place.id)) return std::nullopt;
    return place;
}

/// The orders that `listing` goes through, one after the other.
std::vector<Order> orders_of(const Listing& listing) {
    if (!listing.prefix.empty()) return {Order::by_id};
    std::vector<Order> orders = {listing.newest_first ? Order::waiting_newest : Order::waiting_oldest};
    if (listing.all) orders.push_back(Order::over_newest);
    return orders;
}

} // namespace

Result<Listed> Docket::list(const Listing& listing) {
    std::vector<Order> orders = orders_of(listing);
    Place place = Place::first(orders.front());
    if (!listing.after.empty()) {
        const auto after = read_place(listing.after);
        const auto begun = after ? std::ranges::find(orders, after->order) : orders.end();
        if (begun == orders.end()) return fail(Error::invalid);
        place = *after;
        orders.erase(orders.begin(), begun);
    }
    Listed listed;
    Place kept = place, looked = place; // the last that is on the page, the last that was looked at
    size_t left = rows_looked_max;
    bool more = false;
    for (const Order order : orders) {
        if (order != place.order) place = Place::first(order);
        const auto visit = [&](Ticket&& ticket) {
            looked = {order, ticket.created_ns, ticket.id};
            if (order == Order::by_id && !listing.all && approve::is_over(ticket.state)) return true;
            TicketView view = view_of(ticket);
            if (listing.wanted && !listing.wanted(view)) return true;
            more = listed.tickets.size() == listing.count_max; // One more than asked for tells that there is more.
            if (more) return false;
            listed.tickets.push_back(std::move(view));
            kept = looked;
            return true;
        };
        const auto rows = table_->each(place, listing.prefix, left, visit);
        if (!rows) return fail(Error::io_failed);
        if (more) break;
        left -= *rows;
        if (left == 0) {
            more = true;
            kept = looked; // The rest is looked through for the next page.
            break;
        }
    }
    if (more) listed.next = text_of(kept);
    return listed;
}

Result<TicketView> Docket::find(const std::string& id) {
    const auto row = table_->find(id, true);
    if (!row) return fail(Error::io_failed);
    if (!*row) return fail(Error::not_found);
    return view_of(**row);
}

} // namespace weir::control
