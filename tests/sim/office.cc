// tests/sim/office.cc - the docket's turns, its mail, and people.
#include "office.h"

#include "ledger.h"

#include <algorithm>
#include <chrono>
#include <cstring>

namespace weir::sim {
namespace {

template <class T> bool ready(const std::future<T>& future) {
    return future.valid() && future.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

} // namespace

Office::Office(Net& net, const Options& options, Tell tell)
    : net_(net), tell_(std::move(tell)), mutant_(options.mutant), ring_(std::make_unique<SimRing>(net, 4, 2'048)),
      mailbox_(std::make_shared<control::DocketMailbox>(1024, [ring = ring_.get()] { ring->wake(); })) {
    control::StoreOptions store;
    store.database = options.database;
    store.segments = options.directory;
    store.log = options.log;
    store.limits = options.limits;
    store.tell = [this](uint32_t worker, post::ApprovalNews&& news) {
        mutant_.tells(worker, news);
        auto kept = std::make_shared<post::ApprovalNews>(std::move(news));
        net_.after(arrival_ns(news_[worker]) - net_.now_ns, [this, dead = dead_, worker, kept] {
            if (!*dead) tell_(worker, std::move(*kept));
        });
    };
    store.random = [&random = net.random](std::span<unsigned char> octets) {
        for (auto& octet : octets) octet = static_cast<unsigned char>(random.below(256));
        return true;
    };
    auto docket = control::Docket::open(std::move(store), *ring_, *mailbox_);
    if (!docket) broken("approvals do not open: " + docket.error());
    docket_ = std::move(*docket);
    due_ns_ = net.now_ns;
}

uint64_t Office::arrival_ns(uint64_t& queue) {
    const bool slow = net_.roll(net_.faults.slow_mail_permille, 1000);
    return queue = std::max(queue, net_.now_ns + (slow ? net_.random.below(2 * s_ns) : net_.delay()));
}

bool Office::post(uint32_t worker, post::ApprovalAsk&& ask) {
    using Kind = post::ApprovalAsk::Kind;
    if ((ask.kind == Kind::submit || ask.kind == Kind::claim) && net_.roll(net_.faults.full_box_permille, 1000))
        return false;
    mutant_.asks(worker, ask);
    auto kept = std::make_shared<post::ApprovalAsk>(std::move(ask));
    net_.after(arrival_ns(asks_[worker]) - net_.now_ns, [dead = dead_, box = mailbox_, kept] {
        if (!*dead) control::post_ask(*box, std::move(*kept));
    });
    return true;
}

void Office::post(control::Mail&& mail) {
    auto kept = std::make_shared<control::Mail>(std::move(mail));
    net_.after(arrival_ns(people_) - net_.now_ns, [dead = dead_, box = mailbox_, kept] {
        if (!*dead) box->post(std::move(*kept));
    });
}

bool Office::turn() {
    if (!docket_ || docket_->closed()) return false;
    if (net_.now_ns < stalled_ns_ || (!ring_->has_completions() && net_.now_ns < due_ns_)) return false;
    docket_->turn();
    due_ns_ =
        docket_->closed() ? UINT64_MAX : std::clamp(docket_->next_due_ns(), net_.now_ns + 1000, net_.now_ns + s_ns);
    if (net_.roll(net_.faults.stall_permille, 1000)) // its disk has other things to do
        stalled_ns_ = net_.now_ns + net_.random.below(net_.random.chance(1, 20) ? 15 * s_ns : 300 * ms_ns);
    return true;
}

void Office::die() {
    *dead_ = true;
    // What died is never taken apart: a killed process runs no destructor either.
    static auto& graveyard = *new std::vector<std::pair<std::unique_ptr<SimRing>, std::unique_ptr<control::Docket>>>;
    static auto& boxes = *new std::vector<std::shared_ptr<control::DocketMailbox>>;
    graveyard.emplace_back(std::move(ring_), std::move(docket_));
    boxes.push_back(std::move(mailbox_));
}

Approver::Approver(Net& net, Cases& cases, uint32_t number)
    : net_(net), cases_(cases), self_{.by = "sim:" + std::to_string(number)},
      pace_ns_(net.random.chance(1, 3) ? 300 * ms_ns : 20 * ms_ns), wake_ns_(net.now_ns) {
    if (number % 3 == 0) return; // through the control socket
    entitled_ = number % 3 == 1;
    self_.person = approve::Decider{.issuer = "sim",
                                    .subject = std::to_string(number),
                                    .display = {},
                                    .actors = {},
                                    .email = {},
                                    .groups = {entitled_ ? "ops" : "others"}};
}

void Approver::hang_up() {
    listed_ = {};
    words_.clear();
}

void Approver::step(Office& office) {
    listen(office);
    if (net_.now_ns < wake_ns_) return;
    if (retired_ && !listed_.valid() && words_.empty()) {
        wake_ns_ = UINT64_MAX;
        return;
    }
    wake_ns_ = net_.now_ns + ms_ns + net_.random.below(pace_ns_);
    if (retired_) return;
    if (!tickets_.empty() && words_.size() < 8 &&
        net_.random.chance(3, 4)) // late as well as soon: it is decided about what was seen last
        decide(office, tickets_[net_.random.below(tickets_.size())]);
    if (listed_.valid()) return;
    auto answer = std::make_shared<std::promise<Result<control::Listed>>>();
    listed_ = answer->get_future();
    office.post(control::ListQuestion{{.all = net_.random.chance(1, 10), .count_max = 1 + net_.random.below(20)},
                                      std::move(answer)});
}

/// What the docket has answered meanwhile.
void Approver::listen(Office& office) {
    if (ready(listed_)) {
        const bool forgets = net_.random.chance(1, 2);
        if (forgets || tickets_.size() > 40) tickets_.clear();
        if (const auto listed = listed_.get())
            for (const auto& view : listed->tickets) tickets_.push_back(view.id);
    }
    for (Word& word : words_) {
        if (!ready(word.answer)) continue;
        const auto decided = word.answer.get();
        if (decided.outcome == control::Outcome::done)
            cases_.decided(word.ticket, word.verb, self_.by, office.ring().durable_seq());
        if (decided.outcome == control::Outcome::done && !entitled_)
            broken("somebody has decided about " + word.ticket + " who has no say");
        if (decided.outcome == control::Outcome::not_found && !word.ticket.ends_with("0000"))
            broken("a ticket that was listed is not there: " + word.ticket);
    }
    std::erase_if(words_, [](const Word& word) { return !word.answer.valid(); });
}

void Approver::decide(Office& office, const std::string& ticket) {
    using control::Verb;
    Random& random = net_.random;
    const uint64_t what = random.below(100);
    if (what < 70) say(office, ticket, Verb::approve);
    else if (what < 78) say(office, ticket, Verb::deny);
    else if (what < 84) say(office, ticket, Verb::withdraw);
    else if (what < 88) say(office, ticket, Verb::revoke);
    else if (what < 90) say(office, "ap_00000000000000000000000000", Verb::approve);
    if (random.chance(1, 8)) say(office, ticket, random.chance(1, 2) ? Verb::approve : Verb::deny); // once more
}

void Approver::say(Office& office, const std::string& ticket, control::Verb verb) {
    auto answer = std::make_shared<std::promise<control::Decided>>();
    words_.push_back({ticket, verb, answer->get_future()});
    office.post(control::DecideQuestion{ticket, verb, self_, "said by " + self_.by, std::move(answer)});
}

} // namespace weir::sim
