// gateway/responses.cc - judging what servers say, and applying masks.
#include "gateway/responses.h"

#include "gateway/record_entries.h"
#include "gateway/verdicts.h"
#include "gateway/worker.h"
#include "mcp/reply.h"

namespace weir::gateway {
namespace {

using policy::Decision;

bool any_policies(const Exchange& exchange) { return exchange.worker.generation().policies->judges_responses(); }

mask::Act act_of(policy::MaskAct act) {
    switch (act) {
        case policy::MaskAct::drop: return mask::Act::drop;
        case policy::MaskAct::null: return mask::Act::null;
        case policy::MaskAct::last4: return mask::Act::last4;
        case policy::MaskAct::replace: return mask::Act::replace;
    }
    __builtin_unreachable();
}

/// What `kept` says, for the judgement of `message` now. `arguments` is room for the document of the arguments.
policy::Facts facts_now(Exchange& exchange, const AnswerFacts& kept, const mcp::Message& message,
                        json::Document& arguments) {
    Worker& worker = exchange.worker;
    policy::Facts facts = kept.facts;
    facts.time_unix_ns = worker.ring.wall_ns();
    facts.result = message.result;
    facts.error = message.error;
    facts.before_answer = message.kind == mcp::Kind::request || message.kind == mcp::Kind::notification;
    if (kept.arguments.size == 0) return facts;
    const auto scanned = worker.arguments_scanner.scan(kept.arguments);
    WEIR_ASSERT(scanned.has_value()); // they are part of a text that was scanned before
    arguments = *scanned;
    facts.args = json::Value::root(arguments);
    return facts;
}

/// Adds the edits of a mask and records what it took out. A problem: it cannot be applied.
std::string_view apply(Exchange& exchange, const mcp::Message& message, std::span<const policy::MaskField> wanted,
                       mcp::Edits& edits) {
    Worker& worker = exchange.worker;
    const auto fields = worker.scratch.array<mask::Field>(wanted.size());
    for (size_t i = 0; i < fields.size(); ++i) fields[i] = {wanted[i].path, act_of(wanted[i].act), wanted[i].text};
    const auto outcome = worker.masker.mask(message.object, fields, worker.scratch);
    if (!outcome) return worker.masker.problem();
    for (const json::Edit& edit : outcome->edits) edits.add(edit);
    bool any = false;
    for (size_t i = 0; i < fields.size(); ++i) {
        const mask::Tally tally = outcome->tallies[i];
        if (tally.values == 0) continue;
        any = true;
        record_masked(exchange, wanted[i], tally.values, tally.copies);
    }
    if (any) worker.counters.masked.add();
    return {};
}

/// What cannot be masked is blocked, as a policy that fails is.
void fail_verdict(policy::Verdict& verdict, std::string_view problem) {
    const auto policies = verdict.policies;
    verdict = {};
    verdict.decision = Decision::block;
    verdict.error = true;
    verdict.policies = policies;
    verdict.code = row_of(Error::policy_error).name;
    verdict.text = row_of(Error::mask_failed).text;
    verdict.detail = problem;
}

std::string_view name_in(const policy::Facts& facts) {
    for (const std::string_view name : {facts.tool, facts.prompt, facts.resource})
        if (name.data() != nullptr) return name;
    return {};
}

/// The facts of what a server says by itself, under its own method.
policy::Facts own_facts(Exchange& exchange, const mcp::Message& message) {
    policy::Facts facts;
    facts.on = policy::On::response;
    facts.server = exchange.server->index;
    facts.method = message.method_text;
    if (mcp::named_by(message.method) == mcp::Named::uri) facts.resource = message.name;
    facts.principal = exchange.principal;
    facts.ip = exchange.from;
    facts.session_id = exchange.session->id();
    facts.session_calls = exchange.session->calls;
    facts.client_name = exchange.client_text;
    return facts;
}

const AnswerFacts* keep(Exchange& exchange, policy::Facts facts, const policy::ResponseTouch& touch) {
    Workspace& space = exchange.space;
    auto& kept = space.make<AnswerFacts>();
    facts.on = policy::On::response;
    for (std::string_view policy::Facts::* name :
         {&policy::Facts::method, &policy::Facts::tool, &policy::Facts::prompt, &policy::Facts::resource})
        if ((facts.*name).data() != nullptr) facts.*name = space.join({facts.*name});
    if (facts.args && touch.arguments) {
        const std::string_view text = facts.args.raw();
        char* const room = space.take(text.size() + padding_bytes, 1);
        std::memcpy(room, text.data(), text.size());
        kept.arguments = {room, text.size()};
    }
    facts.args = {};
    kept.facts = facts;
    return &kept;
}

} // namespace

const AnswerFacts* keep_for_answer(Exchange& exchange, const policy::Facts& facts) {
    const auto touch = exchange.worker.judge().may_touch_response(facts);
    return touch.judged ? keep(exchange, facts, touch) : nullptr;
}

const AnswerFacts* keep_for_resumed(Exchange& exchange) {
    if (!any_policies(exchange)) return nullptr;
    mcp::Message request;
    request.method = exchange.method;
    request.method_text = mcp::name_of(exchange.method);
    auto facts = own_facts(exchange, request);
    facts.args_lost = true;
    switch (mcp::named_by(exchange.method)) {
        case mcp::Named::tool: facts.tool = exchange.name; break;
        case mcp::Named::prompt: facts.prompt = exchange.name; break;
        case mcp::Named::uri: facts.resource = exchange.name; break;
        case mcp::Named::reference: facts.prompt = facts.resource = exchange.name; break; // one of the two
        case mcp::Named::none:
        case mcp::Named::task: break;
    }
    const auto touch = exchange.worker.judge().may_touch_response(facts);
    return touch.judged ? keep(exchange, facts, touch) : nullptr;
}

Outcome judge_answer(Exchange& exchange, const AnswerFacts* kept, const mcp::Message& message, mcp::Method method,
                     std::string_view id, mcp::Edits& edits) {
    if (kept == nullptr) return Outcome::goes_on;
    Worker& worker = exchange.worker;
    json::Document arguments;
    auto verdict = worker.judge().judge(facts_now(exchange, *kept, message, arguments), worker.scratch);
    if (verdict.decision == Decision::mask)
        if (const auto problem = apply(exchange, message, verdict.mask, edits); !problem.empty())
            fail_verdict(verdict, problem);
    if (verdict.goes_on()) return Outcome::goes_on;
    record_answer_blocked(exchange, verdict, method);
    PaddedBytes denial(worker.buffers);
    mcp::write_denial(denial, denial_of(exchange, verdict, method, name_in(kept->facts), id));
    edits.add(json::Edit::replace(message.object, worker.scratch.copy(denial.text())));
    return Outcome::replaced;
}

Result<Outcome> judge_said(Exchange& exchange, const mcp::Message& message, mcp::Edits& edits) {
    if (!any_policies(exchange)) return Outcome::goes_on;
    Worker& worker = exchange.worker;
    json::Document arguments;
    size_t count = 0;
    const auto verdicts = worker.scratch.array<policy::Verdict>(2 + exchange.batch_requests.size());
    const auto ask = [&](const policy::Facts& facts) {
        verdicts[count] = worker.judge().judge(facts, worker.scratch);
        return verdicts[count++].goes_on();
    };
    AnswerFacts own{own_facts(exchange, message), {}};
    if (worker.judge().may_touch_response(own.facts).judged && !ask(facts_now(exchange, own, message, arguments)))
        return Outcome::dropped;
    if (exchange.answer_facts != nullptr && !ask(facts_now(exchange, *exchange.answer_facts, message, arguments)))
        return Outcome::dropped;
    for (const BatchRequest& request : exchange.batch_requests)
        if (request.facts != nullptr && !ask(facts_now(exchange, *request.facts, message, arguments)))
            return Outcome::dropped;
    size_t total = 0;
    for (const auto& verdict : verdicts.first(count)) total += verdict.mask.size();
    if (total == 0) return Outcome::goes_on;
    const auto fields = worker.scratch.array<policy::MaskField>(total);
    auto to = fields.begin();
    for (const auto& verdict : verdicts.first(count)) to = std::copy(verdict.mask.begin(), verdict.mask.end(), to);
    const auto problem = apply(exchange, message, fields, edits);
    if (problem.empty()) return Outcome::goes_on;
    policy::Verdict verdict;
    fail_verdict(verdict, problem);
    record_answer_blocked(exchange, verdict, message.method);
    return fail(Error::mask_failed);
}

bool relax_tools(Exchange& exchange, json::Value result, mcp::Edits& edits) {
    if (!any_policies(exchange)) return false;
    Worker& worker = exchange.worker;
    bool relaxed = false;
    for (const json::Value tool : result.find("tools").elements()) {
        const json::Value schema = tool.find("outputSchema");
        if (!schema) continue;
        policy::Facts facts;
        facts.server = exchange.server->index;
        facts.method = mcp::name_of(mcp::Method::tools_call);
        facts.tool = worker.scratch.join({tool.find("name").string(worker.scratch)});
        if (!worker.judge().may_touch_response(facts).masks) continue;
        edits.add(json::Edit::drop(schema));
        relaxed = true;
    }
    return relaxed;
}

} // namespace weir::gateway
