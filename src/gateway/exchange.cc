// gateway/exchange.cc - the table of steps, and the only place that runs them.
#include "gateway/exchange.h"

#include "base/assert.h"
#include "gateway/worker.h"

#include <array>

namespace weir::gateway {
namespace {

struct Row {
    const char* name;
    Next (*run)(Exchange&);
    uint32_t successors; // a bit per step that may follow
};

template <class... Steps> constexpr uint32_t to(Steps... steps) {
    return ((1U << static_cast<unsigned>(steps)) | ... | 0U);
}

// admit -> authenticate -> scan -> judge -> credential -> dial -> consume -> forward -> relay -> settle, with hold
// between judge and judge; what a person asks at the admin listener leaves it for desk after scan; any of them may refuse.
constexpr std::array<Row, static_cast<size_t>(Step::done)> table{{
    {"admit", step_admit, to(Step::authenticate, Step::settle, Step::refuse)},
    {"authenticate", step_authenticate, to(Step::scan, Step::settle, Step::refuse)},
    {"scan", step_scan, to(Step::judge, Step::desk, Step::settle, Step::refuse)},
    {"judge", step_judge, to(Step::hold, Step::credential, Step::settle, Step::refuse)},
    {"hold", step_hold, to(Step::judge, Step::settle, Step::refuse)},
    {"credential", step_credential, to(Step::dial, Step::settle, Step::refuse)},
    {"dial", step_dial, to(Step::consume, Step::settle, Step::refuse)},
    {"consume", step_consume, to(Step::forward, Step::hold, Step::settle, Step::refuse)},
    {"forward", step_forward, to(Step::relay, Step::refuse)},
    {"relay", step_relay, to(Step::dial, Step::settle, Step::refuse)},
    {"desk", step_desk, to(Step::settle, Step::refuse)},
    {"settle", step_settle, to(Step::done)},
    {"refuse", step_refuse, to(Step::settle)},
}};

} // namespace

Exchange::Exchange(Worker& its_worker, net::Link* client)
    : worker(its_worker), client_link(client), began_ns(its_worker.now_ns()), space(its_worker.buffers),
      body(its_worker.buffers), outgoing(its_worker.buffers), denied(its_worker.buffers),
      number(its_worker.next_exchange_number()), raw(its_worker.buffers), held(its_worker.buffers) {}

Exchange::~Exchange() {
    WEIR_ASSERT(upstream == nullptr && hold == nullptr);
    if (in_flight) worker.in_flight.erase(in_flight_digest);
    worker.let_on(*this);
    worker.leave_stream(*this);
}

bool Exchange::advance() {
    Doing& shown = doing; // by a failed assertion
    shown.exchange = number;
    for (;;) {
        const Row& row = table[static_cast<size_t>(step)];
        shown.step = row.name;
        const Step before = step;
        const Next next = row.run(*this);
        if (next == Next::more) {
            WEIR_ASSERT((table[static_cast<size_t>(before)].successors & (1U << static_cast<unsigned>(step))) != 0);
            continue;
        }
        shown = {};
        if (next == Next::wait) return true;
        worker.finish(*this);
        return false;
    }
}

void Exchange::forget_link(net::Link& link) {
    if (&link == client_link) client_link = nullptr;
    if (&link == upstream) upstream = nullptr;
    link.owner = nullptr;
    worker.wake(*this);
}

} // namespace weir::gateway
