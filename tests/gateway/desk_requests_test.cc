// tests/gateway/desk_requests_test.cc - what must hold of people with tokens at the admin listener: nobody comes without a
// good one that is meant for it, no page of a browser does, limits hold, and what they ask is answered to them alone.
//
// A whole worker; the clerk's part is played by the test.
#include "gateway/through/gate.h"

using namespace weir;
using namespace weir::identity;
using gateway::test::Peer;
using gateway::test::Place;
using gateway::test::status_of;

namespace {

constexpr const char* desk_audience = "https://weir.test/approvals";
const std::string list = "/api/v1/approvals";

bool holds(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

Object claims() { return Gate::claims().set_text("aud", desk_audience).set_text("scope", "decide"); }
std::string bearer(const Object& body) { return "Authorization: Bearer " + Gate::token(body) + "\r\n"; }

struct Office {
    explicit Office(bool served = true)
        : place({}, [served](gateway::Config& config) {
              gateway::IssuerConfig issuer{.name = "idp", .issuer = *oidc(Gate::url), .audiences = {}};
              issuer.issuer.algorithms = {crypto::SignatureAlgorithm::es256};
              config.issuers.push_back(std::move(issuer));
              if (!served) return;
              config.deciders = {.audiences = {desk_audience},
                                 .issuers = {0},
                                 .scopes = {"decide"},
                                 .hosts = {"127.0.0.1:7071"},
                                 .login_client = "weir-cli",
                                 .login_scopes = {"openid"}};
          }) {
        place.net.wall_ns = test_now_unix_s * s_ns;
        place.tell({.kind = gateway::WorkerMessage::Kind::keys,
                    .issuer = 0,
                    .issuer_news = {.keys = std::make_shared<const KeySet>(key_set({Gate::point().jwk("e").text()})),
                                    .metadata = {},
                                    .changed = true}});
    }
    Peer person() { return place.client(gateway::test::loopback, gateway::test::admin_port); }
    static std::string request(const std::string& method, const std::string& target, const std::string& more,
                               const std::string& body = {}, const std::string& host = "127.0.0.1:7071") {
        std::string text = method + " " + target + " HTTP/1.1\r\nHost: " + host + "\r\n" + more;
        if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
        return text + "\r\n" + body;
    }
    std::string answer(const std::string& text) {
        const Peer peer = person();
        peer.say(text);
        place.pass();
        return peer.hear();
    }
    void reply(uint16_t status, const std::string& body, size_t which = 0) {
        gateway::WorkerMessage message{.kind = gateway::WorkerMessage::Kind::desk};
        message.desk = std::make_shared<post::DeskNews>(
            post::DeskNews{.waiter = place.desk_asks[which].waiter, .status = status, .body = body});
        place.tell(std::move(message));
    }
    Place place;
};

const std::string json_type = "Content-Type: application/json\r\n";

} // namespace

TEST_CASE("without a good token that is meant for the desk, nothing is asked of it") {
    Office office;
    const auto tried = [&](const std::string& field) { return office.answer(Office::request("GET", list, field)); };
    const std::string none = tried("");
    CHECK(status_of(none) == 401);
    CHECK(holds(none,
                "\r\nWWW-Authenticate: Bearer scope=\"decide\", resource_metadata=\"http://127.0.0.1:7071/"
                ".well-known/oauth-protected-resource/api/v1/approvals\"\r\n"));
    CHECK(holds(none, R"({"error":"token_missing","text":)"));
    CHECK(status_of(tried(bearer(claims().set_text("aud", Gate::audience)))) == 401);
    CHECK(status_of(tried(bearer(claims().set("exp", std::to_string(test_now_unix_s - 60))))) == 401);
    CHECK(status_of(tried(bearer(claims().set_text("iss", "https://other.test")))) == 401);
    CHECK(status_of(tried("Authorization: Bearer planted.secret.token\r\n")) == 401);
    CHECK(status_of(tried("Authorization: Basic YTpi\r\n")) == 401);
    CHECK(status_of(tried("Cookie: token=x\r\n")) == 401);
    const std::string weak = tried(bearer(claims().set_text("scope", "openid")));
    CHECK(status_of(weak) == 403);
    CHECK(holds(weak, "error=\"insufficient_scope\""));
    CHECK(office.place.desk_asks.empty());
}

TEST_CASE("what a person asks goes to the clerk with who they are, and the answer comes back on their connection") {
    Office office;
    const Peer bo = office.person(), cy = office.person();
    bo.say(Office::request("GET", list + "?all=1", bearer(claims().set_text("sub", "bo").set("groups", R"(["sre"])"))));
    const std::string word = R"({"decision":"approve"})";
    cy.say(Office::request(
        "POST", list + "/ap_x/decision",
        json_type + bearer(claims().set_text("sub", "cy").set("act", R"({"sub":"agent","act":{"sub":"tool"}})")),
        word));
    office.place.pass();
    REQUIRE(office.place.desk_asks.size() == 2);
    const post::DeskAsk &read = office.place.desk_asks[0], &decided = office.place.desk_asks[1];
    CHECK_FALSE(read.posted);
    CHECK(read.path == list);
    CHECK(read.query == "all=1");
    CHECK(read.who.subject == "bo");
    CHECK(read.who.issuer == Gate::url);
    CHECK(read.who.groups == std::vector<std::string>{"sre"});
    CHECK(decided.posted);
    CHECK(decided.body == word);
    CHECK(decided.who.subject == "cy");
    CHECK(decided.who.actors == std::vector<std::string>{"agent", "tool"});
    CHECK_FALSE(decided.who.groups_known);
    office.reply(409, R"({"error":"conflict"})", 1);
    office.reply(200, R"({"approvals":[]})", 0);
    office.place.pass();
    const std::string first = bo.hear(), second = cy.hear();
    CHECK(status_of(first) == 200);
    CHECK(first.ends_with(R"({"approvals":[]})"));
    CHECK(holds(first, "\r\nCache-Control: no-store\r\n"));
    CHECK(status_of(second) == 409);
    // The connection goes on, and so may another token on it.
    bo.say(Office::request("GET", list, ""));
    office.place.pass();
    CHECK(status_of(bo.hear()) == 401);
}

TEST_CASE("a body may come later, and in pieces") {
    Office office;
    const Peer bo = office.person();
    const std::string text =
        Office::request("POST", list + "/a/decision", json_type + bearer(claims()), R"({"decision":"deny"})");
    for (size_t at = 0; at < text.size(); at += 97) {
        bo.say(text.substr(at, 97));
        office.place.pass();
    }
    REQUIRE(office.place.desk_asks.size() == 1);
    CHECK(office.place.desk_asks[0].body == R"({"decision":"deny"})");
    CHECK(office.place.desk_asks[0].path == list + "/a/decision");
    office.reply(200, "{}");
    office.place.pass();
    CHECK(status_of(bo.hear()) == 200);
}

TEST_CASE("other hosts, pages of browsers, other methods and other bodies are refused before any token is read") {
    Office office;
    const std::string good = bearer(claims());
    CHECK(status_of(office.answer(Office::request("GET", list, good, {}, "evil.example"))) == 403);
    CHECK(status_of(office.answer(Office::request("GET", list, good + "Origin: http://127.0.0.1:7071\r\n"))) == 403);
    CHECK(status_of(office.answer(Office::request("OPTIONS", list, "Origin: http://a.example\r\n"))) == 403);
    CHECK(status_of(office.answer(Office::request("DELETE", list, good))) == 405);
    CHECK(status_of(office.answer(Office::request("POST", list + "/a/decision", good, "decision=approve"))) == 415);
    CHECK(status_of(office.answer(
              Office::request("POST", list + "/a/decision", good + "Content-Type: text/plain\r\n", "{}"))) == 415);
    CHECK(status_of(office.answer(Office::request("POST", list + "/a/decision",
                                                  good + json_type + "Transfer-Encoding: chunked\r\n"))) == 411);
    CHECK(status_of(office.answer(
              Office::request("POST", list + "/a/decision", good + json_type + "Content-Length: 65537\r\n"))) == 413);
    CHECK(office.place.desk_asks.empty());
    CHECK(status_of(office.answer(Office::request("GET", "/metrics", ""))) == 200);
}

TEST_CASE("the metadata tell where to sign in") {
    Office office;
    const std::string answer =
        office.answer(Office::request("GET", "/.well-known/oauth-protected-resource/api/v1/approvals", ""));
    CHECK(status_of(answer) == 200);
    CHECK(answer.ends_with(
        R"({"resource":"http://127.0.0.1:7071/api/v1/approvals","authorization_servers":["https://idp.test"],)"
        R"("bearer_methods_supported":["header"],"resource_name":"weir approvals","scopes_supported":["decide"],)"
        R"("dev.weir/login":{"issuer":"https://idp.test",)"
        R"("metadata_url":"https://idp.test/.well-known/openid-configuration","client_id":"weir-cli",)"
        R"("audience":"https://weir.test/approvals","scopes":["openid"]}})"));
    CHECK(status_of(office.answer(Office::request("GET", "/.well-known/oauth-protected-resource/mcp/own", ""))) == 404);
}

TEST_CASE("without an audience nobody is served, whatever token they have") {
    Office office(false);
    const std::string answer = office.answer(Office::request("GET", list, bearer(claims())));
    CHECK(status_of(answer) == 404);
    CHECK(holds(answer, "not_served"));
    CHECK(office.place.desk_asks.empty());
}

TEST_CASE("who leaves is not answered, who waits too long is told so, and a full desk refuses") {
    Office office;
    const std::string good = Office::request("GET", list, bearer(claims()));
    const Peer gone = office.person(), patient = office.person();
    gone.say(good);
    patient.say(good);
    office.place.pass();
    REQUIRE(office.place.desk_asks.size() == 2);
    gone.leave();
    office.place.pass();
    office.reply(200, "{}", 0);
    office.place.pass(16 * s_ns);
    CHECK(status_of(patient.hear()) == 503);
    office.reply(200, "{}", 1); // comes late, and finds nobody
    office.place.pass();
    CHECK(patient.hear().empty());
    // What the clerk has may be decided still.
    const std::string decision =
        Office::request("POST", "/api/v1/approvals/ap_1/decision",
                        bearer(claims()) + "Content-Type: application/json\r\n", R"({"decision":"approve"})");
    const Peer decider = office.person();
    decider.say(decision);
    office.place.pass(16 * s_ns);
    const std::string unknown = decider.hear();
    CHECK(status_of(unknown) == 504);
    CHECK(holds(unknown, R"("error":"not_known")"));
    CHECK(decider.closed());
    office.place.desk_full = true;
    CHECK(status_of(office.answer(good)) == 503);
}
