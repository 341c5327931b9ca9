#include "check/context.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace rushlight::check {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

TEST(Context, KeepsWhatAReportWillNeed) {
    const json sent = json::parse(R"({"ref":"upload 7","place":"https://p.example/7","account":"u1",
        "ip":"2001:db8::1","port":443,"at":"2024-05-01T12:00:00+02:00","filename":"ein Bild.jpg"})");
    const auto context = parse_context(sent);
    ASSERT_TRUE(context) << context.error().message;
    EXPECT_EQ(json(to_json(*context)), sent);
    EXPECT_FALSE(context->empty());
    EXPECT_TRUE(parse_context(json::object())->empty());
    EXPECT_TRUE(parse_context(json::parse(R"({"ip":null})"))->empty());
}

TEST(Context, SaysWhatIsWrong) {
    const auto refusal = [](const char* text) {
        const auto context = parse_context(json::parse(text));
        return context ? "it was taken" : context.error().message;
    };
    EXPECT_THAT(refusal("[]"), HasSubstr("object"));
    EXPECT_THAT(refusal(R"({"ip":"1.2.3"})"), HasSubstr("ip"));
    EXPECT_THAT(refusal(R"({"ip":"0x7f.1"})"), HasSubstr("ip"));
    EXPECT_THAT(refusal(R"({"at":"yesterday"})"), HasSubstr("RFC 3339"));
    EXPECT_THAT(refusal(R"({"port":0})"), HasSubstr("port"));
    EXPECT_THAT(refusal(R"({"port":"80"})"), HasSubstr("port"));
    EXPECT_THAT(refusal(R"({"user":"x"})"), HasSubstr("user"));
    EXPECT_THAT(refusal(R"({"ref":"a\u0000b"})"), HasSubstr("NUL"));
    EXPECT_THAT(refusal(("{\"ref\":\"" + std::string(5000, 'x') + "\"}").c_str()), HasSubstr("4096"));
}

}  // namespace
}  // namespace rushlight::check
