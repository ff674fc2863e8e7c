// control/evidence.cc - turns of tickets into entries.
#include "control/evidence.h"

#include "crypto/secret.h"
#include "record/fields.h"
#include "record/reader.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace weir::control {
namespace {

// Tickets turn at the pace of people: small files, of which one more lies ready.
constexpr uint64_t segment_bytes = uint64_t{8} << 20;

} // namespace

OrText<std::unique_ptr<Evidence>> Evidence::open(const std::string& segments, const record::LogId& log,
                                                 uint64_t body_bytes_max, std::shared_ptr<ring::Waker> waker) {
    auto ring = ring::make_kernel_ring({.submissions = 64, .completions = 256, .slabs = 4}, std::move(waker));
    if (!ring)
        return std::unexpected(std::string("io_uring is refused: ") + std::strerror(errno) +
                               " (weir doctor says more)");
    auto evidence = std::unique_ptr<Evidence>(new Evidence(std::move(*ring)));
    record::WriterOptions options;
    options.directory = segments;
    options.worker = record::control_stream;
    options.log = log;
    options.seed = crypto::random_u64();
    options.durability = record::Durability::strict;
    options.segment_bytes = segment_bytes;
    options.body_bytes_max = static_cast<uint32_t>(body_bytes_max);
    auto writer = record::Writer::open(*evidence->ring_, options);
    if (!writer) return std::unexpected(writer.error());
    evidence->writer_ = std::move(*writer);
    evidence->wake_op_.owner = evidence.get();
    evidence->wake_op_.done = [](ring::Op& op, ring::Completion) { op.owner_as<Evidence>().woken_ = true; };
    evidence->ring_->on_wake(&evidence->wake_op_);
    return evidence;
}

Evidence::~Evidence() {
    if (writer_ == nullptr) return;
    writer_->close();
    while (!writer_->closed()) {
        writer_->flush();
        ring_->turn(std::min(writer_->next_due_ns(), ring_->now_ns() + 100 * ms_ns));
    }
}

template <record::Kind kind> bool Evidence::append_as(const record::TicketTurn& turn) {
    return writer_->append(0, record::TicketEntry<kind>{turn}).has_value();
}

bool Evidence::append(const Ticket& ticket, const OutboxLine& line) {
    const std::vector<std::string_view> policies(ticket.policies.begin(), ticket.policies.end());
    const auto kind = static_cast<record::Kind>(line.kind);
    const record::TicketTurn turn{
        .principal = ticket.principal,
        .client = ticket.client,
        .server = ticket.server,
        .method = ticket.method,
        .name = ticket.name,
        .body = kind == record::Kind::held ? std::string_view(ticket.body) : std::string_view(),
        .policies = policies,
        .text = line.text,
        .generation = ticket.generation,
        .version = line.version,
        .sha256 = {reinterpret_cast<const char*>(ticket.digest.data()), ticket.digest.size()},
        .by = line.by,
        .session_key = ticket.session_key,
        .ticket = ticket.id};
    if (kind == record::Kind::held) return append_as<record::Kind::held>(turn);
    if (kind == record::Kind::approved) return append_as<record::Kind::approved>(turn);
    if (kind == record::Kind::denied) return append_as<record::Kind::denied>(turn);
    if (kind == record::Kind::expired) return append_as<record::Kind::expired>(turn);
    if (kind == record::Kind::withdrawn) return append_as<record::Kind::withdrawn>(turn);
    if (kind == record::Kind::executing) return append_as<record::Kind::executing>(turn);
    if (kind == record::Kind::answered) return append_as<record::Kind::answered>(turn);
    return append_as<record::Kind::ambiguous>(turn);
}

bool Evidence::sync() {
    const uint64_t end = ring_->now_ns() + sync_ns_max;
    const uint64_t last = writer_->last_seq();
    for (;;) {
        writer_->flush();
        if (writer_->durable_seq() >= last) return true;
        if (ring_->now_ns() >= end) return false;
        ring_->turn(std::min({end, writer_->next_due_ns(), ring_->now_ns() + 100 * ms_ns}));
    }
}

void Evidence::wait(uint64_t deadline_ns) {
    writer_->flush();
    // A wake that came while sync() waited was for the mail, not for the sync.
    const uint64_t until_ns = woken_ ? 0 : std::min(deadline_ns, writer_->next_due_ns());
    ring_->turn(until_ns);
    woken_ = false;
}

std::set<std::pair<std::string, uint64_t>> Evidence::written(const std::string& segments) {
    std::set<std::pair<std::string, uint64_t>> found;
    auto stream = record::StreamReader::open(segments + "/" + record::stream_name(record::control_stream), {});
    if (!stream) return found;
    for (;;) {
        const auto entry = stream->next();
        if (!entry && (entry.error() == Error::not_found || entry.error() == Error::io_failed)) break;
        if (!entry) continue;
        const auto fields = record::read_fields(entry->frame.payload);
        if (fields && fields->has(record::Field::ticket))
            found.emplace(fields->text(record::Field::ticket), fields->number(record::Field::count));
    }
    return found;
}

} // namespace weir::control
