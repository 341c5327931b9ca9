#include "archive/unpack/http_body.h"

#include "archive/unpack/samples.h"

#include <algorithm>
#include <cstring>

#include <brotli/encode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zstd.h>

namespace rushlight::archive::unpack {
namespace {

using namespace samples;

// A stream of a text that arrives in pieces of a given size, whatever is asked for beyond them.
class PieceStream final : public BufferedStream {
  public:
    PieceStream(std::string_view text, std::size_t piece)
        : BufferedStream(128 * 1024), text_(text), piece_(piece) {}

  protected:
    std::size_t read(std::span<std::byte> out) override {
        const std::size_t n = std::min({piece_, text_.size(), out.size()});
        std::memcpy(out.data(), text_.data(), n);
        text_.remove_prefix(n);
        return n;
    }

  private:
    std::string_view text_;
    std::size_t piece_;
};

struct Read {
    std::string text;
    std::optional<Problem> problem;
};

Read read_body(std::string_view response, std::size_t piece = 1 << 16, std::uint64_t most = kUnlimited) {
    Meter meter(plenty());
    PieceStream block(response, piece);
    const auto body = open_body(block, response.size(), meter, most);
    Read out{"", body.problem};
    if (!body.readable) return out;
    Stream& stream = body.layers.empty() ? static_cast<Stream&>(block) : *body.layers.back();
    for (Bytes view = stream.peek(1); !view.empty(); view = stream.peek(1)) {
        out.text += text_of(view);
        stream.consume(view.size());
    }
    if (stream.problem()) out.problem = stream.problem();
    return out;
}

std::string brotli(std::string_view text) {
    std::string out(::BrotliEncoderMaxCompressedSize(text.size()) + 16, '\0');
    std::size_t size = out.size();
    ::BrotliEncoderCompress(5, 22, BROTLI_MODE_GENERIC, text.size(),
                            reinterpret_cast<const std::uint8_t*>(text.data()), &size,
                            reinterpret_cast<std::uint8_t*>(out.data()));
    out.resize(size);
    return out;
}

std::string zstd(std::string_view text) {
    std::string out(::ZSTD_compressBound(text.size()), '\0');
    out.resize(::ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
    return out;
}

std::string encode(std::string_view coding, std::string_view text) {
    if (coding == "gzip" || coding == "x-gzip") return gzip(text);
    if (coding == "deflate") return zlib(text);
    if (coding == "raw deflate") return raw_deflate(text);
    if (coding == "br") return brotli(text);
    if (coding == "zstd") return zstd(text);
    return std::string(text);
}

const std::string kText = [] {
    std::string text;
    for (int i = 0; i < 5000; ++i) text += "line " + std::to_string(i * 7919 % 10007) + "\n";
    return text;
}();

TEST(HttpBody, UndoesEveryCodingInPiecesOfAnySize) {
    for (const std::string coding :
         {"gzip", "x-gzip", "deflate", "raw deflate", "br", "zstd", "identity", "none"}) {
        const auto field = "Content-Encoding: " + (coding == "raw deflate" ? "deflate" : coding) + "\r\n";
        const auto coded = encode(coding, kText);
        for (const std::size_t piece :
             {std::size_t{1}, std::size_t{7}, std::size_t{1000}, std::size_t{1} << 16}) {
            const auto plain = read_body(http(coded, field), piece);
            EXPECT_EQ(plain.text, kText) << coding << " in pieces of " << piece;
            EXPECT_FALSE(plain.problem) << coding << ": " << plain.problem->message;
            for (const std::size_t chunk : {std::size_t{1}, std::size_t{333}, std::size_t{100'000}}) {
                const auto both =
                    read_body(http(chunked(coded, chunk), field + "Transfer-Encoding: chunked\r\n"), piece);
                EXPECT_EQ(both.text, kText) << coding << " in chunks of " << chunk;
                EXPECT_FALSE(both.problem) << coding << ": " << both.problem->message;
            }
        }
    }
}

TEST(HttpBody, UndoesStackedCodings) {
    const auto body = chunked(gzip(brotli(gzip("deep"))), 5);
    EXPECT_EQ(
        read_body(http(body, "Content-Encoding: gzip, br\r\nTransfer-Encoding: gzip, chunked\r\n")).text,
        "deep");
    const auto many = read_body(http("x", "Content-Encoding: gzip,gzip,gzip,gzip,gzip,gzip\r\n"));
    EXPECT_EQ(many.problem->reason, Reason::unsupported);
}

TEST(HttpBody, ABodyThatWasStoredUndoneIsLeftAlone) {
    for (const std::string field :
         {"Content-Encoding: gzip\r\n", "Content-Encoding: br\r\n", "Content-Encoding: zstd\r\n",
          "Content-Encoding: deflate\r\n", "Transfer-Encoding: chunked\r\n",
          "Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"}) {
        const auto read = read_body(http("\x89PNG\r\n\x1a\n plain bytes", field));
        EXPECT_EQ(read.text, "\x89PNG\r\n\x1a\n plain bytes") << field;
        EXPECT_FALSE(read.problem) << field;
    }
}

TEST(HttpBody, ReadsTheHeadsThatServersReallySend) {
    EXPECT_EQ(read_body("HTTP/1.0 404 Not Found\nContent-Type: text/html\n\nbody").text, "body");
    EXPECT_EQ(read_body("HTTP/1.1 200\r\n\r\nbody").text, "body");
    EXPECT_EQ(read_body("HTTP/2 200 OK\r\nno colon here\r\n\r\nbody").text, "body");
    EXPECT_EQ(read_body("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nbody").text, "body");
    EXPECT_EQ(read_body(http(chunked("body", 2), "TRANSFER-ENCODING:\r\n  Chunked\r\n")).text, "body");
    EXPECT_EQ(read_body(http(gzip("body"), "content-encoding : GZIP\r\n")).text, "body");
    EXPECT_EQ(
        read_body(http("4 ;name=\"v\"\r\nbody\r\n0\r\nTrailer: x\r\n\r\n", "Transfer-Encoding: chunked\r\n"))
            .text,
        "body");
    EXPECT_EQ(read_body(http("4\nbody\n0\n\n", "Transfer-Encoding: chunked\r\n")).text, "body");
}

TEST(HttpBody, SaysWhatIsWrongAndGivesWhatThereIs) {
    auto read = read_body("no head at all");
    EXPECT_EQ(read.text, "no head at all");
    EXPECT_EQ(read.problem->reason, Reason::corrupt);

    read = read_body(http("5\r\nfirst\r\nzz\r\n", "Transfer-Encoding: chunked\r\n"));
    EXPECT_EQ(read.text, "first");
    EXPECT_EQ(read.problem->reason, Reason::corrupt);

    read = read_body(http("3\r\nfirst\r\n0\r\n\r\n", "Transfer-Encoding: chunked\r\n"));
    EXPECT_EQ(read.text, "fir");
    EXPECT_EQ(read.problem->reason, Reason::corrupt);

    read = read_body(http("ff\r\nfirst", "Transfer-Encoding: chunked\r\n"));
    EXPECT_EQ(read.text, "first");
    EXPECT_EQ(read.problem->reason, Reason::truncated);

    read = read_body(http("fffffffffffffffffff\r\nfirst", "Transfer-Encoding: chunked\r\n"));
    EXPECT_EQ(read.text, "fffffffffffffffffff\r\nfirst");

    read = read_body(http("short", "Content-Length: 100\r\n"));
    EXPECT_EQ(read.text, "short");
    EXPECT_EQ(read.problem->reason, Reason::truncated);

    for (const std::string coding : {"gzip", "deflate", "br", "zstd"}) {
        const auto coded = encode(coding, kText);
        read = read_body(http(coded.substr(0, coded.size() / 2), "Content-Encoding: " + coding + "\r\n"));
        EXPECT_TRUE(kText.starts_with(read.text)) << coding;
        ASSERT_TRUE(read.problem) << coding;
        EXPECT_EQ(read.problem->reason, Reason::truncated) << coding;
    }
    read = read_body(http("data", "Content-Encoding: compress\r\n"));
    EXPECT_EQ(read.problem->reason, Reason::unsupported);
    EXPECT_EQ(read.text, "");
}

TEST(HttpBody, AWrongChecksumIsSaidAfterTheBytes) {
    auto coded = gzip(kText);
    coded[coded.size() - 6] ^= 1;
    const auto read = read_body(http(coded, "Content-Encoding: gzip\r\n"));
    EXPECT_EQ(read.text, kText);
    EXPECT_EQ(read.problem->reason, Reason::corrupt);
}

TEST(HttpBody, StopsABomb) {
    const std::string zeros(30 << 20, '\0');
    for (const std::string coding : {"gzip", "deflate", "br", "zstd"}) {
        const auto read =
            read_body(http(encode(coding, zeros), "Content-Encoding: " + coding + "\r\n"), 1 << 16, 1 << 20);
        EXPECT_LE(read.text.size(), 1u << 20) << coding;
        ASSERT_TRUE(read.problem) << coding;
        EXPECT_EQ(read.problem->reason, Reason::bomb) << coding;
    }
}

TEST(HttpBody, AnyCutGivesAPrefix) {
    const std::string whole = http(chunked(gzip(kText.substr(0, 400)), 37),
                                   "Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n");
    const auto head = whole.find("\r\n\r\n") + 4;
    for (std::size_t size = head + 40; size < whole.size(); ++size) {
        const auto read = read_body(whole.substr(0, size), 11);
        EXPECT_TRUE(std::string_view(kText).starts_with(read.text)) << size;
    }
}

}  // namespace
}  // namespace rushlight::archive::unpack
