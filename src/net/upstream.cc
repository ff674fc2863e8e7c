// net/upstream.cc - last in, first out lists of idle links.
#include "net/upstream.h"

namespace weir::net {

void Upstreams::forget(Link& link) {
    Link*& head = idle_[link.server];
    if (link.pool_previous != nullptr) link.pool_previous->pool_next = link.pool_next;
    else head = link.pool_next;
    if (link.pool_next != nullptr) link.pool_next->pool_previous = link.pool_previous;
    link.pool_next = link.pool_previous = nullptr;
    link.idle = false;
    --count_;
}

Link* Upstreams::take(uint32_t server) {
    while (Link* link = idle_[server]) {
        forget(*link);
        if (link->usable() && !link->ended() && !link->broken() && link->input().size == 0) return link;
        link->close();
    }
    return nullptr;
}

void Upstreams::keep(Link& link, uint64_t deadline_ns) {
    WEIR_ASSERT(!link.idle && link.flushed() && link.input().size == 0);
    Link*& head = idle_[link.server];
    link.pool_next = head;
    link.pool_previous = nullptr;
    if (head != nullptr) head->pool_previous = &link;
    head = &link;
    link.idle = true;
    link.owner = nullptr;
    link.set_deadline(deadline_ns);
    ++count_;
}

void Upstreams::close_all(uint32_t server) {
    while (Link* link = idle_[server]) {
        forget(*link);
        link->close();
    }
}

void Upstreams::close_all() {
    for (uint32_t server = 0; server < idle_.size(); ++server) close_all(server);
}

} // namespace weir::net
