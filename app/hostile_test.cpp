// Every route of the API, asked by people and programs who mean harm or know no better. The table of routes
// is the server's own description, so a new route is tried without a line here. Whatever is wrong is answered
// with a problem (RFC 9457), or the connection is cut where HTTP itself is broken; and nothing is written:
// what the data folder holds is the same before and after.

#include "app/testing/dump.h"
#include "app/testing/served.h"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rushlight::app::testing {
namespace {

using http::testing::RawClient;
using ::testing::AnyOf;
using ::testing::HasSubstr;

struct Operation {
    std::string method, pattern;
    json what;

    bool open() const { return what["x-who"] == "anybody"; }
    bool open_here() const { return what["x-who"].is_object() && what["x-who"].contains("this_machine"); }
    std::uint64_t most() const { return what.value("x-most-bytes", std::uint64_t{0}); }
    std::string body_type() const {
        return what.contains("requestBody") ? what["requestBody"]["content"].items().begin().key() : "";
    }
    bool streams() const { return pattern == "/api/v1/events"; }
    // With this in the place of each parameter.
    std::string path(const std::string& with = "1") const {
        std::string path = pattern;
        while (path.find('{') != std::string::npos)
            path.replace(path.find('{'), path.find('}') - path.find('{') + 1, with);
        return path;
    }
    bool has_parameters() const { return pattern.find('{') != std::string::npos; }
};

// Routes whose body says nothing: what they do they do whatever it holds, so long as it is JSON.
bool takes_no_body(const Operation& operation) {
    static const std::set<std::string> names{"POST /api/v1/me/totp", "DELETE /api/v1/me/totp",
                                             "POST /api/v1/audit/verify"};
    return names.contains(operation.method + ' ' + operation.pattern);
}

const std::vector<std::string> kMethods{"GET", "POST", "PUT", "PATCH", "DELETE"};

// One server for all: each test asks it, and leaves it as it was.
struct World {
    World() {
        admin = server.set_up();
        const Answer description = server.ask("GET", "/api/v1/openapi.json");
        for (const auto& [pattern, methods] : description.body["paths"].items()) {
            for (const auto& [word, what] : methods.items()) {
                std::string method = word;
                std::ranges::transform(method, method.begin(),
                                       [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
                operations.push_back({method, pattern, what});
            }
        }
        EXPECT_GT(operations.size(), 50u);
        viewer = person("viewer@example.org", "viewer");
        cases_key = server.key(admin, {"cases"});
        all_keys = server.key(admin, {"check", "lists", "scans", "cases", "read", "admin"});
    }

    Headers person(const std::string& email, const std::string& role) const {
        const Answer made =
            server.ask("POST", "/api/v1/accounts", admin,
                       json{{"email", email}, {"roles", {role}}, {"password", "another long enough one"}});
        EXPECT_EQ(made.status, 201) << made.text;
        return server.sign_in(email, "another long enough one");
    }

    Folder folder;
    Served server{folder.path("var")};
    Headers admin, viewer, cases_key, all_keys;
    std::vector<Operation> operations;
};

class Hostile : public ::testing::Test {
  protected:
    static void SetUpTestSuite() { world = std::make_unique<World>(); }
    static void TearDownTestSuite() { world.reset(); }
    void TearDown() override { nothing_was_written("the test"); }

    std::map<std::string, std::string> held() const { return dump(folder_.path("var")); }
    // Says which step it was, and goes on from there.
    void nothing_was_written(const std::string& step) {
        const auto after = held();
        EXPECT_EQ(difference(before_, after), "") << step;
        before_ = after;
    }

    static void expect_problem(const Answer& answer, const std::set<int>& statuses, const std::string& what) {
        EXPECT_TRUE(statuses.contains(answer.status)) << what << ": " << answer.status << ' ' << answer.text;
        EXPECT_THAT(answer.header("Content-Type"), HasSubstr("application/problem+json")) << what;
        EXPECT_THAT(answer.body.is_object() ? answer.body.value("type", "") : "", HasSubstr("/problems/"))
            << what << ": " << answer.text;
        EXPECT_EQ(answer.body.is_object() ? answer.body.value("status", 0) : 0, answer.status) << what;
    }
    // Whatever it is, it is not a fault of ours, and where it is refused it is said in the one form.
    static void expect_no_fault(const Answer& answer, const std::string& what) {
        EXPECT_GE(answer.status, 200) << what;
        EXPECT_LT(answer.status, 500) << what << ": " << answer.text;
        if (answer.status >= 400) expect_problem(answer, {answer.status}, what);
    }

    // Who may ask that route, with what it wants beside the body.
    Headers allowed(const Operation& operation) const {
        Headers headers = admin_;
        if (!operation.body_type().empty()) headers["Content-Type"] = type_of(operation);
        return headers;
    }
    static std::string type_of(const Operation& operation) {
        const std::string type = operation.body_type();
        return type == "multipart/form-data" ? type + "; boundary=x" : type;
    }
    static std::string name_of(const Operation& operation) {
        return operation.method + ' ' + operation.pattern;
    }

    static std::unique_ptr<World> world;

    const Folder& folder_ = world->folder;
    const Served& server_ = world->server;
    const Headers &admin_ = world->admin, &viewer_ = world->viewer, &cases_key_ = world->cases_key,
                  &all_keys_ = world->all_keys;
    const std::vector<Operation>& operations_ = world->operations;
    std::map<std::string, std::string> before_ = held();
};
std::unique_ptr<World> Hostile::world;

TEST_F(Hostile, WithoutAReasonToBeLetIn) {
    const auto without = [](Headers headers, const std::string& name) {
        headers.erase(name);
        return headers;
    };
    const auto with = [](Headers headers, const std::string& name, const std::string& value) {
        headers[name] = value;
        return headers;
    };
    for (const Operation& operation : operations_) {
        if (operation.open()) continue;
        const std::string name = name_of(operation);
        const std::string path = operation.path();
        const std::string type = type_of(operation);
        const std::string body = type.starts_with("multipart") ? "--x--\r\n" : type.empty() ? "" : "{}";
        const auto ask = [&](Headers headers) {
            if (!type.empty()) headers["Content-Type"] = type;
            return server_.ask(operation.method, path, headers, body);
        };
        // Who a session belongs to is asked once the form begins, and 403 is what can be said then.
        const std::set<int> refused =
            operation.pattern == "/api/v1/check" ? std::set{401, 403} : std::set{401};
        if (!operation.open_here()) {
            expect_problem(ask({}), {401}, name + " by nobody");
            expect_problem(ask({{"Cookie", "rushlight_session="}}), refused, name + " with an empty cookie");
        }
        for (const std::string key :
             {"rl_0000000000000000_x", "rl_", "x", "rl_\xc3\xa4", "rl_0000000000000000_' OR 1=1 --"})
            expect_problem(ask({{"Authorization", "Bearer " + key}}), {401}, name + " with the key " + key);
        if (operation.open_here()) continue;
        expect_problem(ask({{"Cookie", "rushlight_session=" + std::string(64, 'a')},
                            {"X-CSRF-Token", std::string(64, 'a')}}),
                       refused, name + " with a made-up session");
        const json& who = operation.what["x-who"];
        const bool programs = who.is_object() && who.contains("scopes");
        if (!programs || !who["scopes"].get<std::set<std::string>>().contains("cases"))
            expect_problem(ask(cases_key_), {403}, name + " with a scope that is no use here");
        if (!programs)
            expect_problem(ask(all_keys_), {403}, name + " with all scopes, though it is for people only");
        if (who.is_object() && !who["roles"].get<std::set<std::string>>().contains("viewer"))
            expect_problem(ask(viewer_), {403}, name + " by a viewer");
        if (operation.method != "GET") {
            expect_problem(ask(without(admin_, "X-CSRF-Token")), {403}, name + " without CSRF");
            for (const std::string& token : {std::string(), std::string(64, '0'), viewer_.at("X-CSRF-Token")})
                expect_problem(ask(with(admin_, "X-CSRF-Token", token)), {403}, name + " with wrong CSRF");
        }
    }
    nothing_was_written("asking without a right");
}

TEST_F(Hostile, ByAMethodThatIsNone) {
    std::map<std::string, std::set<std::string>> known;
    for (const Operation& operation : operations_) known[operation.path()].insert(operation.method);
    for (const auto& [path, methods] : known) {
        for (const std::string& method : kMethods) {
            if (methods.contains(method)) continue;
            const Answer answer = server_.ask(method, path, admin_, std::string());
            // A path such as lists/1 may be another route's with its parameter filled in.
            expect_problem(answer, {405}, method + ' ' + path);
            EXPECT_FALSE(answer.header("Allow").empty()) << path;
        }
        for (const std::string method : {"TRACE", "PROPFIND", "get", "CONNECT"}) {
            const Answer answer = server_.ask(method, path, admin_, std::string());
            expect_problem(answer, {400, 405, 501}, method + ' ' + path);
        }
    }
    nothing_was_written("wrong methods");
}

TEST_F(Hostile, LargerThanIsTaken) {
    for (const Operation& operation : operations_) {
        const std::string name = name_of(operation);
        std::string head = operation.method + ' ' + operation.path() + " HTTP/1.1\r\nHost: x\r\n";
        for (const auto& [key, value] : allowed(operation)) head += key + ": " + value + "\r\n";
        // Said beforehand: refused before a byte is sent. A form may be a little longer than its file.
        for (const std::string& said :
             {"Content-Length: " + std::to_string(operation.most() + (1 << 20) + 1) + "\r\n\r\n",
              std::string("Content-Length: 1000000000000000\r\n\r\n"),
              std::string("Transfer-Encoding: chunked\r\n\r\nfffffffffffff\r\n")}) {
            RawClient client(server_.port());
            const auto reply = client.ask(head + said);
            ASSERT_TRUE(reply) << name;
            EXPECT_EQ(reply->status, 413) << name << ' ' << reply->body;
            EXPECT_EQ(reply->header("Content-Type"), "application/problem+json") << name;
        }
    }
    nothing_was_written("bodies that are too large");
}

TEST_F(Hostile, BodiesThatAreNoJson) {
    std::string deep;
    for (int i = 0; i < 100'000; ++i) deep += "[";
    const std::vector<std::pair<std::string, std::string>> bodies{
        {"nothing", ""},
        {"half an object", "{\"name\":"},
        {"an array that does not end", "[1,2"},
        {"something behind it", "{}x"},
        {"two", "{}{}"},
        {"a trailing comma", "{\"name\":\"a\",}"},
        {"a comment", "{/* */}"},
        {"single quotes", "{'name':'a'}"},
        {"not a number", "{\"name\":NaN}"},
        {"a NUL", std::string("{\"name\":\"a\0\"}", 13)},
        {"a NUL behind it", std::string("{}\0", 3)},
        {"overlong UTF-8", "{\"name\":\"\xc0\xaf\"}"},
        {"a surrogate in UTF-8", "{\"name\":\"\xed\xa0\x80\"}"},
        {"UTF-8 cut short", "{\"name\":\"\xe2\x82\"}"},
        {"half a surrogate pair", "{\"name\":\"\\ud800\"}"},
        {"its other half", "{\"name\":\"\\udc00\"}"},
        {"a control character", "{\"name\":\"\x01\"}"},
        {"UTF-16", std::string("\xff\xfe{\0}\0", 6)},
        {"nested too deeply", deep},
        {"nested too deeply, and ended", std::string(40, '[') + std::string(40, ']')},
    };
    for (const Operation& operation : operations_) {
        if (operation.body_type() != "application/json") continue;
        for (const auto& [what, body] : bodies) {
            if (what == "nothing" && takes_no_body(operation)) continue;
            const Answer answer =
                server_.ask(operation.method, operation.path("no-such-thing"), allowed(operation), body);
            // Where the body may be left out, or what it is about is not there, that is said first.
            const std::string name = name_of(operation) + " with " + what;
            if (what == "nothing") {
                expect_no_fault(answer, name);
            } else if (operation.has_parameters()) {
                expect_problem(answer, {400, 404, 409, 422}, name);
            } else {
                expect_problem(answer, what.ends_with("ended") ? std::set{400, 422} : std::set{400}, name);
            }
        }
        nothing_was_written(name_of(operation) + " with bodies that are no JSON");
    }
}

// All fields that any route knows, each with what it is not.
TEST_F(Hostile, FieldsOfTheWrongKind) {
    const std::vector<std::string> fields{"action",
                                          "again",
                                          "body",
                                          "canary_minutes",
                                          "category",
                                          "code",
                                          "context",
                                          "email",
                                          "enabled",
                                          "entries",
                                          "events",
                                          "expires",
                                          "fallback",
                                          "hashes",
                                          "holding",
                                          "kind",
                                          "lists",
                                          "method",
                                          "name",
                                          "new",
                                          "note",
                                          "old",
                                          "on",
                                          "password",
                                          "paused",
                                          "profile",
                                          "quota_mb",
                                          "reason",
                                          "receipt",
                                          "roles",
                                          "rules",
                                          "scopes",
                                          "second_factor",
                                          "secret",
                                          "source",
                                          "state",
                                          "targets",
                                          "thresholds",
                                          "token",
                                          "unreadable",
                                          "url",
                                          "value",
                                          "webhook",
                                          "active",
                                          "format",
                                          "holding_hours",
                                          "holding_quota_mb"};
    const std::vector<json> values{nullptr,
                                   true,
                                   -1,
                                   1.5,
                                   1e300,
                                   std::uint64_t{18446744073709551615ULL},
                                   json::array(),
                                   json::array({json::array({1})}),
                                   json::array({nullptr, 7, true}),
                                   json::object(),
                                   json{{"pdq", "x"}, {"", nullptr}},
                                   std::string("a\0b", 3),
                                   "\xe2\x80\xae"
                                   "gpj.exe",  // right to left
                                   "../../etc/passwd",
                                   std::string(5'000, 'a')};
    for (const Operation& operation : operations_) {
        if (operation.body_type() != "application/json" || takes_no_body(operation)) continue;
        const std::string name = name_of(operation);
        const auto ask = [&](const json& body) {
            const Answer answer =
                server_.ask(operation.method, operation.path("no-such-thing"), allowed(operation), body);
            expect_no_fault(answer, name + ' ' + body.dump().substr(0, 200));
            return answer;
        };
        for (const json& body : {json(), json(7), json("x"), json(true), json::array(), json::array({1})}) {
            const Answer answer = ask(body);
            EXPECT_TRUE(operation.has_parameters() || answer.status >= 400)
                << name << ' ' << body << answer.text;
        }
        for (const json& value : values) {
            json body = json::object();
            for (const std::string& field : fields) body[field] = value;
            ask(body);
        }
        // That somebody tried many passwords goes on record, and is meant to.
        if (name == "POST /api/v1/session") before_ = held();
        nothing_was_written(name + " with fields of the wrong kind");
    }
}

TEST_F(Hostile, IdsThatAreNobodys) {
    const std::vector<std::string> ids{"0",
                                       "-1",
                                       "999999999999",
                                       "999999999999999999999999999",
                                       "no-such-thing",
                                       "%20",
                                       "%00",
                                       "a%00b",
                                       "..%2f..%2fetc%2fpasswd",
                                       "..%5c..",
                                       "%2e%2e%2f",
                                       "%252e%252e%252f",
                                       "%c0%ae%c0%ae%c0%af",
                                       "%ed%a0%80",         // a lone surrogate
                                       "%e2%80%aegpj.exe",  // right to left
                                       "%ef%bc%91",         // a digit of full width
                                       "%f5%80%80%80",
                                       "%ff",
                                       "%",
                                       "%z1",
                                       "%27%20OR%201%3d1%20--",
                                       "%24%28id%29",
                                       "*",
                                       std::string(4'000, 'a')};
    for (const Operation& operation : operations_) {
        if (!operation.has_parameters()) continue;
        for (const std::string& id : ids) {
            // What may be a list's name makes a list, since there is none.
            static const std::set<std::string> names{"0",
                                                     "-1",
                                                     "999999999999",
                                                     "no-such-thing",
                                                     "*",
                                                     "%ef%bc%91",
                                                     "%24%28id%29",
                                                     "%252e%252e%252f",
                                                     "999999999999999999999999999",
                                                     "%27%20OR%201%3d1%20--"};
            if (operation.pattern.ends_with("/import") && names.contains(id)) continue;
            const std::string body = operation.body_type() == "application/json" ? "{}" : "";
            const Answer answer = server_.ask(operation.method, operation.path(id), allowed(operation), body);
            const std::string name = name_of(operation) + " of " + id.substr(0, 40);
            // Lists may be empty where it is a collection below something that nobody has.
            if (operation.method == "GET" && answer.status == 200) continue;
            expect_problem(answer, {400, 404, 405, 409, 422, 428}, name);
        }
        nothing_was_written(name_of(operation) + " of ids that are nobody's");
    }
}

TEST_F(Hostile, QueriesThatMeanNothing) {
    const std::vector<std::string> queries{"limit=0",
                                           "limit=-1",
                                           "limit=501",
                                           "limit=99999999999999999999",
                                           "limit=1e3",
                                           "limit=%00",
                                           "limit=",
                                           "cursor=%00",
                                           "cursor=-1",
                                           "cursor=%e2%80%ae",
                                           "cursor=' OR 1=1",
                                           "cursor=99999999999999999999",
                                           "x=%zz",
                                           "x=%",
                                           "%c0%af=1",
                                           "q=%ed%a0%80",
                                           "q=%25%5f%27%22",
                                           "q=" + std::string(4'000, 'a'),
                                           "from=yesterday",
                                           "to=%00",
                                           "span=century",
                                           "decision=maybe",
                                           "state=none",
                                           "format=exe",
                                           "what=%00",
                                           "who=%27%20OR%201%3d1",
                                           "&&&===",
                                           "limit=1&limit=2",
                                           std::string(2'000, '&')};
    for (const Operation& operation : operations_) {
        // That something was carried away goes on record, whatever was asked for.
        if (operation.method != "GET" || operation.streams() || operation.path().ends_with("/export"))
            continue;
        for (std::string query : queries) {
            std::ranges::replace(query, ' ', '+');
            expect_no_fault(server_.ask("GET", operation.path() + '?' + query, admin_),
                            name_of(operation) + '?' + query.substr(0, 60));
        }
    }
    nothing_was_written("queries that mean nothing");
}

TEST_F(Hostile, PathsThatLeadElsewhere) {
    for (const std::string path :
         {"/../../etc/passwd", "/..%2f..%2f..%2fetc/passwd", "/assets/..%2f..%2frushlight.db",
          "/assets/%2e%2e/%2e%2e/rushlight.toml", "/%2e%2e/rushlight.db", "/assets/../../var/rushlight.db",
          "/api/v1/../../../etc/passwd", "/api/v1/lists/..%2f..", "//etc/passwd", "/.git/config",
          "/assets/%00", "/assets/a%00.js", "/%c0%ae%c0%ae/etc/passwd", "/api/v1/%6cists%00",
          "/api/v1/openapi.json/..", "/index.html%00.png", "/a\\..\\..\\b"}) {
        for (const std::string method : {"GET", "HEAD", "POST", "DELETE"}) {
            RawClient client(server_.port());
            const auto reply = [&] {
                client.send(method + ' ' + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
                return client.reply(method == "HEAD");
            }();
            ASSERT_TRUE(reply) << method << ' ' << path;
            EXPECT_LT(reply->status, 500) << method << ' ' << path;
            for (const char* secret : {"root:", "SQLite", "[net]", "[core]"})
                EXPECT_EQ(reply->body.find(secret), std::string::npos) << method << ' ' << path;
            // The console's one page answers for addresses that are its own.
            if (method == "GET" && reply->status == 200) {
                EXPECT_THAT(reply->header("Content-Type"),
                            AnyOf(HasSubstr("text/html"), HasSubstr("text/plain")))
                    << path;
            }
        }
    }
    nothing_was_written("paths that lead elsewhere");
}

// One connection, on which a proxy and we could see different requests: the second would make a list.
TEST_F(Hostile, RequestsHiddenInRequests) {
    std::string credentials;
    for (const auto& [name, value] : admin_) credentials += name + ": " + value + "\r\n";
    const std::string json_body = R"({"name":"smuggled"})";
    const std::string hidden =
        "POST /api/v1/lists HTTP/1.1\r\nHost: x\r\n" + credentials +
        "Content-Type: application/json\r\nContent-Length: " + std::to_string(json_body.size()) + "\r\n\r\n" +
        json_body;
    const std::string post = "POST /api/v1/lists HTTP/1.1\r\nHost: x\r\n" + credentials;
    const std::string size = std::to_string(hidden.size());
    const std::vector<std::pair<std::string, std::string>> cases{
        {"a length, and chunks",
         post + "Content-Length: " + size + "\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden},
        {"chunks, and a length",
         post + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n" + hidden},
        {"two lengths", post + "Content-Length: 0\r\nContent-Length: " + size + "\r\n\r\n" + hidden},
        {"a list of lengths", post + "Content-Length: 0, " + size + "\r\n\r\n" + hidden},
        {"a length with a sign", post + "Content-Length: +0\r\n\r\n" + hidden},
        {"chunked in disguise", post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + hidden},
        {"chunked behind another", post + "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n" + hidden},
        {"a tab before chunked",
         post + "Transfer-Encoding:\x0b" + std::string("chunked\r\n\r\n0\r\n\r\n") + hidden},
        {"a space before the colon", post + "Content-Length : 0\r\n\r\n" + hidden},
        {"a folded length", post + "Content-Length:\r\n 0\r\n\r\n" + hidden},
        {"a folded header", post + "X-A: b\r\n c\r\nContent-Length: 0\r\n\r\n" + hidden},
        {"a bare line feed", "POST /api/v1/lists HTTP/1.1\nHost: x\n\n" + hidden},
        {"a bare line feed in a header", post + "X-A: b\nContent-Length: 0\r\n\r\n" + hidden},
        {"a bare carriage return", post + "X-A: b\rContent-Length: 0\r\n\r\n" + hidden},
        {"a NUL in a header", post + std::string("X-A: b\0c\r\nContent-Length: 0\r\n\r\n", 31) + hidden},
        {"two hosts", post + "Host: y\r\nContent-Length: 0\r\n\r\n" + hidden},
        {"two keys",
         post + "Authorization: Bearer a\r\nAuthorization: Bearer b\r\nContent-Length: 0\r\n\r\n" + hidden},
        {"a chunk that is longer than it says", post + "Transfer-Encoding: chunked\r\n\r\n1\r\n" + hidden},
        {"a chunk size with a bare line feed", post + "Transfer-Encoding: chunked\r\n\r\n0\n\r\n" + hidden},
        {"a trailer that is a length",
         post + "Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: " + size + "\r\n\r\n" + hidden},
        {"an upgrade",
         "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: "
         "h2c\r\nContent-Length: +1\r\n\r\n" +
             hidden},
        {"the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + hidden},
        {"a space in the target", "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n" + hidden},
        {"HTTP/0.9", "GET /\r\n" + hidden},
    };
    for (const auto& [what, bytes] : cases) {
        RawClient client(server_.port());
        client.send(bytes);
        const auto reply = client.reply();
        ASSERT_TRUE(reply) << what;
        EXPECT_GE(reply->status, 400) << what;
        EXPECT_EQ(reply->header("Content-Type"), "application/problem+json") << what;
        EXPECT_TRUE(client.closed()) << what << ": what is behind it was read as a request";
        nothing_was_written(what);
    }
}

TEST_F(Hostile, FormsThatAreBroken) {
    const std::string file =
        "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.jpg\"\r\n\r\nbytes\r\n";
    const std::string context = "--x\r\nContent-Disposition: form-data; name=\"context\"\r\n\r\n";
    const std::string end = "--x--\r\n";
    struct Case {
        std::string what, body;
        std::set<int> statuses{400, 422};
        std::string type = "multipart/form-data; boundary=x";
    };
    const std::vector<Case> cases{
        {"nothing", ""},
        {"an end only", end},
        {"no file", context + "{}\r\n" + end},
        {"no end", file},
        {"half a boundary", file + "--x"},
        {"two files", file + file + end},
        {"two contexts", file + context + "{}\r\n" + context + "{}\r\n" + end},
        {"a field nobody knows",
         file + "--x\r\nContent-Disposition: form-data; name=\"fiel\"\r\n\r\nx\r\n" + end},
        {"a part without a name", "--x\r\nContent-Disposition: form-data\r\n\r\nx\r\n" + end},
        {"a part without a head", "--x\r\n\r\nbytes\r\n" + end},
        {"another boundary", "--y\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nx\r\n--y--\r\n"},
        {"bare line feeds", "--x\nContent-Disposition: form-data; name=\"file\"\n\nx\n--x--\n"},
        {"an endless part head", "--x\r\nA: " + std::string(100'000, 'a'), {400, 413, 422}},
        {"a hundred parts",
         [&] {
             std::string many = file;
             for (int i = 0; i < 100; ++i) many += context + "{}\r\n";
             return many + end;
         }()},
        {"a context that is no JSON", file + context + "{\r\n" + end},
        {"a context that is a list", file + context + "[]\r\n" + end},
        {"a context of 65 KiB", file + context + std::string(66'000, ' ') + "\r\n" + end, {413, 422, 429}},
        {"a context with overlong UTF-8", file + context + "{\"account\":\"\xc0\xaf\"}\r\n" + end},
        {"a context with half a surrogate pair", file + context + "{\"account\":\"\\ud800\"}\r\n" + end},
        {"a context with an address that is none", file + context + "{\"ip\":\"::1%lo\"}\r\n" + end},
        {"a context with an unknown key", file + context + "{\"acount\":\"a\"}\r\n" + end},
        {"a context nested too deeply", file + context + "{\"account\":" + std::string(5'000, '[') +
                                            std::string(5'000, ']') + "}\r\n" + end},
        {"no boundary", file + end, {415}, "multipart/form-data"},
        {"an endless boundary", file + end, {415}, "multipart/form-data; boundary=" + std::string(200, 'x')},
        {"JSON", "{}", {415}, "application/json"},
        {"no type at all", file + end, {415}, ""},
    };
    for (const Case& one : cases) {
        for (Headers headers : {admin_, all_keys_}) {
            if (!one.type.empty()) headers["Content-Type"] = one.type;
            expect_problem(server_.ask("POST", "/api/v1/check", headers, one.body), one.statuses, one.what);
        }
        nothing_was_written("a form with " + one.what);
    }
    // What a file is called is only told; it leads nowhere.
    for (const std::string name :
         {"../../../etc/cron.d/x", "a%00.jpg", "\xe2\x80\xaegpj.exe", "\xc0\xaf", ""}) {
        const Answer answer = server_.ask(
            "POST", "/api/v1/check",
            [&] {
                Headers headers = all_keys_;
                headers["Content-Type"] = "multipart/form-data; boundary=x";
                return headers;
            }(),
            "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + name +
                "\"\r\n\r\nbytes\r\n" + end);
        EXPECT_EQ(answer.status, 200) << name << answer.text;
        EXPECT_EQ(answer.body["decision"], "none");
    }
    nothing_was_written("files with odd names that match nothing");
}

TEST_F(Hostile, KeysThatAreUsedAgain) {
    const auto once = [&](const std::string& key) {
        Headers headers = all_keys_;
        headers["Idempotency-Key"] = key;
        return headers;
    };
    const std::string md5 = "0123456789abcdef0123456789abcdef";
    ASSERT_EQ(server_.ask("POST", "/api/v1/lists", admin_, json{{"name", "ours"}}).status, 201);
    ASSERT_EQ(server_.ask("POST", "/api/v1/lists/ours/entries", admin_, json{{"hashes", {md5}}}).status, 200);
    const auto upload = [&](const Headers& headers, const std::string& bytes) {
        return server_.upload("/api/v1/check?receipt=1", headers, bytes, R"({"account":"u"})");
    };
    const auto hashes = [&](const Headers& headers, const std::string& hash) {
        return server_.ask("POST", "/api/v1/check/hash", headers, json{{"hashes", {hash}}});
    };
    // A match is stored once, however often it is asked with one key, and is answered in the same words.
    const auto first = hashes(once("h"), md5);
    ASSERT_EQ(first.status, 200) << first.text;
    EXPECT_EQ(first.body["results"][0]["decision"], "exact");
    const Answer uploaded = upload(once("u"), "some bytes");
    ASSERT_EQ(uploaded.status, 200) << uploaded.text;
    before_ = held();
    for (int i = 0; i < 3; ++i) {
        const Answer again = hashes(once("h"), md5);
        EXPECT_EQ(again.text, first.text);
        EXPECT_EQ(again.header("Idempotency-Replayed"), "true");
        EXPECT_EQ(upload(once("u"), "some bytes").text, uploaded.text);
    }
    nothing_was_written("the same requests again");
    // With another body, or for another route, the key is not theirs.
    expect_problem(hashes(once("h"), std::string(32, '7')), {422}, "another hash");
    expect_problem(upload(once("u"), "other bytes"), {422}, "another file");
    expect_problem(upload(once("h"), "some bytes"), {422}, "another route");
    expect_problem(server_.ask("POST", "/api/v1/lists", once("h"), json{{"name", "more"}}), {422}, "a list");
    nothing_was_written("other requests with those keys");
    // Somebody else's key of that name is another one.
    Headers other = server_.key(admin_, {"check"});
    other["Idempotency-Key"] = "h";
    EXPECT_NE(hashes(other, md5).header("Idempotency-Replayed"), "true");
    before_ = held();
    for (const Operation& operation : operations_) {
        if (operation.method != "POST" || operation.open()) continue;
        bool takes_one = false;
        for (const json& parameter : operation.what.value("parameters", json::array()))
            takes_one = takes_one || parameter["name"] == "Idempotency-Key";
        if (!takes_one) continue;
        for (const std::string& key : {std::string(201, 'a'), std::string("\xc0\xaf"), std::string("\xff")}) {
            Headers headers = allowed(operation);
            headers["Idempotency-Key"] = key;
            const bool form = operation.body_type().starts_with("multipart");
            const Answer answer =
                form ? server_.upload(operation.path(), headers, "x")
                     : server_.ask("POST", operation.path("ours"), headers, std::string("{}"));
            expect_problem(answer, {400}, name_of(operation) + " with a key that is none");
        }
    }
    nothing_was_written("keys that are none");
}

// Many who say a little and then nothing hold up nobody.
TEST_F(Hostile, ThoseWhoSaySlowlyHoldUpNobody) {
    std::string credentials;
    for (const auto& [name, value] : admin_) credentials += name + ": " + value + "\r\n";
    std::vector<std::unique_ptr<RawClient>> slow;
    for (int i = 0; i < 300; ++i) {
        slow.push_back(std::make_unique<RawClient>(server_.port()));
        ASSERT_TRUE(slow.back()->connected());
        const std::string form =
            "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 1000\r\n\r\n--x\r\n";
        const std::vector<std::string> beginnings{
            "P", "POST /api/v1/lists HTTP/1.1\r\nHost: x\r\nX-A: ",
            "POST /api/v1/lists HTTP/1.1\r\nHost: x\r\n" + credentials +
                "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"name\":",
            "POST /api/v1/check HTTP/1.1\r\nHost: x\r\n" + credentials + form};
        slow.back()->send(beginnings[static_cast<std::size_t>(i) % beginnings.size()]);
    }
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(server_.ask("GET", "/api/v1/overview", admin_).status, 200);
        EXPECT_EQ(server_.upload("/api/v1/check", all_keys_, "quick").status, 200);
    }
    slow.clear();
    EXPECT_EQ(server_.ask("GET", "/livez").status, 200);
    nothing_was_written("half requests");
}

}  // namespace
}  // namespace rushlight::app::testing
