// tests/identity/authenticator_test.cc - what must hold: a token that is known is judged no more, but each server still
// asks whether it is for it; verdicts die by age, by the clock and with their keys; what an attacker sends costs a bounded
// share of time and takes no place from others; refusals name what the gateway has to do.
#include "base/limits.h"
#include "gate.h"

using namespace weir;
using namespace weir::identity;

namespace {

Object with(Object object, const std::string& name, const std::string& json) { return object.set(name, json); }

std::string broken(std::string token) {
    char& octet = token[token.rfind('.') + 5];
    octet = octet == 'A' ? 'B' : 'A';
    return token;
}

} // namespace

TEST_CASE("a token is verified once a minute") {
    Gate gate;
    const std::string token = Gate::good();
    for (int i = 0; i < 5; ++i) CHECK(gate.admits(token));
    CHECK(gate.authenticator.counts().verified == 1);
    CHECK(gate.authenticator.counts().known == 4);
    const auto one = gate.ask(token), other = gate.ask(token);
    CHECK(one->principal == other->principal);
    CHECK(one->principal->subject == "ann");
    gate.moment.now_ns += 60 * s_ns - 1;
    CHECK(gate.admits(token));
    CHECK(gate.authenticator.counts().verified == 1);
    gate.moment.now_ns += 1;
    CHECK(gate.admits(token));
    CHECK(gate.authenticator.counts().verified == 2);
}

TEST_CASE("a known token is still asked for whom it is, by every server") {
    Gate gate;
    const std::string token = Gate::good();
    REQUIRE(gate.admits(token));
    const Resource jira = gate.resource;
    gate.resource.trusts[0].audiences = {"https://gw.test/other"};
    CHECK(gate.refusal(token) == "audience_refused");
    gate.resource = jira;
    gate.resource.scopes = {"mcp:tools", "mcp:admin"};
    CHECK(gate.refusal(token) == "scope_missing");
    CHECK(gate.ask(token).error().detail == "mcp:admin");
    gate.resource = jira;
    gate.resource.trusts.clear();
    CHECK(gate.refusal(token) == "issuer_unknown");
    gate.resource = jira;
    CHECK(gate.admits(token));
    CHECK(gate.authenticator.counts().verified == 1);
    // And first at the other server: nothing is remembered of a token that was never verified.
    Gate fresh;
    fresh.resource.trusts[0].audiences = {"https://gw.test/other"};
    CHECK(fresh.refusal(token) == "audience_refused");
    CHECK(fresh.authenticator.counts().verified == 0);
    CHECK(missing_scope(*gate.ask(token)->principal, std::vector<std::string>{"mcp:tools"}).empty());
}

TEST_CASE("keys that come are used, keys that go take their tokens with them, the same keys change nothing") {
    Gate gate;
    const std::string token = Gate::good();
    gate.authenticator.set_keys(0, nullptr);
    const auto none = gate.ask(token);
    REQUIRE_FALSE(none);
    CHECK(none.error() == TokenError::keys_missing);
    CHECK(none.error().issuer == 0);
    CHECK(row_of(none.error().error).challenge == Challenge::unavailable);
    gate.set_keys({Gate::rsa().jwk("r").text()});
    const auto unknown = gate.ask(token);
    CHECK(unknown.error() == TokenError::key_unknown);
    CHECK(unknown.error().detail == "e");
    CHECK(unknown.error().issuer == 0);
    gate.set_keys({Gate::point().jwk("e").text()});
    CHECK(gate.admits(token));
    gate.set_keys({Gate::point().jwk("e").text()});
    CHECK(gate.admits(token));
    CHECK(gate.authenticator.counts().verified == 1);
    gate.authenticator.set_keys(0, nullptr);
    CHECK(gate.refusal(token) == "keys_missing");
}

TEST_CASE("the clock decides about known tokens, too") {
    Gate gate;
    const std::string token = Gate::good();
    REQUIRE(gate.admits(token));
    gate.moment.unix_s = test_now_unix_s + 329;
    CHECK(gate.admits(token));
    gate.moment.unix_s = test_now_unix_s + 330;
    CHECK(gate.refusal(token) == "expired");
    gate.moment.unix_s = test_now_unix_s - 41;
    CHECK(gate.refusal(token) == "not_yet_valid");
    gate.moment.unix_s = test_now_unix_s - 40;
    CHECK(gate.admits(token));
}

TEST_CASE("setting the clock makes no token live longer, and shuts none out for good") {
    Gate gate;
    const auto ending = [](int64_t in_s) { // with the leeway, 30 s later
        return Gate::token(with(Gate::claims(), "exp", std::to_string(static_cast<int64_t>(test_now_unix_s) + in_s)));
    };
    const std::string token = ending(-20); // ten seconds are left to it
    REQUIRE(gate.admits(token));
    // Forward over its end and back at once: out, and in again.
    gate.moment.unix_s += 3600;
    CHECK(gate.refusal(token) == "expired");
    gate.moment.unix_s -= 3600;
    CHECK(gate.admits(token));
    CHECK(gate.authenticator.counts().verified == 1);
    // Its ten seconds pass while the clock is set back again and again: the verdict holds no longer than they did, and
    // the token is looked at anew.
    gate.moment.now_ns += 10 * s_ns - 1;
    CHECK(gate.admits(token));
    CHECK(gate.authenticator.counts().verified == 1);
    gate.moment.now_ns += 1;
    CHECK(gate.admits(token)); // By the clock it still is good; there is no other to tell.
    CHECK(gate.authenticator.counts().verified == 2);
    gate.moment.unix_s = test_now_unix_s + 10;
    CHECK(gate.refusal(token) == "expired");
    // Back before it was issued: out by `iat`, a verdict or not.
    gate.moment.unix_s = test_now_unix_s - 3600;
    CHECK(gate.refusal(token) == "not_yet_valid");
    CHECK(gate.refusal(Gate::good()) == "not_yet_valid");
    gate.moment.unix_s = test_now_unix_s;
    CHECK(gate.admits(Gate::good()));
    // Wrong signatures age by the clock that is never set: once a minute, wherever that of the wall goes.
    const std::string forged = broken(Gate::good());
    CHECK(gate.refusal(forged) == "signature_wrong");
    const uint64_t wrong = gate.authenticator.counts().wrong;
    for (const int64_t step : {-20, 20, -10, 10}) {
        gate.moment.unix_s = static_cast<uint64_t>(static_cast<int64_t>(test_now_unix_s) + step);
        gate.moment.now_ns += s_ns;
        CHECK(gate.refusal(forged) == "signature_wrong");
    }
    CHECK(gate.authenticator.counts().wrong == wrong);
}

TEST_CASE("a verdict ends with its token whichever clock gets there first") {
    Verdicts verdicts(1, {});
    verdicts.set_keys(0, 7);
    const crypto::Digest digest = crypto::Sha256::of("token");
    const Accepted accepted{std::make_shared<const Principal>(make_principal("i", "s", "", "", {})), 900, 1'010};
    struct Row {
        int64_t wall_step_s; // set right after the verdict
        uint64_t passed_s;   // and then so much time goes by
        bool holds;
    };
    const Row rows[] = {{0, 0, true},    {0, 9, true},     {0, 10, false},   {9, 0, true},      {10, 0, false},
                        {-50, 9, true},  {-50, 10, false}, {-50, 59, false}, {-100, 0, true},   {-101, 0, false},
                        {-101, 1, true}, {5, 4, true},     {5, 5, false},    {86'400, 0, false}};
    for (const Row& row : rows) {
        INFO(row.wall_step_s << " " << row.passed_s);
        verdicts.keep(digest, 0, accepted, {1'000, 5 * s_ns});
        const auto unix_s = static_cast<uint64_t>(1'000 + row.wall_step_s) + row.passed_s;
        CHECK((verdicts.find(digest, {unix_s, (5 + row.passed_s) * s_ns}) != nullptr) == row.holds);
    }
}

TEST_CASE("however many bad tokens come, the good ones stay known and nothing grows") {
    Gate gate;
    std::vector<std::string> good;
    for (int i = 0; i < 100; ++i) {
        gate.moment.now_ns += 10 * ms_ns; // so that the share of time is enough for all of them
        good.push_back(Gate::token(with(Gate::claims(), "jti", "\"good" + std::to_string(i) + "\"")));
        REQUIRE(gate.admits(good.back()));
    }
    const auto known = [&] {
        const uint64_t before = gate.authenticator.counts().known;
        for (const std::string& token : good) CHECK(gate.admits(token));
        return gate.authenticator.counts().known - before;
    };
    REQUIRE(known() == good.size());
    const uint64_t verified = gate.authenticator.counts().verified;
    // Bad in every way there is, each one another token. From ever new addresses: nobody is a suspect.
    const std::string head = base64url(Gate::header().text());
    const std::string foreign = base64url(with(Gate::header(), "kid", "\"x\"").text());
    size_t wrong = 0, busy = 0;
    for (uint64_t i = 0; i < 20'000; ++i) {
        gate.address = 1'000 + i;
        gate.moment.now_ns += 100'000; // ten thousand a second
        const std::string body = base64url(with(Gate::claims(), "jti", "\"" + std::to_string(i) + "\"").text());
        const std::string late = base64url(with(with(Gate::claims(), "jti", std::to_string(i)), "exp", "1").text());
        std::string token;
        switch (i % 5) {
            case 0: token = head + "." + body + "." + base64url(std::string(64, 's')); break;
            case 1: token = head + "." + late + "." + base64url(std::string(64, 's')); break;
            case 2: token = foreign + "." + body + "." + base64url(std::string(64, 's')); break;
            case 3: token = std::to_string(i) + ".b.c"; break;
            default: token = "opaque-" + std::to_string(i); break;
        }
        const std::string refusal = gate.refusal(token);
        CHECK_FALSE(refusal.empty());
        wrong += refusal == "signature_wrong";
        busy += refusal == "busy";
    }
    CHECK(wrong + busy == 4'000);
    CHECK(busy > 3'000); // Two seconds, a quarter of each, and a millisecond and more for every signature.
    gate.address = 1;
    CHECK(known() == good.size());
    CHECK(gate.authenticator.counts().verified == verified + wrong);
}

TEST_CASE("a wrong signature is verified once, and not for ever") {
    Gate gate;
    const std::string token = broken(Gate::good());
    for (int i = 0; i < 3; ++i) CHECK(gate.refusal(token) == "signature_wrong");
    CHECK(gate.authenticator.counts().verified == 1);
    CHECK(gate.authenticator.counts().wrong == 1);
    gate.set_keys({Gate::point().jwk("e").text()}); // of these keys its verdict is another matter
    CHECK(gate.refusal(token) == "signature_wrong");
    CHECK(gate.authenticator.counts().verified == 2);
}

TEST_CASE("who sends wrong signatures does not keep others out") {
    Gate gate;
    const std::string known = Gate::good();
    REQUIRE(gate.admits(known));
    gate.address = 666;
    const auto forged = [](int i) {
        return broken(Gate::token(with(Gate::claims(), "jti", "\"" + std::to_string(i) + "\"")));
    };
    size_t busy = 0;
    for (int i = 0; i < 100; ++i) busy += gate.refusal(forged(i)) == "busy";
    CHECK(busy >= 40); // after eight wrong ones it draws on the small purse
    CHECK(gate.authenticator.counts().put_off == busy);
    CHECK(gate.admits(known)); // which costs nothing
    CHECK(row_of(TokenError::busy).challenge == Challenge::unavailable);
    gate.address = 7;
    CHECK(gate.admits(Gate::token(with(Gate::claims(), "jti", "\"n\"")))); // somebody new
    gate.address = 666;
    CHECK(gate.refusal(Gate::token(with(Gate::claims(), "jti", "\"m\""))) == "busy");
    gate.moment.now_ns += 60 * s_ns;
    CHECK(gate.admits(Gate::token(with(Gate::claims(), "jti", "\"m\""))));
    CHECK(gate.admits(known));
}

TEST_CASE("signatures altogether have a share of the time") {
    SignatureBudget budget;
    uint64_t spent_ns = 0, now_ns = 5 * s_ns;
    const uint64_t cost_ns = SignatureBudget::cost_ns(crypto::SignatureAlgorithm::es256, 64);
    for (uint64_t i = 0; i < 100'000; ++i, now_ns += 100'000) // ten seconds, from ever new addresses
        if (budget.take(cost_ns, i, now_ns)) spent_ns += cost_ns;
    CHECK(spent_ns > 10 * SignatureBudget::share_ns);
    CHECK(spent_ns < 12 * SignatureBudget::share_ns);
    CHECK(SignatureBudget::cost_ns(crypto::SignatureAlgorithm::rs256, 256) < cost_ns / 10);
    CHECK(SignatureBudget::cost_ns(crypto::SignatureAlgorithm::rs256, 512) ==
          4 * SignatureBudget::cost_ns(crypto::SignatureAlgorithm::ps256, 256));
}

TEST_CASE("verdicts are bounded in number and in memory, and the latest used stay") {
    Verdicts verdicts(1, {.accepted_max = 64, .refused_max = 4, .principal_bytes_max = 40'000});
    verdicts.set_keys(0, 7);
    const auto accepted = [](size_t bytes) {
        return Accepted{std::make_shared<const Principal>(make_principal("i", std::string(bytes, 's'), "", "", {})), 0,
                        100};
    };
    const auto digest = [](int i) { return crypto::Sha256::of(std::to_string(i)); };
    Moment moment{50, 1};
    for (int i = 0; i < 1000; ++i) {
        moment.now_ns += 1000;
        verdicts.keep(digest(i), 0, accepted(100), moment);
        CHECK(verdicts.principal_bytes() <= 40'000);
        CHECK(verdicts.find(digest(i), moment) != nullptr);
    }
    size_t found = 0;
    for (int i = 0; i < 1000; ++i) found += verdicts.find(digest(i), moment) != nullptr;
    CHECK(found > 32);
    CHECK(found <= 64);
    verdicts.keep(digest(1), 0, accepted(39'000), moment); // all others may have to go for it
    CHECK(verdicts.principal_bytes() <= 40'000);
    CHECK(verdicts.find(digest(1), moment) != nullptr);
    verdicts.keep(digest(2), 0, accepted(50'000), moment); // more than there is room for at all
    CHECK(verdicts.find(digest(2), moment) == nullptr);
    verdicts.keep(digest(1), 0, accepted(100), moment); // in its own place
    CHECK(verdicts.principal_bytes() < 1'000);
    CHECK(verdicts.find(digest(1), {99, moment.now_ns}) != nullptr);
    CHECK(verdicts.find(digest(1), {100, moment.now_ns}) == nullptr);
    verdicts.set_keys(0, 8);
    CHECK(verdicts.find(digest(1), moment) == nullptr);
    for (int i = 0; i < 100; ++i) {
        verdicts.refuse(digest(i), 0, moment);
        CHECK(verdicts.is_refused(digest(i), moment));
        ++moment.now_ns;
    }
    CHECK_FALSE(verdicts.is_refused(digest(1), moment));
    CHECK_FALSE(verdicts.is_refused(digest(99), {50, moment.now_ns + Verdicts::age_ns_max}));
}

TEST_CASE("the field has one scheme and one token") {
    Gate gate;
    const std::string good = Gate::good();
    struct Row {
        std::string field;
        TokenError error;
        Challenge challenge;
    };
    const Row rows[] = {
        {"", TokenError::missing, Challenge::none},
        {"Basic YTpi", TokenError::scheme_unknown, Challenge::none},
        {"Bearer" + good, TokenError::scheme_unknown, Challenge::none},
        {"Bearer\t" + good, TokenError::scheme_unknown, Challenge::none},
        {good, TokenError::scheme_unknown, Challenge::none},
        {"Bearer", TokenError::field_malformed, Challenge::invalid_request},
        {"Bearer  ", TokenError::field_malformed, Challenge::invalid_request},
        {"Bearer " + good + " ", TokenError::field_malformed, Challenge::invalid_request},
        {"Bearer " + good + "," + good, TokenError::field_malformed, Challenge::invalid_request},
        {"Bearer " + good + " " + good, TokenError::field_malformed, Challenge::invalid_request},
        {"Bearer \"" + good + "\"", TokenError::field_malformed, Challenge::invalid_request},
        {"Bearer " + good + "\xc3\xa9", TokenError::field_malformed, Challenge::invalid_request},
        {"Bearer " + std::string(Jws::token_bytes_max + 1, 'A'), TokenError::too_large, Challenge::invalid_token},
        {"Bearer opaque", TokenError::not_a_jws, Challenge::invalid_token},
    };
    for (const Row& row : rows) {
        INFO(row.field.substr(0, 40));
        const auto asked = gate.authenticator.authenticate(row.field, gate.resource, gate.moment, 1);
        REQUIRE_FALSE(asked);
        CHECK(asked.error() == row.error);
        CHECK(row_of(row.error).challenge == row.challenge);
    }
    for (const char* const scheme : {"Bearer ", "bearer ", "BeArEr   "})
        CHECK(gate.authenticator.authenticate(scheme + good, gate.resource, gate.moment, 1).has_value());
}

TEST_CASE("what refusals say of a token is short and plain") {
    Gate gate;
    const auto detail = [&gate](const Object& head) {
        return std::string(gate.ask(Gate::token(head, Gate::claims())).error().detail);
    };
    CHECK(detail(with(Gate::header(), "kid", "\"x1\"")) == "x1");
    CHECK(detail(with(Gate::header(), "kid", "\"x\\n1\"")).empty());
    CHECK(detail(with(Gate::header(), "kid", "\"x\\\"1\"")).empty());
    CHECK(detail(with(Gate::header(), "kid", "\"" + std::string(129, 'x') + "\"")).empty());
}

TEST_CASE("a memo tells the digests that were put in, and of no other text") {
    DigestMemo memo;
    const auto text = [](int i) { return std::string(static_cast<size_t>(i % 70), 'x') + std::to_string(i); };
    for (int i = 0; i < 200; ++i) {
        CHECK(memo.look(text(i)) == nullptr);
        memo.put(crypto::Sha256::of(text(i)));
        REQUIRE(memo.look(text(i)) != nullptr);
        CHECK(*memo.look(text(i)) == crypto::Sha256::of(text(i)));
    }
    size_t known = 0;
    for (int i = 0; i < 200; ++i) {
        const auto* const digest = memo.look(text(i));
        if (digest == nullptr) continue; // another one took its place
        ++known;
        CHECK(*digest == crypto::Sha256::of(text(i)));
    }
    CHECK(known > 120);
    // Texts that differ in one octet, in their size, or in zeros at their end.
    const std::string base(100, '\0');
    CHECK(memo.look(base) == nullptr);
    memo.put(crypto::Sha256::of(base));
    for (size_t i = 0; i < base.size(); ++i) {
        std::string changed = base;
        changed[i] = '\1';
        CHECK(memo.look(changed) == nullptr);
        CHECK(memo.look(base.substr(0, i)) == nullptr);
        CHECK(memo.look(base + std::string(i + 1, '\0')) == nullptr);
    }
    CHECK(memo.look(base) != nullptr);
    CHECK(memo.look(std::string(DigestMemo::text_bytes_max, 'x')) == nullptr);
}
