#include "media/protocol.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include <gtest/gtest.h>

namespace rushlight::media::protocol {
namespace {

Answer full_answer() {
    Answer answer;
    answer.format = Format::gif;
    answer.width = 640;
    answer.height = 480;
    answer.pdq = Pdq::parse(std::string(64, 'a'));
    answer.quality = 77;
    answer.dihedral.emplace();
    answer.dihedral->fill(*Pdq::parse(std::string(64, 'b')));
    answer.read = std::chrono::nanoseconds(1);
    answer.decode = std::chrono::nanoseconds(2);
    answer.filter = std::chrono::nanoseconds(3);
    answer.dct = std::chrono::nanoseconds(4);
    return answer;
}
Request with_dihedral() {
    Request request;
    request.dihedral = true;
    return request;
}
Frame frame(std::uint32_t number, double seconds) {
    return {.frame = number, .seconds = seconds, .pdq = *Pdq::parse(std::string(64, 'c')), .quality = 60};
}
ByteVector batch(std::vector<Frame> frames) { return encode(std::span<const Frame>(frames)); }

TEST(Protocol, CarriesARequest) {
    Request request = with_dihedral();
    request.max_pixels = 5;
    request.max_frames = 6;
    request.time_ms = 7;
    const auto parsed = parse_request(encode(request));
    ASSERT_TRUE(parsed);
    EXPECT_TRUE(parsed->dihedral);
    EXPECT_EQ(parsed->max_pixels, 5u);
    EXPECT_EQ(parsed->max_frames, 6u);
    EXPECT_EQ(parsed->time_ms, 7u);
    ByteVector longer = encode(request);
    longer.push_back(std::byte{0});
    EXPECT_FALSE(parse_request(longer));
}

TEST(Protocol, CarriesAnAnswer) {
    const auto parsed = parse_answer(encode(full_answer()), with_dihedral());
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->format, Format::gif);
    EXPECT_EQ(parsed->width, 640u);
    EXPECT_EQ(parsed->height, 480u);
    EXPECT_EQ(parsed->pdq, full_answer().pdq);
    EXPECT_EQ(parsed->quality, 77);
    EXPECT_EQ(parsed->dihedral, full_answer().dihedral);
    EXPECT_FALSE(parsed->problem);
    EXPECT_EQ(parsed->read.count() + 10 * parsed->decode.count() + 100 * parsed->filter.count() +
                  1000 * parsed->dct.count(),
              4321);
}

TEST(Protocol, CarriesEachReasonThatAChildMayGive) {
    for (const Reason reason : {Reason::truncated, Reason::unsupported, Reason::corrupt, Reason::too_large,
                                Reason::timeout, Reason::not_media}) {
        Answer answer;
        answer.problem = Problem{reason, "why"};
        const auto parsed = parse_answer(encode(answer), {});
        ASSERT_TRUE(parsed);
        EXPECT_EQ(parsed->problem, answer.problem);
    }
}

TEST(Protocol, MakesAMessagePrintableAndShort) {
    Answer answer;
    answer.problem = Problem{Reason::corrupt, "\x1b[31m" + std::string(1000, 'x')};
    const auto parsed = parse_answer(encode(answer), {});
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->problem->message.find('\x1b'), std::string::npos);
    EXPECT_LE(parsed->problem->message.size(), kMaxMessage * 8);
}

TEST(Protocol, RefusesAnAnswerCutAnywhereOrTooLong) {
    const ByteVector whole = encode(full_answer());
    for (std::size_t size = 0; size < whole.size(); ++size) {
        EXPECT_FALSE(parse_answer(Bytes(whole).first(size), with_dihedral())) << size;
    }
    ByteVector longer = whole;
    longer.push_back(std::byte{0});
    EXPECT_FALSE(parse_answer(longer, with_dihedral()));
}

TEST(Protocol, RefusesWhatLiesOutsideItsRange) {
    const auto with = [](std::size_t offset, std::uint32_t value) {
        ByteVector bytes = encode(full_answer());
        std::memcpy(bytes.data() + offset, &value, sizeof value);
        return parse_answer(bytes, with_dihedral());
    };
    EXPECT_TRUE(with(4, static_cast<std::uint32_t>(Format::png)));
    EXPECT_FALSE(with(4, kFormats)) << "no such format";
    EXPECT_FALSE(with(0, 0x17)) << "an unknown flag";
    EXPECT_FALSE(with(8, 0)) << "no width";
    EXPECT_FALSE(with(8, 300'000)) << "more pixels than asked for";
    EXPECT_FALSE(with(16, 101)) << "quality over 100";
    EXPECT_FALSE(parse_answer(encode(full_answer()), Request{})) << "hashes that nobody asked for";
}

TEST(Protocol, CarriesFrames) {
    std::vector<Frame> frames;
    ASSERT_TRUE(parse_frames(batch({frame(0, 0), frame(25, 1)}), {}, frames));
    ASSERT_TRUE(parse_frames(batch({frame(50, 2.5)}), {}, frames));
    ASSERT_EQ(frames.size(), 3u);
    EXPECT_EQ(frames[2].frame, 50u);
    EXPECT_EQ(frames[2].seconds, 2.5);
    EXPECT_EQ(frames[2].quality, 60);
    EXPECT_EQ(frames[2].pdq, frame(0, 0).pdq);
}

TEST(Protocol, RefusesFramesOutOfOrderOrRange) {
    const auto accepts = [](const ByteVector& bytes, Request request = {}) {
        std::vector<Frame> frames = {frame(10, 1)};
        return parse_frames(bytes, request, frames);
    };
    EXPECT_TRUE(accepts(batch({frame(11, 1)})));
    EXPECT_FALSE(accepts(batch({frame(10, 2)})));
    EXPECT_FALSE(accepts(batch({frame(11, 0.5)})));
    EXPECT_FALSE(accepts(batch({frame(11, std::numeric_limits<double>::quiet_NaN())})));
    EXPECT_FALSE(accepts(batch({frame(11, std::numeric_limits<double>::infinity())})));
    EXPECT_FALSE(accepts({}));
    ByteVector odd = batch({frame(11, 2)});
    odd.pop_back();
    EXPECT_FALSE(accepts(odd));

    std::vector<Frame> many;
    for (std::uint32_t i = 0; i < kMaxBatch; ++i) many.push_back(frame(20 + i, 20 + i));
    EXPECT_TRUE(accepts(batch(many)));
    Request few;
    few.max_frames = kMaxBatch;  // and one is there already
    EXPECT_FALSE(accepts(batch(many), few));
    few.max_frames = 0;
    EXPECT_FALSE(accepts(batch({frame(11, 2)}), few));
    many.push_back(frame(9999, 9999));
    EXPECT_FALSE(accepts(batch(many)));
}

TEST(Protocol, SurvivesAnyBytes) {
    std::minstd_rand random(1);
    for (int round = 0; round < 20'000; ++round) {
        ByteVector bytes = encode(full_answer());
        for (int flips = static_cast<int>(random() % 4); flips >= 0; --flips) {
            bytes[random() % bytes.size()] = static_cast<std::byte>(random() >> 8);
        }
        if (random() % 3 == 0) bytes.resize(random() % bytes.size());
        if (const auto answer = parse_answer(bytes, with_dihedral())) {
            EXPECT_LE(answer->quality, 100);
            EXPECT_EQ(answer->width.has_value(), answer->height.has_value());
            EXPECT_GE(answer->decode.count(), 0);
        }
    }
}

}  // namespace
}  // namespace rushlight::media::protocol
