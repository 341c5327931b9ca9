// The console's files: the right form for each client, kept as long as they may be.
#include "http/static_files.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rushlight::http {
namespace {

namespace fs = std::filesystem;

class StaticFilesTest : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string name = (fs::temp_directory_path() / "rushlight_static_XXXXXX").string();
        ASSERT_NE(mkdtemp(name.data()), nullptr);
        folder = name;
        write("index.html", "<!doctype html> a page that is longer than its packed forms");
        write("assets/app-1a2b.js", "console.log('some script that is longer than its packed forms')");
        write("assets/app-1a2b.js.gz", "packed by gzip");
        write("assets/app-1a2b.js.br", "br packed");
        write("data.tar.gz", "an archive by itself");
        files = *StaticFiles::load({.folder = folder.string()});
    }
    void TearDown() override { fs::remove_all(folder); }

    void write(const std::string& path, const std::string& text) {
        fs::create_directories((folder / path).parent_path());
        std::ofstream(folder / path) << text;
    }
    std::optional<Response> ask(std::string_view path, std::vector<Header> headers = {}) {
        RequestHead head;
        head.path = path;
        head.headers = std::move(headers);
        return files.answer(head);
    }
    static std::string header(const Response& response, std::string_view name) {
        for (const auto& [key, value] : response.headers)
            if (key == name) return value;
        return {};
    }

    fs::path folder;
    StaticFiles files;
};

TEST_F(StaticFilesTest, GivesTheSmallestFormThatTheClientTakes) {
    const auto packed = [&](std::string_view accept) {
        const auto response = ask("/assets/app-1a2b.js", {{"accept-encoding", accept}});
        return header(*response, "Content-Encoding");
    };
    EXPECT_EQ(packed("gzip, deflate, br"), "br");
    EXPECT_EQ(packed("gzip"), "gzip");
    EXPECT_EQ(packed("br;q=0.5, gzip;q=1.0"), "gzip");
    EXPECT_EQ(packed("br;q=0, gzip;q=0"), "");
    EXPECT_EQ(packed("br;q=0, *"), "gzip");
    EXPECT_EQ(packed("identity"), "");
    EXPECT_EQ(packed(""), "");
    EXPECT_EQ(packed("br;q=junk"), "");
    const auto response = ask("/assets/app-1a2b.js", {{"Accept-Encoding", "br"}});
    EXPECT_EQ(*response->shared, "br packed");
    EXPECT_EQ(header(*response, "Content-Type"), "text/javascript; charset=utf-8");
    EXPECT_EQ(header(*response, "Vary"), "Accept-Encoding");
    EXPECT_EQ(header(*response, "Cache-Control"), "public, max-age=31536000, immutable");
}

TEST_F(StaticFilesTest, AnswersUnchangedWithoutTheBytes) {
    const auto first = ask("/index.html");
    EXPECT_EQ(first->status, 200);
    EXPECT_EQ(header(*first, "Cache-Control"), "no-cache");
    const auto tag = header(*first, "ETag");
    EXPECT_EQ(ask("/index.html", {{"If-None-Match", tag}})->status, 304);
    EXPECT_EQ(ask("/index.html", {{"If-None-Match", "\"other\", W/" + tag}})->status, 304);
    EXPECT_EQ(ask("/index.html", {{"If-None-Match", "*"}})->status, 304);
    EXPECT_EQ(ask("/index.html", {{"If-None-Match", "\"other\""}})->status, 200);
    EXPECT_EQ(ask("/index.html", {{"If-None-Match", tag}})->shared, nullptr);
    // A tag belongs to one form.
    const auto gzip = header(*ask("/assets/app-1a2b.js", {{"Accept-Encoding", "gzip"}}), "ETag");
    EXPECT_EQ(ask("/assets/app-1a2b.js", {{"Accept-Encoding", "br"}, {"If-None-Match", gzip}})->status, 200);
}

TEST_F(StaticFilesTest, KnowsNoOtherPaths) {
    for (const auto* path : {"/", "/nothing", "/../etc/passwd", "/assets/../index.html", "/assets/",
                             "/assets/app-1a2b.js.gz", "index.html", "/%2e%2e/index.html", "/data.tar"})
        EXPECT_FALSE(ask(path)) << path;
    EXPECT_EQ(*ask("/data.tar.gz")->shared, "an archive by itself");
    EXPECT_EQ(files.size(), 3u);
}

TEST_F(StaticFilesTest, SaysWhyAFolderCannotBeLoaded) {
    EXPECT_EQ(StaticFiles::load({.folder = (folder / "none").string()}).error().code, ErrorCode::not_found);
    EXPECT_EQ(StaticFiles::load({.folder = folder.string(), .total_bytes = 20}).error().code,
              ErrorCode::limit);
}

}  // namespace
}  // namespace rushlight::http
