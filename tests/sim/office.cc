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

Office::Office(Net& net, Database& files, const Options& options, Tell tell)
    : net_(net), files_(files), tell_(std::move(tell)), mutant_(options.mutant),
      ring_(std::make_unique<MutantRing>(options.mutant, net, 4, 2'048)),
      mailbox_(std::make_shared<control::DocketMailbox>(1024, [ring = ring_.get()] { ring->wake(); })) {
    control::StoreOptions store;
    store.database = options.database;
    store.segments = options.directory;
    store.log = options.log;
    store.limits = options.limits;
    store.tell = [this](uint32_t worker, post::ApprovalNews&& news) {
        check_telling(worker, news);
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
    knows_all_ = !files.exists(options.database);
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
    net_.after(arrival_ns(asks_[worker]) - net_.now_ns, [this, dead = dead_, worker, kept] {
        if (*dead) return;
        asked_[{worker, kept->waiter.index}] = {kept->kind, net_.now_ns};
        control::post_ask(*mailbox_, std::move(*kept));
    });
    return true;
}

/// Who asked when nothing could be stored any more, and is told while that is still so, was given nothing that has to be.
void Office::check_telling(uint32_t worker, const post::ApprovalNews& news) {
    using Kind = post::ApprovalAsk::Kind;
    using State = post::TicketState;
    if (*dead_) return;
    if (news.state == State::unavailable && news.text.empty())
        broken("a call was refused for want of approvals without a word");
    const bool fresh = !news.ticket.empty() && known_.insert(news.ticket).second;
    const auto asked = asked_.find({worker, news.waiter.index});
    const Trouble& trouble = files_.trouble();
    if (asked == asked_.end() || !news.answer || !trouble.stops_all() || asked->second.arrived_ns < trouble.since_ns)
        return;
    if (fresh && knows_all_ && asked->second.kind == Kind::submit && news.state == State::pending)
        broken("a call was told to wait while nothing could be stored: " + news.ticket);
    if (asked->second.kind == Kind::claim && news.granted)
        broken("a call was let run while nothing could be stored: " + news.ticket);
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
    files_.draw_trouble();
    docket_->turn();
    if (const uint64_t slept_ns = files_.take_slept_ns(); slept_ns != 0) stalled_ns_ = net_.now_ns + slept_ns;
    due_ns_ =
        docket_->closed() ? UINT64_MAX : std::clamp(docket_->next_due_ns(), net_.now_ns + 1000, net_.now_ns + s_ns);
    if (net_.roll(net_.faults.stall_permille, 1000)) // its disk has other things to do
        stalled_ns_ =
            std::max(stalled_ns_, net_.now_ns) + net_.random.below(net_.random.chance(1, 20) ? 15 * s_ns : 300 * ms_ns);
    return true;
}

void Office::die() {
    *dead_ = true;
    ring_->die();
    // What died is never taken apart: a killed process runs no destructor either.
    static auto& graveyard = *new std::vector<std::pair<std::unique_ptr<MutantRing>, std::unique_ptr<control::Docket>>>;
    static auto& boxes = *new std::vector<std::shared_ptr<control::DocketMailbox>>;
    graveyard.emplace_back(std::move(ring_), std::move(docket_));
    boxes.push_back(std::move(mailbox_));
}

Approver::Approver(Net& net, Cases& cases, uint32_t number, Mutant mutant)
    : net_(net), cases_(cases), mutant_(mutant), self_{.by = "sim:" + std::to_string(number)},
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
        auto decided = word.answer.get();
        check_unavailable(office, word, decided);
        // decide_unstored: who is told that it could not be stored hears that it was.
        if (mutant_ == Mutant::decide_unstored && entitled_ && decided.outcome == control::Outcome::unavailable)
            decided.outcome = control::Outcome::done;
        if (decided.outcome == control::Outcome::unavailable) cases_.not_decided(word.note);
        if (decided.outcome == control::Outcome::done)
            cases_.decided(word.ticket, word.verb, self_.by, office.ring().durable_seq());
        if (decided.outcome == control::Outcome::done && !entitled_)
            broken("somebody has decided about " + word.ticket + " who has no say");
        if (decided.outcome == control::Outcome::not_found && !word.ticket.ends_with("0000"))
            broken("a ticket that was listed is not there: " + word.ticket);
    }
    std::erase_if(words_, [](const Word& word) { return !word.answer.valid(); });
}

/// That nothing can be stored is said while it is so, and only then.
void Approver::check_unavailable(Office& office, const Word& word, const control::Decided& decided) {
    const Trouble& trouble = office.files().trouble();
    const bool stopped = trouble.stops_all() && word.said_ns >= trouble.since_ns;
    if (stopped && decided.outcome == control::Outcome::done)
        broken("a decision about " + word.ticket + " was taken while nothing could be stored");
    if (decided.outcome == control::Outcome::unavailable && word.said_ns > office.files().well_since_ns())
        broken("a decision about " + word.ticket + " cannot be stored though the database is well");
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
    const std::string note = "word " + std::to_string(++words_said_) + " of " + self_.by;
    words_.push_back({ticket, verb, note, net_.now_ns, answer->get_future()});
    office.post(control::DecideQuestion{ticket, verb, self_, note, std::move(answer)});
}

} // namespace weir::sim
