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
    if (!approve::is_ticket_id(place.id, true)) return std::nullopt;
    return place;
}

/// A place behind `looked` and before `next`, the one behind it, that names neither: who asks may not see them. With what is
/// equal of their ids goes one character more, as a tree of keys has them between its leaves; ids are random, so it is few.
/// (Of two that are equal but for the last of their characters it would be all of one: that happens to nobody.)
Place between(const Place& looked, const Place& next) {
    const bool down = looked.order == Order::waiting_newest || looked.order == Order::over_newest;
    const Place& high = down ? looked : next;
    Place place{.order = looked.order, .created_ns = high.created_ns};
    if (looked.created_ns != next.created_ns && looked.order != Order::by_id) return place;
    const auto differs = std::ranges::mismatch(looked.id, next.id).in1 - looked.id.begin();
    place.id = high.id.substr(0, static_cast<size_t>(differs) + 1);
    return place.id == next.id ? looked : place;
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
    std::optional<Place> next;
    Place kept = place, looked = place; // the last that is on the page, the last that was looked at
    size_t left = rows_looked_max;
    for (const Order order : orders) {
        if (order != place.order) looked = place = Place::first(order);
        const auto visit = [&](Ticket&& ticket) {
            Place at{order, ticket.created_ns, ticket.id};
            if (left == 0) { // One more than a page looks at tells where to look on.
                next = between(looked, at);
                return false;
            }
            --left;
            looked = std::move(at);
            if (order == Order::by_id && !listing.all && approve::is_over(ticket.state)) return true;
            TicketView view = view_of(ticket);
            if (listing.wanted && !listing.wanted(view)) return true;
            if (listed.tickets.size() == listing.count_max) { // One more than asked for tells that there is more.
                next = kept;
                return false;
            }
            listed.tickets.push_back(std::move(view));
            kept = looked;
            return true;
        };
        if (const auto rows = table_->each(place, listing.prefix, left + 1, visit); !rows)
            return fail(Error::io_failed);
        if (next) break;
    }
    if (next) listed.next = text_of(*next);
    return listed;
}

Result<TicketView> Docket::find(const std::string& id) {
    const auto row = table_->find(id, true);
    if (!row) return fail(Error::io_failed);
    if (!*row) return fail(Error::not_found);
    return view_of(**row);
}

} // namespace weir::control
