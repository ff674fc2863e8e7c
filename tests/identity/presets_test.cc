// tests/identity/presets_test.cc - what must hold: tokens of the exact shape that each provider documents name their
// principal; its other tokens, and those of other tenants, domains and servers, name nobody; groups that the token does
// not hold are unknown.
#include "identity/presets.h"

#include "court.h"

using namespace weir;
using namespace weir::identity;

namespace {

using Names = std::vector<std::string>;

const std::string tenant = "11111111-2222-3333-4444-555555555555",
                  other_tenant = "99999999-2222-3333-4444-555555555555";
const std::string api = "6e74172b-be56-4843-9ff4-e66a39bb12e3", app = "0f3c5e1a-7f5b-4f2e-9f59-0d1fbb0f9c11";
const std::string now = std::to_string(test_now_unix_s - 60), later = std::to_string(test_now_unix_s + 3600);

Object with(Object object, const std::string& name, const std::string& json) { return object.set(name, json); }
Object without(Object object, const std::string& name) { return object.drop(name); }

Issuer made(Preset preset) {
    INFO((preset ? "" : preset.error()));
    REQUIRE(preset.has_value());
    return *preset;
}

const Object jwt = {{"typ", "\"JWT\""}, {"alg", "\"RS256\""}, {"x5t", "\"k1\""}, {"kid", "\"k1\""}};

/// A delegated access token of version 2 (learn.microsoft.com, "Access token claims reference").
Object entra_v2_claims() {
    return {{"aud", "\"" + api + "\""},
            {"iss", "\"https://login.microsoftonline.com/" + tenant + "/v2.0\""},
            {"iat", now},
            {"nbf", now},
            {"exp", later},
            {"acct", "0"},
            {"azp", "\"" + app + "\""},
            {"azpacr", "\"0\""},
            {"groups", R"(["1b1b1b1b-0000-0000-0000-000000000001","1b1b1b1b-0000-0000-0000-000000000002"])"},
            {"name", "\"Ann Smith\""},
            {"oid", "\"aaaaaaaa-0000-0000-0000-00000000000a\""},
            {"preferred_username", "\"ann@acme.example\""},
            {"email", "\"ann@acme.example\""},
            {"rh", "\"0.AAA.\""},
            {"scp", "\"mcp.call mcp.read\""},
            {"sub", "\"pairwise-subject\""},
            {"tid", "\"" + tenant + "\""},
            {"uti", "\"u\""},
            {"ver", "\"2.0\""},
            {"wids", R"(["b79fbf4d-3ef9-4689-8143-76b194e85509"])"}};
}

Object entra_v1_claims() {
    return {{"aud", "\"api://weir\""},
            {"iss", "\"https://sts.windows.net/" + tenant + "/\""},
            {"iat", now},
            {"nbf", now},
            {"exp", later},
            {"acr", "\"1\""},
            {"aio", "\"A\""},
            {"amr", R"(["pwd","mfa"])"},
            {"appid", "\"" + app + "\""},
            {"appidacr", "\"0\""},
            {"ipaddr", "\"203.0.113.7\""},
            {"name", "\"Ann Smith\""},
            {"oid", "\"aaaaaaaa-0000-0000-0000-00000000000a\""},
            {"scp", "\"user_impersonation\""},
            {"sub", "\"pairwise-subject\""},
            {"tid", "\"" + tenant + "\""},
            {"unique_name", "\"ann@acme.example\""},
            {"upn", "\"ann@acme.example\""},
            {"ver", "\"1.0\""}};
}

} // namespace

TEST_CASE("Entra v2: a delegated token names a person of the tenant") {
    Court court(made(entra_v2(Names{tenant})), {api});
    const Principal ann = court.principal(jwt, entra_v2_claims());
    CHECK(ann.issuer == "https://login.microsoftonline.com/" + tenant + "/v2.0");
    CHECK(ann.subject == "aaaaaaaa-0000-0000-0000-00000000000a");
    CHECK(ann.client == app);
    CHECK(ann.display == "Ann Smith");
    CHECK(ann.email.empty()); // whoever administers a tenant writes its addresses
    CHECK(ann.scopes == Names{"mcp.call", "mcp.read"});
    CHECK(ann.groups_known);
    CHECK(ann.in_group("1b1b1b1b-0000-0000-0000-000000000002") == Membership::yes);
    CHECK(ann.in_group("1b1b1b1b-0000-0000-0000-000000000003") == Membership::no);
    CHECK(ann.claims.root().find("wids").count() == 1);
}

TEST_CASE("Entra v2: an application's own token names the application, and its roles are its scopes") {
    Court court(made(entra_v2(Names{tenant})), {api});
    const Object claims =
        without(without(entra_v2_claims(), "scp"), "groups").set("roles", R"(["mcp.call"])").set_text("idtyp", "app");
    const Principal daemon = court.principal(jwt, claims);
    CHECK(daemon.scopes == Names{"mcp.call"});
    CHECK_FALSE(daemon.groups_known);
    // In a person's token roles are the person's and do not widen what the application was allowed.
    const Principal person = court.principal(jwt, with(entra_v2_claims(), "roles", R"(["admin"])"));
    CHECK_FALSE(person.has_scope("admin"));
    CHECK(court.refusal(jwt, without(entra_v2_claims(), "scp")) == TokenError::kind_refused);
}

TEST_CASE("Entra: groups that were too many to send are unknown") {
    Court court(made(entra_v2(Names{tenant})), {api});
    const std::string sources = R"({"src1":{"endpoint":"https://graph.windows.net/t/users/o/getMemberObjects"}})";
    for (const Object& claims : {
             without(entra_v2_claims(), "groups")
                 .set("_claim_names", R"({"groups":"src1"})")
                 .set("_claim_sources", sources),
             with(entra_v2_claims(), "_claim_names", R"({"groups":"src1"})"),
             without(entra_v2_claims(), "groups").set("hasgroups", "true"),
             without(entra_v2_claims(), "groups").set("hasgroups", "\"true\""),
             with(entra_v2_claims(), "hasgroups", "true"),
             without(entra_v2_claims(), "groups"),
             with(entra_v2_claims(), "groups", "{}"),
             with(entra_v2_claims(), "groups", "[1]"),
         }) {
        INFO(claims.text());
        const Principal ann = court.principal(jwt, claims);
        CHECK_FALSE(ann.groups_known);
        CHECK(ann.in_group("1b1b1b1b-0000-0000-0000-000000000003") == Membership::unknown);
    }
    CHECK(court.principal(jwt, with(entra_v2_claims(), "hasgroups", "false")).groups_known);
    CHECK(court.principal(jwt, with(entra_v2_claims(), "groups", "[]")).groups_known);
}

TEST_CASE("Entra v2: tokens of other tenants, versions and kinds are refused") {
    Court court(made(entra_v2(Names{tenant})), {api});
    const Object claims = entra_v2_claims();
    const std::string other_iss = "\"https://login.microsoftonline.com/" + other_tenant + "/v2.0\"";
    CHECK(court.refusal(jwt, with(claims, "iss", other_iss)) == TokenError::issuer_unknown);
    CHECK(court.refusal(jwt, with(claims, "tid", "\"" + other_tenant + "\"")) == TokenError::tenant_refused);
    CHECK(court.refusal(jwt, without(claims, "tid")) == TokenError::tenant_refused);
    CHECK(court.refusal(jwt, with(claims, "ver", "\"1.0\"")) == TokenError::pin_refused);
    CHECK(court.refusal(jwt, without(claims, "ver")) == TokenError::pin_refused);
    CHECK(court.refusal(jwt, with(claims, "nonce", "\"n\"")) == TokenError::kind_refused);
    CHECK(court.refusal(jwt, without(claims, "oid")) == TokenError::subject_missing);
    CHECK(court.refusal(jwt, with(claims, "aud", "\"00000003-0000-0000-c000-000000000000\"")) ==
          TokenError::audience_refused);
    CHECK(court.refusal(without(jwt, "typ"), claims) == TokenError::type_refused);
    CHECK(court.refusal(with(jwt, "alg", "\"PS256\""), claims) == TokenError::algorithm_refused);
    court.issuer.clients = {"another"};
    CHECK(court.refusal(jwt, claims) == TokenError::client_refused);
    court.issuer.clients = {"another", app};
    CHECK_FALSE(court.refusal(jwt, claims).has_value());
}

TEST_CASE("Entra v2: of several tenants each vouches for itself, with keys that sign for it") {
    const std::string third = "77777777-2222-3333-4444-555555555555";
    Court court(made(entra_v2(Names{tenant, other_tenant})), {api});
    CHECK(metadata_url_of(court.issuer) ==
          "https://login.microsoftonline.com/organizations/v2.0/.well-known/openid-configuration");
    const auto claims_of = [](const std::string& iss, const std::string& tid) {
        return with(entra_v2_claims(), "iss", "\"https://login.microsoftonline.com/" + iss + "/v2.0\"")
            .set_text("tid", tid);
    };
    CHECK(court.principal(jwt, claims_of(tenant, tenant)).key !=
          court.principal(jwt, claims_of(other_tenant, other_tenant)).key);
    CHECK(court.refusal(jwt, claims_of(tenant, other_tenant)) == TokenError::tenant_refused);
    CHECK(court.refusal(jwt, claims_of(third, third)) == TokenError::issuer_unknown);
    CHECK(court.refusal(jwt, claims_of("{tenantid}", tenant)) == TokenError::issuer_unknown);

    const auto keys_of = [](const std::string& issuer) {
        return key_set({Court::mint().jwk("k1").set_text("issuer", issuer).text()});
    };
    court.keys = keys_of("https://login.microsoftonline.com/{tenantid}/v2.0");
    CHECK_FALSE(court.refusal(jwt, claims_of(tenant, tenant)).has_value());
    court.keys = keys_of("https://login.microsoftonline.com/" + tenant + "/v2.0");
    CHECK_FALSE(court.refusal(jwt, claims_of(tenant, tenant)).has_value());
    CHECK(court.refusal(jwt, claims_of(other_tenant, other_tenant)) == TokenError::key_issuer);
}

TEST_CASE("Entra v1: its tokens name their client otherwise, and are not those of version 2") {
    Court court(made(entra_v1(Names{tenant})), {"api://weir", api});
    const Principal ann = court.principal(jwt, entra_v1_claims());
    CHECK(ann.issuer == "https://sts.windows.net/" + tenant + "/");
    CHECK(ann.subject == "aaaaaaaa-0000-0000-0000-00000000000a");
    CHECK(ann.client == app);
    CHECK(ann.scopes == Names{"user_impersonation"});
    CHECK_FALSE(ann.groups_known);
    CHECK(court.refusal(jwt, entra_v2_claims()) == TokenError::issuer_unknown);
    CHECK(court.refusal(jwt, with(entra_v1_claims(), "iss", "\"https://sts.windows.net/" + tenant + "\"")) ==
          TokenError::issuer_unknown);
    CHECK(court.refusal(jwt, with(entra_v1_claims(), "ver", "\"2.0\"")) == TokenError::pin_refused);
}

TEST_CASE("Okta: an access token of a custom authorization server") {
    Court court(made(okta("https://acme.okta.com/oauth2/default")), {"api://default"});
    const Object header = {{"kid", "\"k1\""}, {"alg", "\"RS256\""}}; // no typ
    const Object claims = {{"ver", "1"},
                           {"jti", "\"AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE\""},
                           {"iss", "\"https://acme.okta.com/oauth2/default\""},
                           {"aud", "\"api://default\""},
                           {"iat", now},
                           {"exp", later},
                           {"cid", "\"0oabucvyc38HLL1ef0h7\""},
                           {"uid", "\"00ujmkLgagxeRrAg20g3\""},
                           {"scp", R"(["openid","mcp:tools"])"},
                           {"auth_time", now},
                           {"sub", "\"ann@acme.example\""},
                           {"groups", R"(["Everyone","dba-oncall"])"}};
    const Principal ann = court.principal(header, claims);
    CHECK(ann.subject == "00ujmkLgagxeRrAg20g3");
    CHECK(ann.client == "0oabucvyc38HLL1ef0h7");
    CHECK(ann.display == "ann@acme.example");
    CHECK(ann.has_scope("mcp:tools"));
    CHECK(ann.in_group("dba-oncall") == Membership::yes);
    CHECK(ann.in_group("sre") == Membership::no);

    // A client on its own behalf is its own subject.
    const Principal service = court.principal(header, without(claims, "uid").set_text("sub", "0oabucvyc38HLL1ef0h7"));
    CHECK(service.subject == "0oabucvyc38HLL1ef0h7");

    // Okta's lists of groups end at a hundred: who is in that many may be in more.
    std::string hundred = "[";
    for (int i = 0; i < 100; ++i) hundred += (i == 0 ? "\"g" : ",\"g") + std::to_string(i) + "\"";
    const Principal busy = court.principal(header, with(claims, "groups", hundred + "]"));
    CHECK(busy.in_group("g7") == Membership::yes);
    CHECK(busy.in_group("sre") == Membership::unknown);

    const Object id_token =
        without(without(without(claims, "cid"), "scp"), "uid").set_text("at_hash", "h").set_text("idp", "i");
    CHECK(court.refusal(header, id_token) == TokenError::kind_refused);
    CHECK(court.refusal(header, without(claims, "cid")) == TokenError::kind_refused);
    CHECK(court.refusal(with(header, "typ", "\"application/okta-internal-at+jwt\""), claims) ==
          TokenError::type_refused);
    CHECK(court.refusal(header, with(claims, "iss", "\"https://acme.okta.com\"")) == TokenError::issuer_unknown);
    CHECK_FALSE(okta("https://acme.okta.com").has_value());
}

TEST_CASE("Google Workspace: an ID token of a hosted domain") {
    const std::string client = "407408718192.apps.googleusercontent.com";
    Court court(made(google_workspace(Names{"acme.example", "acme.test"})), {client});
    const Object claims = {{"iss", "\"https://accounts.google.com\""},
                           {"azp", "\"" + client + "\""},
                           {"aud", "\"" + client + "\""},
                           {"sub", "\"110169484474386276334\""},
                           {"hd", "\"acme.example\""},
                           {"email", "\"ann@acme.example\""},
                           {"email_verified", "true"},
                           {"at_hash", "\"HK6E_P6Dh8Y93mRNtsDB1Q\""},
                           {"nonce", "\"0394852-3190485-2490358\""},
                           {"name", "\"Ann Smith\""},
                           {"picture", "\"https://lh3.googleusercontent.com/a\""},
                           {"iat", now},
                           {"exp", later}};
    const Principal ann = court.principal(jwt, claims);
    CHECK(ann.subject == "110169484474386276334");
    CHECK(ann.email == "ann@acme.example");
    CHECK(ann.display == "Ann Smith");
    CHECK_FALSE(ann.groups_known); // never in a token
    CHECK(ann.scopes.empty());
    CHECK(court.principal(jwt, with(claims, "email_verified", "false")).email.empty());
    CHECK(court.principal(jwt, without(claims, "email_verified")).email.empty());
    CHECK(court.refusal(jwt, without(claims, "hd")) == TokenError::pin_refused); // a private account
    CHECK(court.refusal(jwt, with(claims, "hd", "\"evil.test\"")) == TokenError::pin_refused);
    CHECK(court.refusal(jwt, with(claims, "hd", "\"acme.example.evil.test\"")) == TokenError::pin_refused);
    CHECK(court.refusal(jwt, with(claims, "aud", "\"other.apps.googleusercontent.com\"")) ==
          TokenError::audience_refused);
    CHECK(court.judge("ya29.a0AfB_byC").error() == TokenError::not_a_jws);
    CHECK_FALSE(google_workspace({}).has_value());
}

TEST_CASE("Keycloak: an access token of a realm") {
    Court court(made(keycloak("https://sso.acme.example/realms/acme")), {"weir"});
    const Object claims = {{"exp", later},
                           {"iat", now},
                           {"auth_time", now},
                           {"jti", "\"onrtac:5f6b2c1a\""},
                           {"iss", "\"https://sso.acme.example/realms/acme\""},
                           {"aud", R"(["weir","account"])"},
                           {"sub", "\"f:1:ann\""},
                           {"typ", "\"Bearer\""},
                           {"azp", "\"ide\""},
                           {"sid", "\"s\""},
                           {"acr", "\"1\""},
                           {"realm_access", R"({"roles":["offline_access","operator"]})"},
                           {"resource_access", R"({"weir":{"roles":["approver"]}})"},
                           {"scope", "\"openid email profile mcp:tools\""},
                           {"email_verified", "true"},
                           {"groups", R"(["/dev","/dba/oncall"])"},
                           {"preferred_username", "\"ann\""},
                           {"email", "\"ann@acme.example\""}};
    const Principal ann = court.principal(jwt, claims);
    CHECK(ann.subject == "f:1:ann");
    CHECK(ann.client == "ide");
    CHECK(ann.display == "ann");
    CHECK(ann.email == "ann@acme.example");
    CHECK(ann.has_scope("mcp:tools"));
    CHECK(ann.in_group("/dba/oncall") == Membership::yes);
    CHECK(ann.audiences == Names{"weir", "account"});
    CHECK(court.principal(jwt, with(claims, "client_id", "\"ide\"")).client == "ide");
    CHECK(court.principal(with(jwt, "typ", "\"at+jwt\""), claims).client == "ide");
    CHECK(court.refusal(jwt, with(claims, "client_id", "\"other\"")) == TokenError::client_refused);
    for (const char* const kind : {"\"ID\"", "\"Refresh\"", "\"Logout\"", "\"bearer\"", "[]", "null"})
        CHECK(court.refusal(jwt, with(claims, "typ", kind)) == TokenError::pin_refused);
    CHECK(court.refusal(jwt, with(claims, "aud", "\"account\"")) == TokenError::audience_refused);
    CHECK(court.refusal(jwt, without(claims, "sub")) == TokenError::subject_missing);

    court.issuer.groups = claim_names({"/realm_access/roles", "/resource_access/weir/roles"});
    CHECK(court.principal(jwt, claims).groups == Names{"approver", "offline_access", "operator"});
    CHECK(court.principal(jwt, claims).groups_known);
    CHECK_FALSE(court.principal(jwt, without(claims, "resource_access")).groups_known);
    court.issuer.absent_groups_are_none = true;
    CHECK(court.principal(jwt, without(claims, "resource_access")).groups_known);
    CHECK_FALSE(keycloak("https://sso.acme.example").has_value());
}

TEST_CASE("any provider: an access token of RFC 9068") {
    Court court(made(oidc("https://as.acme.example")), {"https://mcp.acme.example/mcp/jira"});
    const Object header = {{"typ", "\"at+jwt\""}, {"alg", "\"RS256\""}, {"kid", "\"k1\""}};
    const Object claims = {{"iss", "\"https://as.acme.example\""},
                           {"sub", "\"5ba552d67\""},
                           {"aud", "\"https://mcp.acme.example/mcp/jira\""},
                           {"exp", later},
                           {"iat", now},
                           {"jti", "\"dbe39bf3a3ba4238a513f51d6e1691c4\""},
                           {"client_id", "\"s6BhdRkqt3\""},
                           {"scope", "\"openid profile mcp:tools\""}};
    const Principal ann = court.principal(header, claims);
    CHECK(ann.subject == "5ba552d67");
    CHECK(ann.client == "s6BhdRkqt3");
    CHECK(ann.display == "5ba552d67");
    CHECK_FALSE(ann.groups_known);
    CHECK_FALSE(court.refusal(with(header, "typ", "\"application/AT+JWT\""), claims).has_value());
    CHECK_FALSE(court.refusal(with(header, "typ", "\"JWT\""), claims).has_value());
    CHECK(court.refusal(with(header, "typ", "\"logout+jwt\""), claims) == TokenError::type_refused);
    CHECK(court.refusal(without(header, "typ"), claims) == TokenError::type_refused);
    // Without the type of its own, an access token must not look like another kind.
    for (const char* const foreign : {"nonce", "at_hash", "c_hash", "s_hash", "events"}) {
        CHECK(court.refusal(with(header, "typ", "\"JWT\""), with(claims, foreign, "\"x\"")) ==
              TokenError::kind_refused);
        CHECK_FALSE(court.refusal(header, with(claims, foreign, "\"x\"")).has_value());
    }
}

TEST_CASE("descriptions that would trust too much are not made") {
    CHECK_FALSE(entra_v2({}).has_value());
    for (const char* const name : {"common", "organizations", "{tenantid}", "11111111-2222-3333-4444-55555555555G", ""})
        CHECK_FALSE(entra_v2(Names{name}).has_value());
    for (const char* const url :
         {"http://as.acme.example", "https://", "https://as.acme.example#x", "ftp://as.acme.example",
          "https://u@as.acme.example", "as.acme.example", "https://as.acme.example?x=1", "http://localhost.evil.test",
          "http://127.0.0.1.evil.test", "https://a b"}) {
        INFO(url);
        CHECK_FALSE(oidc(url).has_value());
    }
    for (const char* const url : {"http://127.0.0.1:9000", "http://localhost/realms/a", "http://[::1]:9000/x"})
        CHECK(oidc(url).has_value());
    const Issuer good = made(oidc("https://as.acme.example/"));
    CHECK(metadata_url_of(good) == "https://as.acme.example/.well-known/openid-configuration");
    const auto wrong = [&good](auto change) {
        Issuer issuer = good;
        change(issuer);
        return !problem_of(issuer).empty();
    };
    CHECK_FALSE(wrong([](Issuer&) {}));
    CHECK(wrong([](Issuer& issuer) { issuer.algorithms = {}; }));
    CHECK(wrong([](Issuer& issuer) { issuer.types.clear(); }));
    CHECK(wrong([](Issuer& issuer) { issuer.leeway_s = 31; }));
    CHECK(wrong([](Issuer& issuer) { issuer.subject.clear(); }));
    CHECK(wrong([](Issuer& issuer) { issuer.keys_url = "http://as.acme.example/jwks"; }));
    CHECK(wrong([](Issuer& issuer) { issuer.metadata_url = "http://as.acme.example/m"; }));
    CHECK(wrong([](Issuer& issuer) { issuer.email_verified.clear(); }));
    CHECK(wrong([](Issuer& issuer) { issuer.pins = {{claim_names({"x"})[0], {}}}; }));
    CHECK(wrong([](Issuer& issuer) { issuer.url += "{tenantid}"; }));
    CHECK(wrong([](Issuer& issuer) {
        issuer.clients = {"c"};
        issuer.client.clear();
    }));
}

TEST_CASE("no two issuers of one configuration are called alike") {
    const Issuer as = made(oidc("https://as.acme.example")), other = made(oidc("https://other.acme.example"));
    const Issuer one = made(entra_v2(Names{tenant})), both = made(entra_v2(Names{other_tenant, tenant}));
    const auto problem = [](std::vector<Issuer> issuers) { return problem_of(issuers); };
    CHECK(problem({}).empty());
    CHECK(problem({as, other, one}).empty());
    CHECK(problem({one, made(entra_v2(Names{other_tenant})), made(entra_v1(Names{tenant}))}).empty());
    CHECK_FALSE(problem({as, other, as}).empty());
    CHECK_FALSE(problem({one, both}).empty());
    CHECK_FALSE(problem({both, one}).empty());
    Issuer bad = as;
    bad.algorithms = {};
    CHECK(problem({other, bad}) == "https://as.acme.example: it has no algorithms");
}
