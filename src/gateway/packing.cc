// gateway/packing.cc - the views of a held exchange, and their octets in one piece.
#include "gateway/packing.h"

#include "gateway/hold.h"
#include "gateway/worker.h"

#include <algorithm>
#include <cstring>
#include <functional>

namespace weir::gateway {
namespace {

/// Octets of the workspace, or of what was packed before, and where they go.
struct Piece {
    const char* from;
    size_t size;
    char* to;
    const char* end() const { return from + size; }
};

constexpr size_t views_max = 64; // of an exchange and its hold; without the fields of the head and the policies

/// Calls `visit` with every view that outlives the wait, but for those in lists.
template <class Visit> void each_view(Exchange& exchange, Visit visit) {
    Hold& hold = *exchange.hold;
    for (std::string_view* view : {&exchange.origin,
                                   &exchange.head.target,
                                   &exchange.head.path,
                                   &exchange.head.query,
                                   &exchange.head.authority.host,
                                   &exchange.last_event,
                                   &exchange.method_text,
                                   &exchange.name,
                                   &exchange.id.raw,
                                   &exchange.id.key,
                                   &exchange.revision,
                                   &exchange.wanted_revision,
                                   &exchange.client_text,
                                   &exchange.answer_session,
                                   &exchange.answer_revision,
                                   &exchange.retry_after,
                                   &exchange.refusal.detail,
                                   &exchange.refusal.lines,
                                   &exchange.refusal_data,
                                   &hold.meta,
                                   &hold.progress_token,
                                   &hold.input,
                                   &hold.reason})
        visit(*view);
    if (exchange.legacy_session)
        for (std::string_view* view : {&exchange.legacy_session->upstream_id, &exchange.legacy_session->revision,
                                       &exchange.legacy_session->client})
            visit(*view);
}

/// Where `view` lies once `pieces`, in the order of their addresses, are where they go. Constants stay where they are.
void follow(std::string_view& view, std::span<const Piece> pieces) {
    const auto behind = std::ranges::upper_bound(pieces, view.data(), std::less(), &Piece::from);
    if (view.empty() || behind == pieces.begin()) return;
    const Piece& piece = *std::prev(behind);
    if (std::less()(view.data(), piece.end())) view = {piece.to + (view.data() - piece.from), view.size()};
}

} // namespace

void pack(Exchange& exchange) {
    WEIR_ASSERT(exchange.hold != nullptr && exchange.batch_requests.empty());
    if (exchange.space.taken_bytes() == 0) return;
    Hold& hold = *exchange.hold;
    exchange.document = {};
    exchange.message = {};
    exchange.body_view = {};
    exchange.answer_facts = nullptr;
    exchange.outgoing.release();

    const size_t field_count = exchange.head.fields.size(), policy_count = hold.policies.size();
    Workspace room(exchange.worker.buffers);
    const auto pieces = room.array<Piece>(views_max + 2 * field_count + policy_count);
    size_t count = 0;
    const auto note = [&](std::string_view view) {
        const bool kept = exchange.kept.holds(view.data()) || exchange.space.holds(view.data());
        if (!view.empty() && kept) pieces[count++] = {view.data(), view.size(), nullptr};
    };
    each_view(exchange, note);
    for (const http::Field& field : exchange.head.fields) {
        note(field.name);
        note(field.value);
    }
    for (const std::string_view policy : hold.policies) note(policy);

    // Views into the same text become one piece.
    const auto noted = pieces.first(count);
    std::ranges::sort(noted, std::less(), &Piece::from);
    size_t apart = 0, octets = 0;
    for (const Piece& piece : noted) {
        if (apart != 0 && !std::less()(noted[apart - 1].end(), piece.from)) {
            Piece& before = noted[apart - 1];
            before.size = static_cast<size_t>(std::max(before.end(), piece.end(), std::less()) - before.from);
        } else {
            noted[apart++] = piece;
        }
    }
    const auto together = noted.first(apart);
    for (const Piece& piece : together) octets += piece.size;

    const size_t lists = field_count * sizeof(http::Field) + policy_count * sizeof(std::string_view);
    Kept kept(exchange.worker.kept_memory, lists + octets);
    auto* const fields = reinterpret_cast<http::Field*>(kept.data());
    auto* const policies = reinterpret_cast<std::string_view*>(fields + field_count);
    char* at = kept.data() + lists;
    for (Piece& piece : together) {
        std::memcpy(at, piece.from, piece.size);
        piece.to = at;
        at += piece.size;
    }
    each_view(exchange, [&](std::string_view& view) { follow(view, together); });
    for (size_t i = 0; i < field_count; ++i) {
        http::Field& field = *new (fields + i) http::Field(exchange.head.fields[i]);
        follow(field.name, together);
        follow(field.value, together);
    }
    for (size_t i = 0; i < policy_count; ++i) follow(*new (policies + i) std::string_view(hold.policies[i]), together);
    exchange.head.fields = {fields, field_count};
    hold.policies = {policies, policy_count};
    exchange.space.reset();
    exchange.kept.swap(kept);
}

} // namespace weir::gateway
