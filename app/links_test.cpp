// `rushlight scan` of links, from the outside: sites of our own on loopback, some of them hostile.

#include "app/testing/program.h"
#include "net/testing/dns_server.h"
#include "net/testing/http_server.h"

#include <chrono>
#include <csignal>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace rushlight::app::testing {
namespace {

using net::testing::Connection;
using net::testing::DnsAnswer;
using net::testing::DnsServer;
using net::testing::HttpServer;
using net::testing::redirect_to;
using net::testing::response;
using net::testing::SeenRequest;
using ::testing::HasSubstr;

// A site that may be reached as site.test, and a door of this machine that nobody may knock at.
class ScanOfLinks : public ::testing::Test {
  protected:
    ScanOfLinks() {
        dns_.set("site.test", std::vector<std::string>{"127.0.0.1"});
        pages_["/spheres.jpg"] = response(200, scene("spheres-01.jpg"));
    }
    ~ScanOfLinks() override {
        EXPECT_EQ(forbidden_.connections(), 0) << "somebody knocked at the forbidden door";
    }

    std::string link(const std::string& path) const { return "http://" + site_.target("site.test") + path; }
    std::string forbidden(const std::string& host) const { return "http://" + forbidden_.target(host) + '/'; }

    struct Scan {
        std::map<std::string, json> items{};
        json summary{};
        Ran ran{};
    };
    Scan scan(std::vector<std::string> targets, const std::string& input = {}) const {
        Call call{
            .arguments = {"scan", "--json", "--data", folder_.path("var"), "--list",
                          source_file("practice/list.jsonl"), "--allow-target", site_.target("site.test")},
            .input = input,
            .environment = {{"RUSHLIGHT_NET_DNS", dns_.setting()}}};
        call.arguments.insert(call.arguments.end(), targets.begin(), targets.end());
        Scan result{.ran = run(call)};
        for (const json& line : result.ran.lines()) {
            if (line.contains("summary")) {
                result.summary = line["summary"];
            } else {
                EXPECT_TRUE(result.items.emplace(line["item"], line).second) << "twice: " << line["item"];
            }
        }
        return result;
    }
    // Not fetched, for this reason; the scan as a whole went well.
    void expect_code(const std::string& target, const std::string& code) const {
        const Scan got = scan({target});
        EXPECT_EQ(got.ran.status, 0) << target << ' ' << got.ran.err;
        ASSERT_TRUE(got.items.contains(target)) << got.ran.out;
        const json& item = got.items.at(target);
        EXPECT_EQ(item["decision"], "unreadable") << item;
        EXPECT_EQ(item["reason"], "not_fetched") << item;
        EXPECT_EQ(item["code"], code) << item;
        EXPECT_FALSE(item["message"].get<std::string>().empty());
        EXPECT_EQ(got.summary["unreadable"], 1);
        EXPECT_EQ(got.summary["unopened"], 1);
    }

    Folder folder_;
    DnsServer dns_;
    std::map<std::string, std::string> pages_;
    HttpServer forbidden_{[](const SeenRequest&, Connection& c) { c.write(response(200, "secret")); }};
    HttpServer site_{[this](const SeenRequest& request, Connection& c) {
        const auto page = pages_.find(request.target);
        c.write(page == pages_.end() ? response(404, "no such page") : page->second);
    }};
};

TEST_F(ScanOfLinks, AreCheckedLikeFiles) {
    pages_["/away"] = redirect_to("/spheres.jpg");
    pages_["/set.zip"] = response(200, read_file(source_file("practice/set/archives/holiday.zip")));
    const std::string photo = folder_.write("photo.jpg", scene("spheres-01.jpg"));
    const Scan got = scan({photo, link("/spheres.jpg"), link("/away"), link("/set.zip")});
    ASSERT_EQ(got.ran.status, 0) << got.ran.err;
    const json& file = got.items.at(photo);
    const json& fetched = got.items.at(link("/spheres.jpg"));
    for (const char* key : {"decision", "sha256", "pdq", "type", "bytes"})
        EXPECT_EQ(fetched[key], file[key]) << key;
    EXPECT_EQ(fetched["matches"][0]["list"], file["matches"][0]["list"]);
    EXPECT_FALSE(fetched.contains("final_url"));
    EXPECT_EQ(got.items.at(link("/away"))["final_url"], link("/spheres.jpg"));
    EXPECT_EQ(got.items.at(link("/away"))["decision"], file["decision"]);
    std::size_t members = 0;
    for (const auto& [name, item] : got.items) members += name.starts_with(link("/set.zip") + '!') ? 1 : 0;
    EXPECT_GT(members, 1u) << got.ran.out;
    EXPECT_EQ(got.summary["items"], got.items.size());
}

TEST_F(ScanOfLinks, StandAmongThePathsOfStandardInput) {
    const std::string photo = folder_.write("photo.jpg", scene("spheres-01.jpg"));
    const Scan got = scan({"-"}, photo + '\n' + link("/spheres.jpg") + '\n');
    ASSERT_EQ(got.ran.status, 0) << got.ran.err;
    EXPECT_EQ(got.items.size(), 2u);
    EXPECT_EQ(got.items.at(link("/spheres.jpg"))["sha256"], got.items.at(photo)["sha256"]);
}

TEST_F(ScanOfLinks, AreFetchedAgainEachTime) {
    ASSERT_NE(scan({link("/spheres.jpg")}).items.at(link("/spheres.jpg"))["decision"], "skipped");
    const Scan same = scan({link("/spheres.jpg")});
    EXPECT_EQ(same.items.at(link("/spheres.jpg"))["decision"], "skipped") << "it brought the same bytes";
    EXPECT_EQ(same.summary["skipped_matches"], 1);
    EXPECT_EQ(site_.requests().size(), 2u);

    pages_["/spheres.jpg"] = response(200, "something else by now");
    const Scan other = scan({link("/spheres.jpg")});
    EXPECT_EQ(other.items.at(link("/spheres.jpg"))["decision"], "none");
    pages_.erase("/spheres.jpg");
    const Scan gone = scan({link("/spheres.jpg")});
    EXPECT_EQ(gone.items.at(link("/spheres.jpg"))["answered"], 404);
    EXPECT_EQ(site_.requests().size(), 4u);
}

TEST_F(ScanOfLinks, WhatIsNotFetchedIsNamedAndNoFailureOfTheScan) {
    pages_["/empty"] = response(204, "");
    pages_["/busy"] = response(503, "later");
    pages_["/loop"] = redirect_to("/loop");
    pages_["/cut"] = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncut";
    expect_code(link("/nowhere"), "status");
    expect_code(link("/empty"), "status");
    expect_code(link("/busy"), "status");
    expect_code(link("/loop"), "too_many_redirects");
    expect_code(link("/cut"), "bad_response");
    expect_code("http://nobody.test/", "no_such_host");
    expect_code("http://[no host]/", "no_link");
    expect_code("http://user:pw@" + site_.target("site.test") + "/spheres.jpg", "refused_credentials");
    EXPECT_EQ(site_.requests().back().target, "/cut") << "credentials are never sent";

    // For people: one row with the reason in words.
    const Ran words = run(
        {.arguments = {"scan", "--data", folder_.path("var"), "--list", source_file("practice/list.jsonl"),
                       "--allow-target", site_.target("site.test"), link("/nowhere")},
         .environment = {{"RUSHLIGHT_NET_DNS", dns_.setting()}}});
    EXPECT_EQ(words.status, 0);
    EXPECT_THAT(words.out, HasSubstr("site.test answered with status 404"));
}

TEST_F(ScanOfLinks, LeadNowhereThatIsNotPublic) {
    // A second look-up would say something else: there is none, and both answers are looked at.
    dns_.set("rebind.test",
             std::vector{DnsAnswer{.addresses = {"127.0.0.1"}}, DnsAnswer{.addresses = {"203.0.113.7"}}});
    dns_.set("mixed.test", std::vector<std::string>{"203.0.113.7", "127.0.0.1"});
    dns_.set("alias.test", std::vector{DnsAnswer{.addresses = {"127.0.0.1"}, .aliases = {"inside.test"}}});
    for (const std::string host :
         {"127.0.0.1", "127.1", "2130706433", "0x7f000001", "[::1]", "[::ffff:127.0.0.1]", "localhost",
          "rebind.test", "mixed.test", "alias.test"}) {
        expect_code(forbidden(host), "refused_private");
    }
    pages_["/away"] = redirect_to(forbidden("127.0.0.1"));
    expect_code(link("/away"), "refused_private");
    // The same machine under another name, or at another port, was not allowed.
    dns_.set("other.test", std::vector<std::string>{"127.0.0.1"});
    expect_code("http://" + site_.target("other.test") + '/', "refused_private");
    expect_code(forbidden("site.test"), "refused_private");
}

TEST_F(ScanOfLinks, TheAuditLogSaysWhoLetWhichTargetsIn) {
    const auto audited = [&] {
        std::vector<json> found;
        for (const json& line : run({"audit", "export", "--data", folder_.path("var")}).lines()) {
            if (line.value("what", "") == "targets.allowed") found.push_back(line);
        }
        return found;
    };
    const std::string photo = folder_.write("photo.jpg", scene("spheres-01.jpg"));
    ASSERT_EQ(scan({photo}).ran.status, 0);
    EXPECT_TRUE(audited().empty()) << "nothing was to be fetched";
    ASSERT_EQ(scan({link("/spheres.jpg"), link("/nowhere")}).ran.status, 0);
    const auto found = audited();
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0]["who"], "local:" + std::to_string(::geteuid()));
    EXPECT_EQ(found[0]["on"]["id"], "scan");
    EXPECT_EQ(found[0]["detail"]["targets"], json({site_.target("site.test")}));
    EXPECT_EQ(run({"audit", "verify", "--data", folder_.path("var")}).status, 0);
}

TEST_F(ScanOfLinks, ATargetThatIsNoneIsAFailureBeforeAnythingIsRead) {
    const Ran ran = run({"scan", "--data", folder_.path("var"), "--list", source_file("practice/list.jsonl"),
                         "--allow-target", "nonsense", link("/spheres.jpg")});
    EXPECT_EQ(ran.status, 1);
    EXPECT_THAT(ran.err, HasSubstr("HOST:PORT"));
    EXPECT_EQ(site_.connections(), 0);
}

TEST_F(ScanOfLinks, ControlCDoesNotWaitForASlowSite) {
    HttpServer slow([](const SeenRequest&, Connection& c) {
        c.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
        c.wait_for_end();
    });
    Running running({.arguments = {"scan", "--json", "--data", folder_.path("var"), "--list",
                                   source_file("practice/list.jsonl"), "--allow-target",
                                   slow.target("site.test"), "http://" + slow.target("site.test") + '/'},
                     .environment = {{"RUSHLIGHT_NET_DNS", dns_.setting()}}});
    while (slow.requests().empty()) std::this_thread::yield();
    const auto start = std::chrono::steady_clock::now();
    running.signal(SIGINT);
    const Ran ran = running.wait();
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
    EXPECT_EQ(ran.status, 1);
    EXPECT_EQ(ran.lines().back()["summary"]["stopped"], true);
    EXPECT_EQ(ran.lines().back()["summary"]["items"], 0) << "it is left for the next time";
}

}  // namespace
}  // namespace rushlight::app::testing
