// kill -9 at any point under load: what was acknowledged is there afterwards, once.
//
// `usual` rounds in ./test; 200 and more in a soak (RUSHLIGHT_SOAK). Where a round is killed is decided by
// its seed as far as a seed can: after how many acknowledgements, and how much is asked at once.

#include "accounts/accounts.h"
#include "accounts/api_keys.h"
#include "app/testing/served.h"
#include "audit/audit.h"
#include "base/digest.h"
#include "base/testing/rounds.h"
#include "check/service.h"
#include "http/http.h"
#include "match/match.h"
#include "message/message.h"
#include "queue/queue.h"
#include "scan/scan.h"
#include "server/server.h"
#include "store/testing/place.h"
#include "vault/holding.h"
#include "vault/vault.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rushlight::app::testing {
namespace {

using http::testing::eventually;
using std::chrono_literals::operator""s;

// Where webhooks arrive: each event's id, and the check that it tells of.
class Hooks {
  public:
    Hooks() {
        auto started = http::Server::start({.listen = "127.0.0.1:0"}, [this](const http::RequestHead&) {
            return http::Plan::worker(
                [this](http::Request& request, http::Responder answer) {
                    const json event = json::parse(request.body, nullptr, false);
                    if (event.is_object() && event.value("type", "") == "check.matched") {
                        const std::scoped_lock lock(mutex_);
                        came_[event.at("data").at("id")].insert(
                            std::string(request.head.header("Rushlight-Event")));
                    }
                    answer.send(http::Response::empty(204));
                },
                1 << 20);
        });
        if (!started) throw std::runtime_error(started.error().message);
        server_.emplace(std::move(*started));
    }
    std::string address() const { return server_->address(); }
    // By check: the ids under which it was told. More than one id is a doubled event.
    std::map<std::string, std::set<std::string>> came() const {
        const std::scoped_lock lock(mutex_);
        return came_;
    }

  private:
    mutable std::mutex mutex_;
    std::map<std::string, std::set<std::string>> came_;
    std::optional<http::Server> server_;
};

// What the server said yes to.
struct Acknowledged {
    std::mutex mutex;
    std::map<std::string, std::string> uploads;  // check → its context's ref
    std::map<std::string, std::string> hashes;   // check → ref
    std::map<std::string, std::string> bytes;    // check of an upload → SHA-256
    std::vector<std::string> entries, notes, keys, people;
    std::atomic<int> count{0};

    template <class F>
    void add(F&& what) {
        const std::scoped_lock lock(mutex);
        what();
        ++count;
    }
};

std::string hash_of(std::uint64_t seed) {
    return sha256_of(bytes_of("entry " + std::to_string(seed))).hex().substr(0, 32);
}

class KillTest : public ::testing::TestWithParam<store::testing::Kind> {
  protected:
    std::vector<std::string> flags() const {
        std::vector<std::string> flags{"--allow-target", hooks_.address()};
        if (GetParam() == store::testing::Kind::postgres)
            flags.insert(flags.end(), {"--store", place_.where()});
        return flags;
    }
    std::string where() const {
        return GetParam() == store::testing::Kind::postgres ? place_.where() : folder_.path("var");
    }

    void prepare(Served& server) {
        admin_ = server.set_up();
        key_ = server.key(admin_, {"check", "lists", "read"});
        const std::string list = practice_list();
        ASSERT_EQ(server.ask("POST", "/api/v1/lists/practice/import", key_, list).status, 200);
        ASSERT_EQ(server.ask("POST", "/api/v1/lists", key_, json{{"name", "bulk"}}).status, 201);
        const std::string first = hash_of(0);
        ASSERT_EQ(server.ask("POST", "/api/v1/lists/bulk/entries", key_, json{{"hashes", {first}}}).status,
                  200);
        const Answer hook =
            server.ask("POST", "/api/v1/webhooks", admin_,
                       json{{"url", "http://" + hooks_.address() + "/hook"}, {"events", {"check.matched"}}});
        ASSERT_EQ(hook.status, 201) << hook.text;
    }

    void upload(const Served& server, const std::string& ref) {
        // A picture of its own each time: what follows a JPEG's end is nobody's business but the hash's.
        const std::string file = picture_ + ref;
        const Answer answer =
            server.upload("/api/v1/check", key_, file, json{{"ref", ref}, {"account", "a " + ref}}.dump());
        if (answer.status != 200) return;
        done_.add([&] {
            const std::string id = answer.body.at("id");
            done_.uploads[id] = ref;
            done_.bytes[id] = sha256_of(bytes_of(file)).hex();
        });
    }
    void ask_hash(const Served& server, const std::string& ref) {
        const Answer answer = server.ask("POST", "/api/v1/check/hash", key_,
                                         json{{"hashes", {hash_of(0)}}, {"context", {{"ref", ref}}}});
        if (answer.status != 200) return;
        done_.add([&] { done_.hashes[answer.body.at("results").at(0).at("id")] = ref; });
    }
    void import(const Served& server, std::uint64_t from) {
        std::string lines;
        for (std::uint64_t i = 0; i < 50; ++i) lines += hash_of(from + i) + '\n';
        if (server.ask("POST", "/api/v1/lists/bulk/import?method=md5", key_, lines).status != 200) return;
        done_.add([&] {
            for (std::uint64_t i = 0; i < 50; ++i) done_.entries.push_back(hash_of(from + i));
        });
    }
    void save_policy(const Served& server, const std::string& note) {
        const Answer now = server.ask("GET", "/api/v1/policy", admin_);
        if (now.status != 200) return;
        Headers headers = admin_;
        headers["If-Match"] = '"' + std::to_string(now.body.at("version").get<int>()) + '"';
        const json policy{{"rules", {{{"list", "practice"}, {"action", "hold"}}}}, {"note", note}};
        if (server.ask("PUT", "/api/v1/policy", headers, policy).status != 200) return;
        done_.add([&] { done_.notes.push_back(note); });
    }
    void add_people(const Served& server, const std::string& name) {
        const Answer key =
            server.ask("POST", "/api/v1/keys", admin_, json{{"name", name}, {"scopes", {"lists"}}});
        if (key.status == 201) done_.add([&] { done_.keys.push_back(key.body.at("key")); });
        const std::string email = name + "@example.org";
        const Answer made =
            server.ask("POST", "/api/v1/accounts", admin_, json{{"email", email}, {"roles", {"viewer"}}});
        if (made.status == 201) done_.add([&] { done_.people.push_back(email); });
    }

    // Asks from all sides until the server is gone.
    void load_until_killed(Served& server, std::uint64_t seed) {
        std::mt19937_64 random(seed);
        const int wanted = done_.count + 10 + static_cast<int>(random() % 60);
        std::atomic<bool> killed{false};
        std::vector<std::jthread> clients;
        const auto go_on = [&](int who, auto&& work) {
            clients.emplace_back([this, seed, who, &killed, &server, work] {
                for (std::uint64_t i = 1; !killed; ++i) {
                    const std::string name = std::to_string(seed % 1'000'000) + '-' + std::to_string(who) +
                                             '-' + std::to_string(i);
                    work(server, name, ((seed % 1'000'000) * 1000 + i) * 1000);
                }
            });
        };
        const auto uploads = [this](const Served& s, const std::string& n, std::uint64_t) { upload(s, n); };
        for (int i = 0; i < 2 + static_cast<int>(random() % 2); ++i) go_on(i, uploads);
        go_on(4, [this](const Served& s, const std::string& n, std::uint64_t) { ask_hash(s, n); });
        go_on(5, [this](const Served& s, const std::string&, std::uint64_t at) { import(s, at); });
        go_on(6, [this](const Served& s, const std::string& n, std::uint64_t) { save_policy(s, n); });
        go_on(7, [this](const Served& s, const std::string& n, std::uint64_t) { add_people(s, n); });
        EXPECT_TRUE(eventually([&] { return done_.count >= wanted; }, 60s));
        server.kill();
        killed = true;
    }

    std::map<std::string, json> all(const Served& server, const std::string& path) const {
        std::map<std::string, json> items;
        std::string cursor;
        do {
            const Answer page = server.ask("GET", path + "?limit=500" + cursor, admin_);
            EXPECT_EQ(page.status, 200) << page.text;
            if (page.status != 200) return items;
            for (const json& item : page.body.at("items"))
                EXPECT_TRUE(items.emplace(item.at("id"), item).second) << "twice in " << path;
            cursor = page.body["next"].is_null() ? "" : "&cursor=" + page.body["next"].get<std::string>();
        } while (!cursor.empty());
        return items;
    }

    void expect_all_there(const Served& server) {
        const auto seen = all(server, "/api/v1/checks");
        for (const auto& [kind, ids] : {std::pair{"upload", &done_.uploads}, {"hash", &done_.hashes}}) {
            for (const auto& [id, ref] : *ids) {
                const auto it = seen.find(id);
                ASSERT_NE(it, seen.end()) << "acknowledged and lost: the check of a " << kind << ", " << ref;
                EXPECT_EQ(it->second.at("context").at("ref"), ref);
                EXPECT_EQ(it->second.at("held"), std::string_view(kind) == "upload");
            }
        }
        std::map<std::string, std::string> held;  // check → SHA-256
        std::set<std::string> files;
        for (const auto& [id, file] : all(server, "/api/v1/holding")) {
            EXPECT_TRUE(held.emplace(file.at("ref"), file.at("sha256")).second) << "held twice";
            EXPECT_TRUE(seen.contains(file.at("ref"))) << "held for a check that nobody knows of";
            files.insert(id + ".sealed");
        }
        for (const auto& [id, sha256] : done_.bytes) EXPECT_EQ(held[id], sha256);
        for (const auto& entry : std::filesystem::directory_iterator(folder_.path("var/holding"))) {
            const std::string name = entry.path().filename();
            if (entry.path().extension() != ".sealed" && entry.path().extension() != ".part") continue;
            EXPECT_TRUE(files.erase(name)) << "an orphan in the holding folder: " << name;
        }
        EXPECT_THAT(files, ::testing::IsEmpty()) << "in the ledger only";

        for (std::size_t i = 0; i < done_.entries.size(); i += 10'000) {
            json asked{{"hashes", json::array()}};
            for (std::size_t j = i; j < std::min(done_.entries.size(), i + 10'000); ++j)
                asked["hashes"].push_back(done_.entries[j]);
            const Answer answer = server.ask("POST", "/api/v1/check/hash", key_, asked);
            ASSERT_EQ(answer.status, 200) << answer.text;
            for (const json& result : answer.body.at("results"))
                ASSERT_EQ(result.at("decision"), "exact") << result;
        }
        done_.entries.clear();  // these checks were stored, too: once is enough
        std::multiset<std::string> notes;
        const Answer versions = server.ask("GET", "/api/v1/policy/versions", admin_);
        for (const json& one : versions.body.at("items")) notes.insert(one.at("note").get<std::string>());
        // The newest hundred are shown.
        for (std::size_t i = done_.notes.size() - std::min<std::size_t>(done_.notes.size(), 90);
             i < done_.notes.size(); ++i)
            EXPECT_EQ(notes.count(done_.notes[i]), 1u) << "policy " << done_.notes[i];
        for (const std::string& key : done_.keys)
            EXPECT_EQ(server.ask("GET", "/api/v1/lists", {{"Authorization", "Bearer " + key}}).status, 200);
        done_.keys.clear();
        std::multiset<std::string> people;
        for (const auto& [id, person] : all(server, "/api/v1/accounts"))
            people.insert(person.at("email").get<std::string>());
        for (const std::string& email : done_.people) EXPECT_EQ(people.count(email), 1u) << email;
    }

    // Webhooks, the outbox and the held bytes, once all rounds are over.
    void expect_handed_on(Served& server) {
        EXPECT_TRUE(eventually(
            [&] {
                const auto came = hooks_.came();
                return std::ranges::all_of(done_.uploads,
                                           [&](const auto& one) { return came.contains(one.first); }) &&
                       std::ranges::all_of(done_.hashes,
                                           [&](const auto& one) { return came.contains(one.first); });
            },
            60s))
            << "a webhook was lost";
        for (const auto& [check, ids] : hooks_.came())
            EXPECT_EQ(ids.size(), 1u) << "told twice under two ids: " << check;
        const auto seen = all(server, "/api/v1/checks");
        EXPECT_EQ(server.stop().status, 0);
        EXPECT_EQ(run({"audit", "verify", "--data", folder_.path("var"), "--store",
                       GetParam() == store::testing::Kind::postgres ? place_.where() : ""})
                      .status,
                  0);

        auto store = store::Store::open({.where = where(),
                                         .schemas = {queue::schema(), audit::schema(), message::schema(),
                                                     vault::schema(), match::schema(), check::schema(),
                                                     accounts::schema(), scan::schema(), server::schema()}});
        ASSERT_TRUE(store) << store.error().message;
        std::map<std::string, int> findings;
        ASSERT_TRUE(store->read([&](store::Reader& reader) {
            findings.clear();
            return store::outbox::items(reader, check::kFindingTopic, 0, 1'000'000,
                                        [&](const store::outbox::Item& item) {
                                            ++findings[json::parse(item.body).at("reply").at("id")];
                                        });
        }));
        EXPECT_EQ(findings.size(), seen.size());
        for (const auto& [id, one] : seen) EXPECT_EQ(findings[id], 1) << "findings of " << id;

        const Time now = system_clock().now();
        auto sealer = vault::Sealer::open(*store, {.data = folder_.path("var"), .now = now});
        ASSERT_TRUE(sealer) << sealer.error().message;
        auto area = vault::HoldingArea::open(*store, *sealer, {.data = folder_.path("var")}, now);
        ASSERT_TRUE(area) << area.error().message;
        const auto files = area->list(std::nullopt, 1'000'000);
        ASSERT_TRUE(files);
        for (const vault::HeldFile& file : *files) {
            auto opened = area->open_file(file.id, "test", "a test", now);
            ASSERT_TRUE(opened) << opened.error().message;
            std::string content;
            for (;;) {
                const auto piece = opened->next();
                ASSERT_TRUE(piece) << piece.error().message;
                if (piece->empty()) break;
                content += text_of(*piece);
            }
            EXPECT_EQ(sha256_of(bytes_of(content)), file.sha256);
        }
    }

    void kill_again_and_again(int usual) {
        std::optional<Served> server(std::in_place, folder_.path("var"), flags());
        ASSERT_NO_FATAL_FAILURE(prepare(*server));
        for (Rounds rounds(usual); rounds.next();) {
            load_until_killed(*server, rounds.seed());
            server.emplace(folder_.path("var"), flags());
            expect_all_there(*server);
            if (HasFatalFailure()) return;
        }
        expect_handed_on(*server);
    }

    const Hooks hooks_;
    const Folder folder_;
    const store::testing::Place place_{GetParam()};
    const std::string picture_ = scene();
    Headers admin_, key_;
    Acknowledged done_;
};

TEST_P(KillTest, NothingAcknowledgedIsLostAndNothingIsDoubled) {
    const bool sqlite = GetParam() == store::testing::Kind::sqlite;
    const bool soak = std::getenv("RUSHLIGHT_SOAK") != nullptr;
    kill_again_and_again(sqlite ? (soak ? 200 : 10) : (soak ? 20 : 2));
}
INSTANTIATE_TEST_SUITE_P(, KillTest, store::testing::both(), store::testing::name_of);

}  // namespace
}  // namespace rushlight::app::testing
