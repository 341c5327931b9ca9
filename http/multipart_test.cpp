// Forms: what browsers and curl send, any cutting of it, and what is wrong with the others.
#include "http/multipart.h"

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rushlight::http {
namespace {

using ::testing::HasSubstr;

// Remembers everything as text, so that two readings can be compared.
class Collected final : public FormSink {
  public:
    Status begin(const PartHead& part) override {
        text += "<" + part.name + "|" + part.filename.value_or("-") + "|" + part.content_type + ">";
        return {};
    }
    Status take(Bytes piece) override {
        text += text_of(piece);
        return {};
    }
    Status end() override {
        text += "</>";
        return {};
    }
    std::string text;
};

constexpr std::string_view kType = "multipart/form-data; boundary=XyZ";

// What came of it: the parts, or "!" and the reason.
std::string read(std::string_view body, const std::vector<std::size_t>& cuts = {},
                 std::string_view type = kType, MultipartLimits limits = {}) {
    Collected form;
    auto reader = MultipartReader::create(type, form, limits);
    if (!reader) return "!" + reader.error().message;
    std::size_t from = 0;
    for (const auto cut : cuts) {
        if (auto taken = (*reader)->take(bytes_of(body.substr(from, cut - from))); !taken)
            return "!" + taken.error().message;
        from = cut;
    }
    if (auto taken = (*reader)->take(bytes_of(body.substr(from))); !taken) return "!" + taken.error().message;
    if (auto finished = (*reader)->finish(); !finished) return "!" + finished.error().message;
    return form.text;
}

std::string part(std::string_view disposition, std::string_view body, std::string_view more = {}) {
    return "--XyZ\r\nContent-Disposition: form-data; " + std::string(disposition) + "\r\n" +
           std::string(more) + "\r\n" + std::string(body) + "\r\n";
}

TEST(Multipart, ReadsWhatABrowserSends) {
    const std::string body =
        part("name=\"context\"", "{\"ref\":\"1\"}", "Content-Type: application/json\r\n") +
        part("name=\"file\"; filename=\"a b.jpg\"", std::string("\x00\r\n--Xy\xff", 9),
             "Content-Type: image/jpeg\r\n") +
        part("name=\"empty\"", "") + "--XyZ--\r\n";
    const std::string expected = "<context|-|application/json>{\"ref\":\"1\"}</><file|a b.jpg|image/jpeg>" +
                                 std::string("\x00\r\n--Xy\xff", 9) + "</><empty|-|text/plain></>";
    EXPECT_EQ(read(body), expected);
}

TEST(Multipart, ReadsNamesAsBrowsersAndCurlWriteThem) {
    EXPECT_EQ(read(part("name=\"a%22b\"", "1") + "--XyZ--"), "<a\"b|-|text/plain>1</>");
    EXPECT_EQ(read(part("name=\"f\"; filename=\"a\\\"b\\\\c.txt\"", "1") + "--XyZ--"),
              "<f|a\"b\\c.txt|text/plain>1</>");
    EXPECT_EQ(read(part("name=\"f\"; filename=\"C:\\dir\\x.txt\"", "1") + "--XyZ--"),
              "<f|C:\\dir\\x.txt|text/plain>1</>");
    EXPECT_EQ(read(part("name=f; filename=x", "1") + "--XyZ--"), "<f|x|text/plain>1</>");
    EXPECT_EQ(read(part("filename=\"x\"; name=\"f;=\"", "1") + "--XyZ--"), "<f;=|x|text/plain>1</>");
    EXPECT_EQ(read(part("name=\"caf\xe9\"", "1") + "--XyZ--"), "<caf\xef\xbf\xbd|-|text/plain>1</>");
}

TEST(Multipart, TakesTheBoundaryInEachSpelling) {
    const std::string body =
        "\r\n--a b\t\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1\r\n--a b--ignored";
    EXPECT_EQ(read(body, {}, "Multipart/Form-Data; charset=utf-8; Boundary=\"a b\""), "<x|-|text/plain>1</>");
    for (const auto* type :
         {"text/plain", "multipart/form-data",
          "multipart/form-data; boundary=", "multipart/mixed; boundary=x",
          "multipart/form-data; boundary=\"a", "multipart/form-data; boundary=\"a \"",
          "multipart/form-data; boundary=a; boundary=b", "multipart/form-data; boundary=\"a\nb\""})
        EXPECT_EQ(read("", {}, type).substr(0, 1), "!") << type;
    EXPECT_EQ(read("", {}, "multipart/form-data; boundary=" + std::string(71, 'x')).substr(0, 1), "!");
}

TEST(Multipart, SaysWhatIsWrong) {
    EXPECT_THAT(read(""), HasSubstr("does not begin"));
    EXPECT_THAT(read("preamble\r\n--XyZ--"), HasSubstr("does not begin"));
    EXPECT_THAT(read("--XyZ"), HasSubstr("part 0"));
    EXPECT_THAT(read("--XyZabc\r\n"), HasSubstr("behind the boundary"));
    EXPECT_THAT(read("--XyZ\r\n\r\nx\r\n--XyZ--"), HasSubstr("no Content-Disposition"));
    EXPECT_THAT(read(part("filename=\"x\"", "1") + "--XyZ--"), HasSubstr("part 1: it has no name"));
    EXPECT_THAT(read(part("name=\"a\"", "1") + part("name=\"b\"; name=\"c\"", "1")),
                HasSubstr("part 2: it has more than one name"));
    EXPECT_THAT(read(part("name=\"a", "1")), HasSubstr("not well-formed"));
    EXPECT_THAT(read("--XyZ\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\n"),
                HasSubstr("not form-data"));
    EXPECT_THAT(read(part("name=\"a\"", "1", "Content-Transfer-Encoding: base64\r\n")), HasSubstr("encoded"));
    EXPECT_THAT(read(part("name=\"a\"", "1", "Folded: x\r\n y\r\n")), HasSubstr("no header"));
    EXPECT_THAT(read(part("name=\"a\"", "1", "Bare: x\nGood: y\r\n")), HasSubstr("carriage return"));
    EXPECT_THAT(read(part("name=\"a\"", "1", "Bad : x\r\n")), HasSubstr("no header"));
    EXPECT_THAT(read(part("name=\"a\x01\"", "1")), HasSubstr("control character"));
    EXPECT_THAT(read(part("name=\"a\"", "1") + "--Xy"), HasSubstr("part 1: the form ends in the middle"));
}

TEST(Multipart, BoundsPartsAndHeads) {
    std::string body;
    for (int i = 0; i < 4; ++i) body += part("name=\"a\"", "1");
    EXPECT_THAT(read(body + "--XyZ--", {}, kType, {.parts = 4}), HasSubstr("</>"));
    EXPECT_THAT(read(body + part("name=\"a\"", "1") + "--XyZ--", {}, kType, {.parts = 4}),
                HasSubstr("more than 4 parts"));
    EXPECT_THAT(read(part("name=\"" + std::string(9000, 'a') + "\"", "1")), HasSubstr("longer than 8192"));
    EXPECT_THAT(read("--XyZ" + std::string(1000, ' ')), HasSubstr("behind the boundary"));
}

TEST(Multipart, HandsOnWhatTheFormRefuses) {
    class Refusing final : public FormSink {
        Status begin(const PartHead&) override { return {}; }
        Status take(Bytes) override { return fail(ErrorCode::limit, "that is enough"); }
        Status end() override { return {}; }
    } form;
    const auto reader = *MultipartReader::create(kType, form, {});
    const auto body = part("name=\"a\"", "1") + "--XyZ--";
    EXPECT_EQ(reader->take(bytes_of(body)).error().code, ErrorCode::limit);
    EXPECT_EQ(reader->finish().error().message, "that is enough");
}

// Any cutting gives the same parts, or the same refusal.
TEST(Multipart, DoesNotCareHowTheBodyIsCut) {
    std::mt19937 random(5);
    const auto below = [&](std::size_t n) {
        return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
    };
    // Fragments that look much like a boundary, and like heads.
    const std::vector<std::string> fragments{"\r",
                                             "\n",
                                             "-",
                                             "--",
                                             "\r\n--XyZ",
                                             "\r\n--Xy",
                                             "\r\n-",
                                             "--XyZ",
                                             "XyZ",
                                             "a",
                                             "\r\n",
                                             "\r\n\r\n",
                                             "Content-Disposition: form-data; name=\"q\"",
                                             " ",
                                             "\t"};
    for (int round = 0; round < 3000; ++round) {
        std::string body;
        if (below(10) > 0) {
            const auto parts = 1 + below(3);
            for (std::size_t i = 0; i < parts; ++i) {
                std::string content;
                for (std::size_t n = below(8); n > 0; --n) content += fragments[below(fragments.size() - 4)];
                body += part("name=\"f\"", content);
            }
            body += "--XyZ--";
        }
        if (below(3) == 0) body.insert(below(body.size() + 1), fragments[below(fragments.size())]);
        const std::string whole = read(body);
        for (int cutting = 0; cutting < 4; ++cutting) {
            std::vector<std::size_t> cuts;
            for (std::size_t at = 0; at < body.size();) {
                at = std::min(body.size(), at + (cutting == 0 ? 1 : below(12)));
                cuts.push_back(at);
            }
            ASSERT_EQ(read(body, cuts), whole) << "body: " << body;
        }
    }
}

}  // namespace
}  // namespace rushlight::http
