#include "archive/unpack/samples.h"

#include <algorithm>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rushlight::archive::unpack {
namespace {

using namespace samples;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string response(std::string_view uri, std::string_view body) {
    return record("response", uri, http(body));
}
std::string info() {
    return record("warcinfo", "", "software: test\r\n", {.content_type = "application/warc-fields"});
}

TEST(Warc, GivesResponsesAndResourcesWithTheirPlaceAndDate) {
    const auto warc =
        info() +
        record("request", "http://a/", "GET / HTTP/1.1\r\n\r\n", {.content_type = "application/http"}) +
        response("http://a/", "first") +
        record("metadata", "http://a/", "x: y\r\n", {.content_type = "application/warc-fields"}) +
        record("resource", "<http://b/>", "second",
               {.version = "WARC/1.1",
                .date = "2024-05-01T10:20:30.5Z",
                .more = "",
                .content_type = "image/png"}) +
        record("revisit", "http://a/", "HTTP/1.1 200 OK\r\n\r\n") +
        record("conversion", "http://c/", "third",
               {.version = "WARC/1.1", .date = "2024-05", .more = "", .content_type = "image/png"}) +
        record("response", "dns:c", "20240501\nc 1 IN A 1.2.3.4\n", {.content_type = "text/dns"}) +
        response("http://empty/", "");
    for (const auto& packed : {warc, gzip(warc), gzip(warc.substr(0, 900)) + gzip(warc.substr(900)),
                               pack({{"x", warc, ""}}, "raw", "zstd"), pack({{"x", warc, ""}}, "raw", "xz"),
                               pack({{"x", warc, ""}}, "raw", "bzip2")}) {
        const auto all = read_all(packed);
        EXPECT_FALSE(all.problem) << all.problem->message;
        ASSERT_THAT(all.names(), ElementsAre("http://a/", "http://b/", "http://c/", "dns:c"));
        EXPECT_EQ(all.members[0].text, "first");
        EXPECT_EQ(all.members[1].text, "second");
        EXPECT_EQ(all.members[2].text, "third");
        EXPECT_EQ(all.members[0].date->rfc3339(), "2024-05-01T10:20:30Z");
        EXPECT_EQ(all.members[1].date->rfc3339(), "2024-05-01T10:20:30.5Z");
        EXPECT_EQ(all.members[2].date->rfc3339(), "2024-05-01T00:00:00Z");
        for (const auto& member : all.members) EXPECT_FALSE(member.problem);
    }
}

TEST(Warc, ReadsLenientHeads) {
    const std::string folded =
        "WARC/0.18\nwarc-type:\n response\nWARC-TARGET-URI: http://a/\n b\ncontent-type: application/http\n"
        "content-length: 24\n\nHTTP/1.1 200 OK\n\nfolded!\n\n";
    const auto all = read_all(folded);
    ASSERT_THAT(all.names(), ElementsAre("http://a/ b"));
    EXPECT_EQ(all.members[0].text, "folded!");
    EXPECT_FALSE(all.members[0].date);
    EXPECT_FALSE(all.problem);
}

TEST(Warc, SaysWhatTheCrawlerLeftOut) {
    const auto all =
        read_all(record("response", "http://a/", http("half"), {.more = "WARC-Truncated: length\r\n"}) +
                 record("response", "http://b/", http("part 1"), {.more = "WARC-Segment-Number: 1\r\n"}) +
                 record("continuation", "http://b/", "part 2", {.more = "WARC-Segment-Number: 2\r\n"}) +
                 response("http://c/", "whole"));
    ASSERT_THAT(all.names(), ElementsAre("http://a/", "http://b/", "http://b/", "http://c/"));
    EXPECT_EQ(all.members[0].text, "half");
    EXPECT_EQ(all.members[0].problem->reason, Reason::truncated);
    EXPECT_THAT(all.members[0].problem->message, HasSubstr("length"));
    EXPECT_EQ(all.members[1].text, "part 1");
    EXPECT_EQ(all.members[1].problem->reason, Reason::unsupported);
    EXPECT_FALSE(all.members[2].text);
    EXPECT_EQ(all.members[2].problem->reason, Reason::unsupported);
    EXPECT_FALSE(all.members[3].problem);
}

TEST(Warc, GoesOnBehindABrokenRecord) {
    const auto good = response("http://good/", "good");
    auto no_length = good;
    no_length.replace(no_length.find("Content-Length"), 14, "Content-Lxngth");
    auto longer = good;
    longer.replace(longer.find("Content-Length: "), 16, "Content-Length: 1");  // swallows what follows
    const std::string garbage = "this is no record at all, WARC/1.0 neither\r\n";
    const std::string head_without_end = "WARC/1.0\r\n" + std::string(70'000, 'x');

    for (const auto& bad :
         {no_length, garbage, head_without_end + "\r\n\r\n", std::string("WARC/9.9\r\nA: b\r\n\r\n")}) {
        const auto all = read_all(good + bad + good + good);
        EXPECT_FALSE(all.problem) << all.problem->message;
        ASSERT_EQ(all.members.size(), 4u) << bad.substr(0, 60);
        EXPECT_EQ(all.members[0].text, "good");
        EXPECT_THAT(all.members[1].name, HasSubstr("record 2"));
        EXPECT_EQ(all.members[1].problem->reason, Reason::corrupt);
        EXPECT_EQ(all.members[2].text, "good");
        EXPECT_EQ(all.members[3].text, "good");
    }
    const auto all = read_all(longer + good + good + good + good + good);
    EXPECT_GE(all.members.size(), 3u);
    EXPECT_EQ(all.members.back().text, "good");
}

TEST(Warc, GoesOnBehindABrokenGzipMember) {
    const std::string noise = [] {
        std::mt19937 random(5);
        std::string out(5000, '\0');
        for (auto& c : out) c = static_cast<char>(random());
        return out;
    }();
    const auto a = gzip(response("http://a/", noise));
    const auto b = gzip(response("http://b/", noise));
    const auto c = gzip(response("http://c/", noise));
    for (std::size_t at = 0; at < b.size(); at += 13) {
        auto broken = b;
        broken[at] = static_cast<char>(broken[at] ^ 0x55);
        const auto all = read_all(a + broken + c);
        ASSERT_GE(all.members.size(), 2u) << at;
        EXPECT_EQ(all.members.front().name, "http://a/");
        EXPECT_EQ(all.members.front().text, noise);
        EXPECT_EQ(all.members.back().name, "http://c/") << at;
        EXPECT_EQ(all.members.back().text, noise) << at;
        EXPECT_FALSE(all.members.front().problem) << at;
        EXPECT_FALSE(all.members.back().problem) << at;
        // Nothing broken is passed over in silence, unless the byte is one that means nothing (a time in
        // gzip's head). Two lines where it grew longer than the record says.
        EXPECT_LE(all.members.size(), 4u);
        const bool told =
            std::any_of(all.members.begin(), all.members.end(), [](const auto& m) { return m.problem; });
        EXPECT_TRUE(told || at < 10) << at;
    }
    // A cut member in the middle, and rubbish between members.
    for (const auto& middle : {b.substr(0, b.size() / 2), std::string("rubbish")}) {
        const auto all = read_all(a + middle + c);
        EXPECT_EQ(all.members.front().name, "http://a/");
        EXPECT_EQ(all.members.back().name, "http://c/");
        EXPECT_FALSE(all.members.front().problem);
        EXPECT_TRUE(all.members[1].problem);
        EXPECT_FALSE(all.members.back().problem);
        EXPECT_FALSE(all.problem);
    }
}

TEST(Warc, CutAnywhereGivesAPrefix) {
    const std::vector<std::string> bodies = {"first body", gzip("second body"), chunked("third body", 4),
                                             "fourth"};
    const auto warc = info() + response("http://0/", bodies[0]) +
                      record("response", "http://1/", http(bodies[1], "Content-Encoding: gzip\r\n")) +
                      record("response", "http://2/", http(bodies[2], "Transfer-Encoding: chunked\r\n")) +
                      record("resource", "http://3/", bodies[3]);
    const std::vector<std::string> texts = {"first body", "second body", "third body", "fourth"};
    for (const auto& whole : {warc, gzip(warc)}) {
        for (std::size_t size = 0; size < whole.size(); ++size) {
            const auto all = read_all(whole.substr(0, size));
            if (all.names() == std::vector<std::string>{"data"})
                continue;  // too little to be known as a WARC
            for (std::size_t i = 0; i < all.members.size(); ++i) {
                ASSERT_LT(i, texts.size());
                EXPECT_EQ(all.members[i].name, "http://" + std::to_string(i) + "/");
                EXPECT_TRUE(all.members[i].problem || all.members[i].text == texts[i]) << size;
            }
            EXPECT_TRUE(all.problem || size > 0) << size;
        }
    }
}

TEST(Warc, APageThatIsABombDoesNotHideTheRest) {
    const auto bomb = record("response", "http://bomb/",
                             http(gzip(std::string(30 << 20, '\0')), "Content-Encoding: gzip\r\n"));
    Allowance limits = plenty();
    limits.work_bytes = 64 << 20;
    auto all = read_all(bomb + response("http://a/", "first"), limits);
    ASSERT_THAT(all.names(), ElementsAre("http://bomb/", "http://a/"));
    EXPECT_EQ(all.members[0].problem->reason, Reason::bomb);
    EXPECT_FALSE(all.members[0].text);
    EXPECT_EQ(all.members[1].text, "first");
    // But many of them are one.
    std::string many;
    for (int i = 0; i < 10; ++i) many += bomb;
    all = read_all(many, limits);
    EXPECT_EQ(all.problem->reason, Reason::bomb);
    EXPECT_LT(all.members.size(), 10u);
}

TEST(Warc, KeepsToTheLimits) {
    const auto warc = response("http://big/", std::string(1 << 20, 'x')) + response("http://small/", "small");
    Allowance limits = plenty();
    limits.member_bytes = 1000;
    auto all = read_all(warc, limits);
    ASSERT_THAT(all.names(), ElementsAre("http://big/", "http://small/"));
    EXPECT_EQ(all.members[0].problem->reason, Reason::too_large);
    EXPECT_EQ(all.members[1].text, "small");
    limits = plenty();
    limits.members = 1;
    all = read_all(warc, limits);
    EXPECT_EQ(all.members.size(), 1u);
    EXPECT_EQ(all.problem->reason, Reason::too_large);
    // A compressed WARC whose records nobody wants is a bomb too.
    limits = plenty();
    limits.work_bytes = 1 << 20;
    EXPECT_EQ(read_all(gzip(record("metadata", "x", std::string(5 << 20, ' '))), limits).problem->reason,
              Reason::bomb);
}

TEST(Warc, NamesAreBytes) {
    const auto all =
        read_all(response("http://\xff\x01/../../x", "a") + response(std::string(20'000, 'u'), "b"));
    ASSERT_EQ(all.members.size(), 2u);
    EXPECT_EQ(all.members[0].name, "http://\xff\x01/../../x");
    EXPECT_EQ(all.members[1].name.size(), 20'000u);  // cut when it leaves the child
}

// Against a plain model: what a random writer put in is what comes out.
TEST(Warc, GivesExactlyWhatAnyWriterPutIn) {
    std::mt19937 random(20240501);
    const auto below = [&](std::size_t n) {
        return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
    };
    const auto bytes = [&](std::size_t size) {
        std::string out(size, '\0');
        for (auto& c : out) c = static_cast<char>(below(3) == 0 ? random() : 'a');
        return out;
    };
    for (int round = 0; round < 60; ++round) {
        std::vector<std::pair<std::string, std::string>> model;
        std::string whole;
        const int packing = static_cast<int>(below(4));  // plain, member a record, one member, split anywhere
        for (std::size_t i = 0, n = 1 + below(20); i < n; ++i) {
            const auto uri = "http://site/" + std::to_string(i);
            const auto body = bytes(1 + (below(10) == 0 ? below(400'000) : below(3000)));
            std::string text;
            switch (below(6)) {
                case 0:
                    text = record("request", uri, "GET / HTTP/1.1\r\n\r\n");
                    break;
                case 1:
                    text = record("resource", uri, body, {.content_type = "image/png"});
                    model.emplace_back(uri, body);
                    break;
                case 2:
                    text = record("response", uri,
                                  http(chunked(body, 1 + below(5000), below(2) != 0 ? "" : "A: b\r\n"),
                                       "Transfer-Encoding: chunked\r\n"));
                    model.emplace_back(uri, body);
                    break;
                case 3:
                    text = record("response", uri,
                                  http(chunked(gzip(body), 1 + below(900)),
                                       "Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"));
                    model.emplace_back(uri, body);
                    break;
                case 4:
                    text = record("response", uri, http(raw_deflate(body), "Content-Encoding: deflate\r\n"));
                    model.emplace_back(uri, body);
                    break;
                default:
                    text = response(uri, body);
                    model.emplace_back(uri, body);
            }
            whole += packing == 1 ? gzip(text) : text;
        }
        if (packing == 2) whole = gzip(whole);
        if (packing == 3) {
            std::string split;
            for (std::size_t at = 0; at < whole.size();) {
                const auto part =
                    std::min(whole.size() - at, at == 0 ? 50 + below(5000) : 1 + below(100'000));
                split += gzip(std::string_view(whole).substr(at, part), static_cast<int>(below(10)));
                at += part;
            }
            whole = split;
        }
        const auto all = read_all(whole);
        ASSERT_FALSE(all.problem) << all.problem->message;
        ASSERT_EQ(all.members.size(), model.size()) << "round " << round;
        for (std::size_t i = 0; i < model.size(); ++i) {
            EXPECT_EQ(all.members[i].name, model[i].first);
            EXPECT_TRUE(all.members[i].text == model[i].second) << "round " << round << " member " << i;
            EXPECT_FALSE(all.members[i].problem);
        }
    }
}

}  // namespace
}  // namespace rushlight::archive::unpack
