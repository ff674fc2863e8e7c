// control/evidence.cc - turns of tickets into entries.
#include "control/evidence.h"

#include "record/fields.h"
#include "record/reader.h"

namespace weir::control {
namespace {

// Tickets turn at the pace of people: small files, of which one more lies ready.
constexpr uint64_t segment_bytes = uint64_t{8} << 20;

} // namespace

OrText<std::unique_ptr<Evidence>> Evidence::open(ring::Ring& ring, const std::string& segments,
                                                 const record::LogId& log, uint64_t body_bytes_max, uint64_t seed) {
    record::WriterOptions options;
    options.directory = segments;
    options.worker = record::control_stream;
    options.log = log;
    options.seed = seed;
    options.durability = record::Durability::strict;
    options.segment_bytes = segment_bytes;
    options.body_bytes_max = static_cast<uint32_t>(body_bytes_max);
    auto writer = record::Writer::open(ring, options);
    if (!writer) return std::unexpected(writer.error());
    auto evidence = std::unique_ptr<Evidence>(new Evidence);
    evidence->writer_ = std::move(*writer);
    return evidence;
}

void Evidence::close() {
    closing_ = true;
    writer_->close();
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
        .ticket = ticket.id,
        .by_issuer = line.person.issuer,
        .by_subject = line.person.subject,
        .by_person = line.person.display};
    if (kind == record::Kind::held) return append_as<record::Kind::held>(turn);
    if (kind == record::Kind::approved) return append_as<record::Kind::approved>(turn);
    if (kind == record::Kind::denied) return append_as<record::Kind::denied>(turn);
    if (kind == record::Kind::expired) return append_as<record::Kind::expired>(turn);
    if (kind == record::Kind::withdrawn) return append_as<record::Kind::withdrawn>(turn);
    if (kind == record::Kind::executing) return append_as<record::Kind::executing>(turn);
    if (kind == record::Kind::answered) return append_as<record::Kind::answered>(turn);
    if (kind == record::Kind::not_entitled) return append_as<record::Kind::not_entitled>(turn);
    return append_as<record::Kind::ambiguous>(turn);
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
