// People over the API: what they can renew themselves, and how one is forgotten.

#include "app/testing/served.h"

#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace rushlight::app::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::string kPassword = "the rush is dipped in fat";  // of Served::set_up

// What an authenticator shows (RFC 6238).
std::string code_of(const std::string& base32) {
    const std::string_view digits = "abcdefghijklmnopqrstuvwxyz234567";
    std::string key;
    std::uint32_t bits = 0;
    int held = 0;
    for (const char c : base32) {
        bits = (bits << 5) | static_cast<std::uint32_t>(digits.find(c));
        held += 5;
        if (held >= 8) key += static_cast<char>(bits >> (held -= 8));
    }
    auto step = static_cast<std::uint64_t>(std::time(nullptr)) / 30;
    std::array<unsigned char, 8> message{};
    for (auto it = message.rbegin(); it != message.rend(); ++it, step >>= 8)
        *it = static_cast<unsigned char>(step);
    std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
    unsigned size = 0;
    ::HMAC(EVP_sha1(), key.data(), static_cast<int>(key.size()), message.data(), message.size(), mac.data(),
           &size);
    const std::size_t at = mac.at(size - 1) & 0xF;
    const std::uint32_t number = ((mac.at(at) & 0x7FU) << 24) | (std::uint32_t{mac.at(at + 1)} << 16) |
                                 (std::uint32_t{mac.at(at + 2)} << 8) | mac.at(at + 3);
    const std::string text = std::to_string(number % 1'000'000);
    return std::string(6 - text.size(), '0') + text;
}

class PeopleTest : public ::testing::Test {
  protected:
    Answer sign_in(const std::string& email, const std::string& password,
                   const std::string& code = {}) const {
        return server_.ask("POST", "/api/v1/session", {},
                           json{{"email", email}, {"password", password}, {"code", code}});
    }

    Folder folder_;
    Served server_{folder_.path("var")};
    Headers admin_ = server_.set_up();
};

TEST_F(PeopleTest, NewRecoveryCodesTakeThePlaceOfTheOldOnes) {
    const auto renew = [&](const std::string& password) {
        return server_.ask("POST", "/api/v1/me/recovery-codes", admin_, json{{"password", password}});
    };
    EXPECT_EQ(renew(kPassword).status, 409) << "there is no second factor";
    const std::string secret = server_.ask("POST", "/api/v1/me/totp", admin_, json::object()).body["secret"];
    const Answer on = server_.ask("POST", "/api/v1/me/totp/confirm", admin_, json{{"code", code_of(secret)}});
    ASSERT_EQ(on.status, 200) << on.text;
    const std::vector<std::string> old = on.body["recovery_codes"];

    EXPECT_EQ(renew("not this one").status, 422) << "an open browser alone must not get them";
    const Answer renewed = renew(kPassword);
    ASSERT_EQ(renewed.status, 200) << renewed.text;
    const std::vector<std::string> fresh = renewed.body["recovery_codes"];
    EXPECT_EQ(fresh.size(), 10u);
    EXPECT_THAT(fresh, Not(::testing::Contains(old.front())));
    EXPECT_EQ(sign_in("first@example.org", kPassword, old.front()).status, 401);
    EXPECT_EQ(sign_in("first@example.org", kPassword, fresh.front()).status, 201);
    EXPECT_THAT(server_.ask("GET", "/api/v1/audit?what=account", admin_).text,
                HasSubstr("account.recovery_codes_made"));
}

TEST_F(PeopleTest, WhoeverIsErasedIsForgottenAndTheLogStaysWhole) {
    const Answer made = server_.ask(
        "POST", "/api/v1/accounts", admin_,
        json{{"email", "vera@example.org"}, {"roles", {"analyst"}}, {"password", "a lamp of rush and fat"}});
    ASSERT_EQ(made.status, 201) << made.text;
    const Headers vera = server_.sign_in("vera@example.org", "a lamp of rush and fat");
    const std::string place = "/api/v1/accounts/" + made.body["id"].get<std::string>();
    EXPECT_EQ(server_.ask("DELETE", place, vera).status, 403);
    ASSERT_EQ(server_.ask("DELETE", place, admin_).status, 204);
    EXPECT_EQ(server_.ask("GET", "/api/v1/me", vera).status, 401) << "their session is over";
    EXPECT_EQ(sign_in("vera@example.org", "a lamp of rush and fat").status, 401);
    for (const char* page : {"/api/v1/accounts", "/api/v1/names", "/api/v1/audit"})
        EXPECT_THAT(server_.ask("GET", page, admin_).text, Not(HasSubstr("vera"))) << page;
    EXPECT_THAT(server_.ask("GET", "/api/v1/audit", admin_).text, HasSubstr("account.erased"));
    EXPECT_EQ(server_.ask("POST", "/api/v1/audit/verify", admin_).body["ok"], true);
    EXPECT_EQ(server_.ask("DELETE", place, admin_).status, 404);
    // Somebody has to look after the rest.
    const std::string own = server_.ask("GET", "/api/v1/me", admin_).body["id"];
    EXPECT_EQ(server_.ask("DELETE", "/api/v1/accounts/" + own, admin_).status, 409);
}

TEST_F(PeopleTest, AnotherSitesPageSignsNobodyIn) {
    const std::string body = json{{"email", "first@example.org"}, {"password", kPassword}}.dump();
    const auto post = [&](Headers headers) {
        return server_.ask("POST", "/api/v1/session", headers, body).status;
    };
    EXPECT_EQ(post({{"Content-Type", "text/plain"}}), 415) << "what a form can send";
    EXPECT_EQ(post({}), 415);
    const std::string json_type = "application/json; charset=utf-8";
    EXPECT_EQ(post({{"Content-Type", json_type}, {"Origin", "https://evil.example"}}), 403);
    EXPECT_EQ(post({{"Content-Type", json_type}, {"Origin", "null"}}), 403);
    EXPECT_EQ(post({{"Content-Type", json_type}, {"Sec-Fetch-Site", "cross-site"}}), 403);
    EXPECT_EQ(post({{"Content-Type", json_type}, {"Origin", "http://127.0.0.1:8080"}}), 201);
    EXPECT_EQ(post({{"Content-Type", json_type},
                    {"Origin", "https://check.example"},
                    {"Sec-Fetch-Site", "same-origin"}}),
              201)
        << "behind a proxy that hands no Host on";
    // A name that was led to this machine is not this machine.
    EXPECT_EQ(server_.ask("GET", "/metrics").status, 200);
    EXPECT_EQ(server_.ask("GET", "/metrics", {{"Host", "localhost:8080"}}).status, 200);
    EXPECT_EQ(server_.ask("GET", "/metrics", {{"Host", "evil.example"}}).status, 401);
}

// Everything that lies in a folder, put together.
std::string all_bytes_in(const std::string& folder) {
    std::string all;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
        if (!entry.is_regular_file()) continue;
        std::ifstream file(entry.path(), std::ios::binary);
        all.append(std::istreambuf_iterator<char>(file), {});
    }
    return all;
}

TEST_F(PeopleTest, ASecretThatIsShownOnceLiesNowhereInTheClear) {
    const auto once = [&](const std::string& path, const json& body, const std::string& key) {
        Headers headers = admin_;
        headers["Idempotency-Key"] = key;
        const Answer first = server_.ask("POST", path, headers, body);
        EXPECT_EQ(first.status, 201) << first.text;
        const Answer again = server_.ask("POST", path, headers, body);
        EXPECT_EQ(again.body, first.body);
        EXPECT_EQ(again.header("Idempotency-Replayed"), "true");
        return first.body;
    };
    const std::string key =
        once("/api/v1/keys", json{{"name", "uploads"}, {"scopes", {"check"}}}, "a")["key"];
    const std::string hook = once("/api/v1/webhooks", json{{"url", "https://a.example/"}}, "b")["secret"];
    const std::string token = once(
        "/api/v1/accounts", json{{"email", "vera@example.org"}, {"roles", {"viewer"}}}, "c")["reset_token"];
    const std::string stored = all_bytes_in(folder_.path("var"));
    ASSERT_NE(stored.find("server_idempotency"), std::string::npos) << "this is where it would lie";
    for (const std::string& secret : {key.substr(key.rfind('_') + 1), hook, token})
        EXPECT_EQ(stored.find(secret), std::string::npos) << secret;
}

TEST_F(PeopleTest, ALongAnswerIsKeptForItsIdempotencyKeyToo) {
    json asked{{"hashes", json::array()}};
    for (int i = 0; i < 3'000; ++i) asked["hashes"].push_back("0123456789abcdef0123456789abcdef");
    Headers key = server_.key(admin_, {"check"});
    key["Idempotency-Key"] = "batch 7";
    const Answer first = server_.ask("POST", "/api/v1/check/hash", key, asked);
    ASSERT_EQ(first.status, 200);
    ASSERT_GT(first.text.size(), 128u << 10);
    const Answer again = server_.ask("POST", "/api/v1/check/hash", key, asked);
    EXPECT_EQ(again.text, first.text);
    EXPECT_EQ(again.header("Idempotency-Replayed"), "true");
}

}  // namespace
}  // namespace rushlight::app::testing
