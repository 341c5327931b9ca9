// Rushlight as a service, from the outside: what a platform's engineer, an administrator and an attacker do.

#include "app/testing/served.h"
#include "store/testing/place.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rushlight::app::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

void import_practice(const Served& server, const Headers& as) {
    const Answer imported = server.ask("POST", "/api/v1/lists/practice/import", as, practice_list());
    ASSERT_EQ(imported.status, 200) << imported.text;
    ASSERT_GT(imported.body["added"], 5);
}

// A server of its own, set up, with a key for checks and lists.
class ServeTest : public ::testing::Test {
  protected:
    Folder folder_;
    Served server_{folder_.path("var")};
    Headers admin_ = server_.set_up();
    Headers key_ = server_.key(admin_, {"check", "lists", "read"});
};

TEST_F(ServeTest, APlatformsFirstUploadIsAnsweredAndSeenByPeople) {
    import_practice(server_, key_);
    const Answer check = server_.upload("/api/v1/check?receipt=1", key_, scene("spheres-01.jpg"),
                                        R"({"account":"uploader 7","ip":"192.0.2.7"})");
    ASSERT_EQ(check.status, 200) << check.text;
    EXPECT_EQ(check.body["decision"], "near");
    EXPECT_EQ(check.body["action"], "hold");
    EXPECT_EQ(check.body["matches"][0]["list"], "practice");
    EXPECT_EQ(check.body["width"], 512);
    EXPECT_EQ(check.body["type"], "image/jpeg");
    EXPECT_TRUE(check.body.contains("case") && check.body.contains("reason")) << "every key is there";
    const Answer seen = server_.ask("GET", "/api/v1/checks", admin_);
    ASSERT_EQ(seen.status, 200) << seen.text;
    EXPECT_EQ(seen.body["items"][0]["id"], check.body["id"]);
    EXPECT_EQ(seen.body["items"][0]["context"]["account"], "uploader 7");
    EXPECT_EQ(seen.body["items"][0]["context"]["filename"], "a.jpg");
    // The bytes are held, since the platform's profile switches that on, and can be destroyed.
    const Answer held = server_.ask("GET", "/api/v1/holding", admin_);
    ASSERT_EQ(held.body["items"].size(), 1u) << held.text;
    EXPECT_EQ(held.body["items"][0]["why"], "near match on practice");
    const std::string id = held.body["items"][0]["id"];
    EXPECT_EQ(server_.ask("DELETE", "/api/v1/holding/" + id, admin_, json{{"reason", "case 1"}}).status, 204);
    EXPECT_THAT(server_.ask("GET", "/api/v1/audit?what=held_file.", admin_).text, HasSubstr("destroyed"));
    EXPECT_EQ(server_.ask("GET", "/api/v1/overview", admin_).body["today"]["near"], 1);

    // The receipt is good without us, and no longer once it was changed.
    const std::string receipt = folder_.write("receipt.json", check.body["receipt"].dump());
    const std::string key = folder_.path("var/keys/receipt.pub");
    EXPECT_EQ(run({"receipt", "verify", receipt, "--key", key}).status, 0);
    json changed = check.body["receipt"];
    changed["decision"] = "none";
    folder_.write("receipt.json", changed.dump());
    EXPECT_EQ(run({"receipt", "verify", receipt, "--key", key, "--json"}).lines().at(0)["ok"], false);
}

TEST_F(ServeTest, HashesAreAnsweredInOrderAndABadOneErrsAlone) {
    import_practice(server_, key_);
    const std::string pdq = json::parse(practice_list().substr(0, practice_list().find('\n')))["value"];
    const json asked{{"hashes",
                      {"0123456789abcdef0123456789abcdef",
                       "nonsense",
                       pdq,
                       {{"method", "pdq"}, {"value", pdq}, {"quality", 20}}}}};
    const Answer answer = server_.ask("POST", "/api/v1/check/hash", key_, asked);
    ASSERT_EQ(answer.status, 200) << answer.text;
    const json& results = answer.body["results"];
    ASSERT_EQ(results.size(), 4u);
    EXPECT_EQ(results[0]["decision"], "none");
    EXPECT_EQ(results[0]["action"], "allow");
    EXPECT_TRUE(results[0]["error"].is_null());
    EXPECT_EQ(results[1]["error"]["code"], "corrupt");
    EXPECT_TRUE(results[1]["decision"].is_null());
    EXPECT_EQ(results[2]["decision"], "near");
    EXPECT_EQ(results[2]["hash"], pdq);
    EXPECT_EQ(results[3]["decision"], "none") << "a flat picture's PDQ means nothing";
    EXPECT_EQ(results[3]["reason"], "low_quality");

    // 64 bare digits are asked as both of what they can be.
    const std::string sha256(64, 'e');
    ASSERT_EQ(server_
                  .ask("POST", "/api/v1/lists/practice/entries", key_,
                       json{{"hashes", {sha256}}, {"method", "sha256"}})
                  .body["added"],
              1);
    const Answer both = server_.ask("POST", "/api/v1/check/hash", key_, json{{"hashes", {sha256}}});
    EXPECT_EQ(both.body["results"][0]["decision"], "exact") << both.text;
    EXPECT_EQ(both.body["results"][0]["matches"][0]["method"], "sha256");

    json many{{"hashes", json::array()}};
    for (int i = 0; i < 10'000; ++i) many["hashes"].push_back("0123456789abcdef0123456789abcdef");
    many["hashes"][9'999] = pdq;
    const Answer all = server_.ask("POST", "/api/v1/check/hash", key_, many);
    ASSERT_EQ(all.status, 200);
    EXPECT_EQ(all.body["results"].size(), 10'000u);
    EXPECT_EQ(all.body["results"][9'999]["decision"], "near");
    many["hashes"].push_back("x");
    EXPECT_EQ(server_.ask("POST", "/api/v1/check/hash", key_, many).status, 422);
}

TEST_F(ServeTest, VideosAreAnsweredLater) {
    import_practice(server_, key_);
    std::string video;
    for (const auto& entry : std::filesystem::directory_iterator(source_file("practice/set/video"))) {
        video = read_file(entry.path());
    }
    ASSERT_FALSE(video.empty());
    const Answer taken = server_.upload("/api/v1/check", key_, video);
    ASSERT_EQ(taken.status, 202) << taken.text;
    const std::string place = taken.header("Location");
    Answer answer;
    do {
        answer = server_.ask("GET", place, key_);
        ASSERT_EQ(answer.status, 200) << answer.text;
    } while (answer.body["state"] != "done");
    EXPECT_THAT(answer.body["answer"]["type"].get<std::string>(), HasSubstr("video/"));
    const Headers other = server_.key(admin_, {"check"});
    EXPECT_EQ(server_.ask("GET", place, other).status, 404)
        << "another program's check is none of its business";
}

TEST_F(ServeTest, EveryRouteAsksWhoOneIs) {
    const Answer description = server_.ask("GET", "/api/v1/openapi.json");
    ASSERT_EQ(description.status, 200);
    const Answer viewer_made = server_.ask(
        "POST", "/api/v1/accounts", admin_,
        json{
            {"email", "viewer@example.org"}, {"roles", {"viewer"}}, {"password", "another long enough one"}});
    ASSERT_EQ(viewer_made.status, 201) << viewer_made.text;
    const Headers viewer = server_.sign_in("viewer@example.org", "another long enough one");
    const Headers forged{{"Cookie", viewer.at("Cookie")}};  // what another site could send
    std::size_t routes = 0;
    for (const auto& [pattern, operations] : description.body["paths"].items()) {
        std::string path = pattern;
        while (path.find('{') != std::string::npos)
            path.replace(path.find('{'), path.find('}') - path.find('{') + 1, "1");
        for (const auto& [word, operation] : operations.items()) {
            ++routes;
            std::string method = word;
            std::ranges::transform(method, method.begin(),
                                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
            const json& who = operation["x-who"];
            const std::string name = method + ' ' + path;
            if (who == "anybody" || (who.is_object() && who.contains("this_machine"))) continue;
            EXPECT_EQ(server_.ask(method, path).status, 401) << name;
            EXPECT_EQ(server_.ask(method, path, {{"Authorization", "Bearer rl_0000000000000000_x"}}).status,
                      401)
                << name;
            if (path == "/api/v1/events") continue;  // it does not end
            const bool upload = path == "/api/v1/check";
            Headers as_viewer = viewer;
            Headers as_forger = forged;
            if (upload) {
                as_viewer["Content-Type"] = as_forger["Content-Type"] = "multipart/form-data; boundary=x";
            }
            if (who.is_object()) {
                std::set<std::string> scopes = who.contains("scopes")
                                                   ? who["scopes"].get<std::set<std::string>>()
                                                   : std::set<std::string>();
                if (!scopes.contains("cases")) {
                    EXPECT_EQ(server_.ask(method, path, server_.key(admin_, {"cases"})).status, 403) << name;
                }
                const auto roles = who["roles"].get<std::set<std::string>>();
                if (!roles.contains("viewer")) {
                    EXPECT_EQ(server_.ask(method, path, as_viewer, std::string(upload ? "--x--" : "")).status,
                              403)
                        << name;
                }
            }
            if (method != "GET") {
                EXPECT_EQ(server_.ask(method, path, as_forger, std::string(upload ? "--x--" : "")).status,
                          403)
                    << name;
            }
        }
    }
    EXPECT_GT(routes, 50u);
    EXPECT_EQ(server_.ask("PUT", "/api/v1/lists", admin_).status, 405);
    EXPECT_EQ(server_.ask("GET", "/api/v1/no-such-thing", admin_).status, 404);
    EXPECT_EQ(server_.ask("GET", "/api/v1/lists/..%2f..", admin_).status, 404);
}

TEST_F(ServeTest, WrongBodiesAreProblemsAndWriteNothing) {
    const auto problem = [&](const Answer& answer, int status) {
        EXPECT_EQ(answer.status, status) << answer.text;
        EXPECT_THAT(answer.header("Content-Type"), HasSubstr("application/problem+json"));
        EXPECT_THAT(answer.body.value("type", ""), HasSubstr("/problems/"));
    };
    problem(server_.ask("POST", "/api/v1/check/hash", key_, std::string("{\"hashes\":")), 400);
    problem(server_.ask("POST", "/api/v1/check/hash", key_, json{{"hashes", "x"}}), 422);
    problem(server_.ask("POST", "/api/v1/check/hash", key_,
                        json{{"hashes", json::array()}, {"context", {{"ip", "7"}}}}),
            422);
    problem(server_.ask("POST", "/api/v1/check", key_, json{{"file", "x"}}), 415);
    problem(server_.ask("POST", "/api/v1/lists", key_,
                        std::string(std::string(200, '[') + std::string(200, ']'))),
            400);
    problem(server_.ask("POST", "/api/v1/lists", key_, json{{"name", "a/b"}}), 422);
    problem(server_.ask("POST", "/api/v1/lists", key_, json{{"name", "ours"}, {"thresholds", {{"pdq", 64}}}}),
            422);
    problem(server_.ask("GET", "/api/v1/checks?x=%zz", key_), 400);
    problem(server_.upload("/api/v1/check", key_, "x", "{not json"), 422);
    const Answer lists = server_.ask("GET", "/api/v1/lists", key_);
    EXPECT_EQ(lists.body["items"].size(), 0u);
}

TEST_F(ServeTest, AnIdempotencyKeyIsAnsweredOnce) {
    Headers once = key_;
    once["Idempotency-Key"] = "order-7";
    const Answer first = server_.ask("POST", "/api/v1/lists", once, json{{"name", "ours"}});
    ASSERT_EQ(first.status, 201) << first.text;
    const Answer second = server_.ask("POST", "/api/v1/lists", once, json{{"name", "ours"}});
    EXPECT_EQ(second.status, 201);
    EXPECT_EQ(second.body, first.body);
    EXPECT_EQ(second.header("Idempotency-Replayed"), "true");
    EXPECT_EQ(server_.ask("POST", "/api/v1/lists", once, json{{"name", "theirs"}}).status, 422);
    EXPECT_EQ(server_.ask("POST", "/api/v1/lists", key_, json{{"name", "ours"}}).status, 409);
}

TEST_F(ServeTest, ThePolicyDecidesWhatIsDone) {
    import_practice(server_, key_);
    EXPECT_EQ(server_.ask("PUT", "/api/v1/policy", admin_, json{{"rules", json::array()}}).status, 428);
    Headers match = admin_;
    match["If-Match"] = "\"0\"";
    const json policy{{"rules", {{{"list", "practice"}, {"kind", "near"}, {"action", "block"}}}},
                      {"note", "trial"}};
    const Answer saved = server_.ask("PUT", "/api/v1/policy", match, policy);
    ASSERT_EQ(saved.status, 200) << saved.text;
    EXPECT_EQ(saved.body["version"], 1);
    EXPECT_EQ(server_.ask("PUT", "/api/v1/policy", match, policy).status, 409);
    EXPECT_EQ(server_.upload("/api/v1/check", key_, scene("spheres-01.jpg")).body["action"], "block");
    EXPECT_THAT(server_.ask("GET", "/api/v1/audit?what=policy.saved", admin_).text, HasSubstr("account:"));
}

TEST_F(ServeTest, LinksAreFetchedUnderTheGuardOnly) {
    const Answer refused =
        server_.ask("POST", "/api/v1/check/url", key_, json{{"url", server_.url() + "/livez"}});
    EXPECT_EQ(refused.status, 422) << refused.text;
    EXPECT_EQ(refused.body["code"], "refused_private");
    const Folder other;
    const std::string target = server_.url().substr(7);
    Served allowed(other.path("var"), {"--allow-target", target});
    const Headers key = allowed.key(allowed.set_up(), {"check"});
    const Answer fetched =
        allowed.ask("POST", "/api/v1/check/url", key, json{{"url", server_.url() + "/livez"}});
    ASSERT_EQ(fetched.status, 200) << fetched.text;
    EXPECT_EQ(fetched.body["decision"], "none");
    EXPECT_EQ(fetched.body["bytes"], 6);
    EXPECT_EQ(allowed.ask("POST", "/api/v1/check/url", key, json{{"url", "http://[::ffff:127.0.0.1]/"}})
                  .body["code"],
              "refused_private");
}

TEST_F(ServeTest, EntriesAreFoundByTheBeginningOfAHashAndByTheirState) {
    const std::string first = "abcdef" + std::string(26, '0');
    const std::string second = "abcdef" + std::string(26, '1');
    const json hashes{{"hashes", {first, second, std::string(32, '7')}}, {"method", "md5"}};
    ASSERT_EQ(server_.ask("POST", "/api/v1/lists", key_, json{{"name", "mine"}}).status, 201);
    ASSERT_EQ(server_.ask("POST", "/api/v1/lists/mine/entries", key_, hashes).body["added"], 3);
    const auto found = [&](const std::string& query) {
        const Answer answer = server_.ask("GET", "/api/v1/lists/mine/entries?" + query, key_);
        EXPECT_EQ(answer.status, 200) << answer.text;
        EXPECT_TRUE(answer.body["next"].is_null()) << answer.text;
        std::vector<std::string> values;
        for (const json& item : answer.body["items"]) values.push_back(item["value"]);
        return values;
    };
    EXPECT_THAT(found("q=ABCDEF"), ::testing::ElementsAre(first, second));
    EXPECT_THAT(found("q=" + first), ::testing::ElementsAre(first));
    EXPECT_THAT(found("q=no+hash+at+all"), ::testing::IsEmpty());
    ASSERT_EQ(server_
                  .ask("PATCH", "/api/v1/lists/mine/entries", key_,
                       json{{"hash", second}, {"method", "md5"}, {"state", "quarantined"}})
                  .status,
              200);
    EXPECT_THAT(found("state=quarantined"), ::testing::ElementsAre(second));
    EXPECT_THAT(found("state=quarantined&q=7"), ::testing::IsEmpty());
    EXPECT_EQ(server_.ask("GET", "/api/v1/lists/mine/entries?state=odd", key_).status, 422);
    EXPECT_EQ(server_.ask("GET", "/api/v1/lists/none/entries?q=zz", key_).status, 404);
}

TEST_F(ServeTest, ColleaguesAreKnownByNameAndAddressesAreForWhoLooksAfterThem) {
    const std::string password = "a lamp of rush and fat";
    ASSERT_EQ(server_
                  .ask("POST", "/api/v1/accounts", admin_,
                       json{{"email", "vera@example.org"}, {"roles", {"viewer"}}, {"password", password}})
                  .status,
              201);
    const Headers viewer = server_.sign_in("vera@example.org", password);
    const std::string seen = server_.ask("GET", "/api/v1/names", viewer).text;
    EXPECT_THAT(seen, HasSubstr("\"vera\""));
    EXPECT_THAT(seen, Not(HasSubstr("@")));
    EXPECT_THAT(server_.ask("GET", "/api/v1/names", admin_).text, HasSubstr("vera@example.org"));
}

TEST_F(ServeTest, TheCanarysListIsNobodys) {
    import_practice(server_, key_);
    const Answer lists = server_.ask("GET", "/api/v1/lists", key_);
    ASSERT_EQ(lists.body["items"].size(), 1u) << lists.text;
    EXPECT_EQ(lists.body["items"][0]["name"], "practice");
}

TEST_F(ServeTest, AListsSettingsAreChangedAndToldByName) {
    ASSERT_EQ(server_.ask("POST", "/api/v1/lists", admin_, json{{"name", "mine"}}).status, 201);
    const Answer changed = server_.ask("PATCH", "/api/v1/lists/mine", admin_,
                                       json{{"thresholds", {{"pdq", 20}}}, {"source", "a hotline"}});
    ASSERT_EQ(changed.status, 200) << changed.text;
    EXPECT_EQ(changed.body["thresholds"]["pdq"], 20);
    EXPECT_EQ(changed.body["thresholds"]["vpdq"], 31);
    EXPECT_EQ(changed.body["source"], "a hotline");
    EXPECT_EQ(server_.ask("PATCH", "/api/v1/lists/mine", admin_, json{{"thresholds", {{"pdq", 64}}}}).status,
              422);
    EXPECT_EQ(server_.ask("PATCH", "/api/v1/lists/mine", admin_, json{{"name", "other"}}).status, 422);
    EXPECT_EQ(server_.ask("PATCH", "/api/v1/lists/none", admin_, json{{"source", "x"}}).status, 404);

    // The log is asked as people ask: a whole room, or one thing.
    const Answer log = server_.ask("GET", "/api/v1/audit?what=list&on=list:mine", admin_);
    ASSERT_EQ(log.body["items"].size(), 2u) << log.text;
    EXPECT_EQ(log.body["items"][0]["what"], "list.changed");
    EXPECT_EQ(server_.ask("GET", "/api/v1/audit?what=list&on=list:none", admin_).body["items"].size(), 0u);
    const Answer names = server_.ask("GET", "/api/v1/names", admin_);
    ASSERT_EQ(names.status, 200) << names.text;
    const std::string who = log.body["items"][0]["who"];
    EXPECT_TRUE(std::ranges::any_of(names.body["items"], [&](const json& one) {
        return one["who"] == who && one["name"].get<std::string>().find('@') != std::string::npos;
    })) << names.text;
    EXPECT_EQ(server_.ask("GET", "/api/v1/names", key_).status, 403);
}

TEST(Serve, AFolderThatTheOperatorNamesIsScannedAndNoOtherIs) {
    const Folder folder;
    std::filesystem::create_directories(folder.path("var"));
    std::filesystem::create_directories(folder.path("uploads/deep"));
    std::filesystem::create_directories(folder.path("uploads-of-others"));
    folder.write("uploads/deep/a.jpg", scene("spheres-01.jpg"));
    folder.write("var/rushlight.toml", "[scan]\nfolders = \"" + folder.path("uploads") + "\"\n");
    Served server(folder.path("var"));
    const Headers admin = server.set_up();
    const auto start = [&](const std::string& target) {
        return server.ask("POST", "/api/v1/scans", admin, json{{"targets", {folder.path(target)}}});
    };
    for (const char* target : {"uploads", "uploads/deep"}) {
        const Answer begun = start(target);
        ASSERT_EQ(begun.status, 202) << begun.text;
        const std::string place = "/api/v1/scans/" + begun.body["id"].get<std::string>();
        Answer scan;
        do {
            scan = server.ask("GET", place, admin);
            ASSERT_EQ(scan.status, 200) << scan.text;
        } while (!scan.body.contains("ended"));
        EXPECT_EQ(scan.body["state"], "done") << scan.text;
    }
    EXPECT_EQ(start("uploads-of-others").status, 403);
    EXPECT_EQ(start("uploads/../var").status, 403);
}

TEST_F(ServeTest, AMistypedSecretIsAMistakeInTheForm) {
    const Answer begun = server_.ask("POST", "/api/v1/me/totp", admin_, json::object());
    ASSERT_EQ(begun.status, 200) << begun.text;
    const Answer wrong = server_.ask("POST", "/api/v1/me/totp/confirm", admin_, json{{"code", "no code"}});
    EXPECT_EQ(wrong.status, 422) << wrong.text;
    EXPECT_EQ(wrong.body["type"], "/problems/invalid");
    EXPECT_EQ(server_
                  .ask("POST", "/api/v1/me/password", admin_,
                       json{{"old", "not this one"}, {"new", "long enough to be one"}})
                  .status,
              422);
}

TEST_F(ServeTest, TheLiveViewShowsAMatchAsItHappens) {
    import_practice(server_, key_);
    http::testing::RawClient watcher(server_.port());
    watcher.send("GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: " + key_.at("Authorization") +
                 "\r\n\r\n");
    EXPECT_THAT(watcher.read_until("\r\n\r\n"), HasSubstr("text/event-stream"));
    const Answer check = server_.upload("/api/v1/check", key_, scene("spheres-01.jpg"));
    const std::string id = check.body["id"];
    EXPECT_THAT(watcher.read_until(id), HasSubstr("event: check"));
}

TEST(Serve, WhatWasAcknowledgedSurvivesAKill) {
    const Folder folder;
    std::set<std::string> acknowledged;
    Headers key;
    Headers admin;
    {
        Served server(folder.path("var"));
        admin = server.set_up();
        key = server.key(admin, {"check", "lists"});
        import_practice(server, key);
        std::mutex mutex;
        std::vector<std::jthread> clients;
        for (int i = 0; i < 4; ++i) {
            clients.emplace_back([&] {
                const std::string picture = scene("spheres-01.jpg");
                for (;;) {
                    const Answer answer = server.upload("/api/v1/check", key, picture);
                    if (answer.status != 200) return;  // killed
                    const std::scoped_lock lock(mutex);
                    acknowledged.insert(answer.body["id"].get<std::string>());
                }
            });
        }
        for (std::size_t done = 0; done < 20;) {
            const std::scoped_lock lock(mutex);
            done = acknowledged.size();
        }
        server.kill();
    }
    Served again(folder.path("var"));
    std::set<std::string> kept;
    std::string cursor;
    do {
        const Answer page = again.ask("GET", "/api/v1/checks?limit=500" + cursor, admin);
        ASSERT_EQ(page.status, 200) << page.text;
        for (const json& item : page.body["items"]) {
            EXPECT_TRUE(kept.insert(item["id"]).second) << "doubled";
        }
        cursor = page.body["next"].is_null() ? "" : "&cursor=" + page.body["next"].get<std::string>();
    } while (!cursor.empty());
    for (const std::string& id : acknowledged)
        EXPECT_TRUE(kept.contains(id)) << "acknowledged and lost: " << id;
    again.stop();
    EXPECT_EQ(run({"audit", "verify", "--data", folder.path("var")}).status, 0);
}

TEST(Serve, StopsPolitelyAndKeepsToPostgresqlToo) {
    const store::testing::Place place(store::testing::Kind::postgres);
    const Folder folder;
    Served server(folder.path("var"), {"--store", place.where()});
    const Headers key = server.key(server.set_up(), {"check", "lists"});
    import_practice(server, key);
    EXPECT_EQ(server.upload("/api/v1/check", key, scene("spheres-01.jpg")).body["decision"], "near");
    EXPECT_EQ(server.ask("GET", "/readyz").status, 200);
    EXPECT_EQ(server.stop().status, 0);
}

TEST(Serve, TheSetUpLinkWorksOnceAndOnlyWhileThereIsNobody) {
    const Folder folder;
    {
        Served server(folder.path("var"));
        EXPECT_TRUE(server.ask("GET", "/api/v1/setup").body["needed"]);
        EXPECT_EQ(server
                      .ask("POST", "/api/v1/setup", {},
                           json{{"token", "wrong"},
                                {"email", "a@example.org"},
                                {"password", "long enough to be one"},
                                {"profile", "ngo"}})
                      .status,
                  403);
        server.set_up("ngo");
        EXPECT_FALSE(server.ask("GET", "/api/v1/setup").body["needed"]);
        EXPECT_THROW(server.set_up("ngo"), std::runtime_error);
        server.stop();
    }
    const Served again(folder.path("var"));
    EXPECT_TRUE(again.setup_token().empty());
}

}  // namespace
}  // namespace rushlight::app::testing
