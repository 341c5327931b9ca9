#include "message/signature.h"

#include "message/retry_after.h"

#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rushlight::message {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

constexpr std::string_view kSecret = "rls_0123456789abcdefghjkmnpqrs";
constexpr std::string_view kBody =
    R"({"id":"evt_0000000000000000000000000a","type":"check.done","at":"2026-01-01T00:00:00Z","data":{"check":"c1"}})";
const Time kNow = *Time::parse("2026-01-01T00:00:00Z");

std::string sign_one(std::string_view body, Time now = kNow) {
    const std::string secrets[] = {std::string(kSecret)};
    return sign(body, secrets, now);
}

// The expected value is of another program.
TEST(Signature, IsHmacSha256OfTimePointBody) {
    const std::string secrets[] = {"Jefe"};
    // printf %s '1767225600.what do ya want for nothing?' | openssl dgst -sha256 -hmac Jefe
    EXPECT_EQ(sign("what do ya want for nothing?", secrets, kNow),
              "t=1767225600,v1=8bf4bab82972f519c62eab705abd744e0bc4e8a7e292de99189f49e03834693a");
}

TEST(Signature, IsTheWorkedExampleOfTheDocument) {
    std::ifstream file(std::string(RUSHLIGHT_SOURCE_DIR) + "/docs/formats/webhook.md");
    std::stringstream text;
    text << file.rdbuf();
    EXPECT_THAT(text.str(), HasSubstr(std::string(kSecret)));
    EXPECT_THAT(text.str(), HasSubstr(std::string(kBody)));
    EXPECT_THAT(text.str(), HasSubstr("Rushlight-Signature: " + sign_one(kBody)));
}

TEST(Signature, VerifiesWhatWasSignedAndNothingElse) {
    const std::string signature = sign_one(kBody);
    EXPECT_TRUE(verify(signature, kBody, kSecret, kNow));
    EXPECT_TRUE(verify(signature, kBody, kSecret, kNow + 300s));
    EXPECT_TRUE(verify(signature, kBody, kSecret, kNow + -300s));
    const auto code = [&](std::string_view header, std::string_view body, std::string_view secret, Time now) {
        const auto status = verify(header, body, secret, now);
        return status ? std::string("verified") : std::to_string(static_cast<int>(status.error().code));
    };
    const std::string denied = std::to_string(static_cast<int>(ErrorCode::denied));
    EXPECT_EQ(code(signature, std::string(kBody) + " ", kSecret, kNow), denied);
    EXPECT_EQ(code(signature, kBody, "rls_another", kNow), denied);
    EXPECT_EQ(code(signature, kBody, "", kNow), denied);
    EXPECT_EQ(code(signature, kBody, kSecret, kNow + 301s), denied);
    EXPECT_EQ(code(signature, kBody, kSecret, kNow + -301s), denied);
    std::string later = signature;  // another time in the same signature
    later.replace(later.find("1767225600"), 10, "1767225700");
    EXPECT_EQ(code(later, kBody, kSecret, kNow), denied);
    // No secret at all signs nothing.
    EXPECT_EQ(code("t=1767225600,v1=" + sign({}, {}, kNow), kBody, "", kNow), "0");
}

TEST(Signature, VerifiesWithEitherSecretWhileThereAreTwo) {
    const std::string secrets[] = {"rls_new", "rls_old"};
    const std::string signature = sign(kBody, secrets, kNow);
    EXPECT_TRUE(verify(signature, kBody, "rls_new", kNow));
    EXPECT_TRUE(verify(signature, kBody, "rls_old", kNow));
    EXPECT_FALSE(verify(signature, kBody, "rls_older", kNow));
}

TEST(Signature, PassesOverNamesThatItDoesNotKnow) {
    EXPECT_TRUE(verify("v0=zz, " + sign_one(kBody) + ",v2=later", kBody, kSecret, kNow));
}

TEST(Signature, RefusesHeadersThatAreNone) {
    const std::string mac(64, 'a');
    std::string many = "t=1";
    for (int i = 0; i < 9; ++i) many += ",v1=" + mac;
    for (const std::string& header :
         {std::string(), std::string("t=1767225600"), "v1=" + mac, "t=,v1=" + mac, "t=-1,v1=" + mac,
          "t=1,t=2,v1=" + mac, std::string("t=1,v1=12"), "t=1,v1=" + std::string(64, 'g'),
          "t=99999999999999999999,v1=" + mac, "t=1767225600v1=" + mac, many,
          "t=1,v1=" + mac + std::string(2'000, ',')}) {
        const auto status = verify(header, kBody, kSecret, kNow);
        ASSERT_FALSE(status) << header;
        EXPECT_EQ(status.error().code, ErrorCode::invalid) << header;
    }
}

TEST(RetryAfter, TakesSecondsAndDates) {
    EXPECT_EQ(retry_after("120", kNow), kNow + 120s);
    EXPECT_EQ(retry_after(" 0 ", kNow), kNow);
    EXPECT_EQ(retry_after("999999999999999999999", kNow), kNow + 24h);
    EXPECT_EQ(retry_after("Thu, 01 Jan 2026 00:10:00 GMT", kNow), kNow + 10min);
    EXPECT_EQ(retry_after("Sun, 06 Nov 1994 08:49:37 GMT", kNow), kNow);
    EXPECT_EQ(retry_after("Sun, 06 Nov 2044 08:49:37 GMT", kNow), kNow + 24h);
    for (const char* none : {"", "soon", "-5", "1.5", "0x10", "Thu, 01 Xxx 2026 00:10:00 GMT",
                             "Thu, 41 Jan 2026 00:10:00 GMT", "Thu, 01 Jan 2026 00:10:00 CET"})
        EXPECT_FALSE(retry_after(none, kNow)) << none;
}

}  // namespace
}  // namespace rushlight::message
