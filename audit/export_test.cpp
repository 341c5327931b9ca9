// Exports: what comes out is proved, and any change of the file is found.

#include "audit/lines.h"
#include "audit/verify.h"
#include "base/fd.h"
#include "store/testing/place.h"

#include <algorithm>
#include <random>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace rushlight::audit {
namespace {

using ::testing::HasSubstr;

constexpr Time kNoon{1'800'000'000'000'000};

SigningKey key_of(int number) {
    std::array<std::byte, 32> seed{};
    seed[0] = static_cast<std::byte>(number);
    return SigningKey::from_seed(seed);
}

Verdict verify_text(std::string_view text, std::vector<PublicKey> keys = {}) {
    auto file = make_memory_file("export");
    EXPECT_TRUE(file);
    EXPECT_TRUE(write_all(file->get(), bytes_of(text), "memory"));
    ::lseek(file->get(), 0, SEEK_SET);
    const auto verdict = verify_export(file->get(), keys);
    EXPECT_TRUE(verdict) << verdict.error().message;
    return verdict.value_or(Verdict{});
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    for (std::size_t begin = 0; begin < text.size();) {
        const auto end = text.find('\n', begin);
        lines.push_back(text.substr(begin, end - begin + 1));
        begin = end + 1;
    }
    return lines;
}
std::string joined(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines) text += line;
    return text;
}

class Export : public ::testing::TestWithParam<store::testing::Kind> {
  protected:
    void add(int count) {
        const Status status = store_.write([&](store::Writer& writer) -> Status {
            for (int i = 0; i < count; ++i) {
                auto added = append(writer,
                                    {.who = "account:a1",
                                     .what = "list.imported",
                                     .on = {"list", "ö \"1\"\n" + std::to_string(i)},
                                     .detail = detail({{"entries", i}, {"format", "text"}})},
                                    kNoon + std::chrono::milliseconds(i));
                if (!added) return pass(added.error());
            }
            return {};
        });
        ASSERT_TRUE(status) << status.error().message;
    }
    std::string exported(std::int64_t first = 1) {
        std::string text;
        const auto done = export_to(
            store_,
            [&](std::string_view piece) -> Status {
                text += piece;
                return {};
            },
            kNoon, first);
        EXPECT_TRUE(done) << done.error().message;
        return text;
    }
    void checkpoint(int key = 1) {
        const auto made = make_checkpoint(store_, key_of(key), kNoon + std::chrono::hours(1));
        ASSERT_TRUE(made && made->has_value());
    }

    store::testing::Place place_{GetParam()};
    store::Store store_ = store::testing::open(place_, {schema()});
};
INSTANTIATE_TEST_SUITE_P(, Export, store::testing::both(), store::testing::name_of);

TEST_P(Export, WhatComesOutIsProved) {
    EXPECT_TRUE(verify_text(exported()).ok);
    add(2500);
    checkpoint();
    add(10);
    checkpoint();
    const std::string text = exported();
    const Verdict verdict = verify_text(text, {key_of(1).public_key()});
    EXPECT_TRUE(verdict.ok) << verdict.problem;
    EXPECT_EQ(verdict.entries, 2510);
    EXPECT_EQ(verdict.checkpoints, 2);
    EXPECT_EQ(verdict.covered, 2510);
    EXPECT_FALSE(verify_text(text, {key_of(2).public_key()}).ok);
    const auto lines = lines_of(text);
    EXPECT_EQ(lines.size(), 2514u);
    const Verdict rest = verify_text(exported(2501));
    EXPECT_TRUE(rest.ok) << rest.problem;
    EXPECT_EQ(rest.entries, 10);
    EXPECT_FALSE(export_to(store_, [](std::string_view) { return Status{}; }, kNoon, 2511));
}

TEST_P(Export, AnErrorOfWhoTakesItEndsIt) {
    add(5);
    const auto done =
        export_to(store_, [](std::string_view) -> Status { return fail(ErrorCode::io, "disk full"); }, kNoon);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().message, "disk full");
}

// Without a key and with one: a single byte changed anywhere, removed or added, is found.
TEST_P(Export, AnyChangedByteIsFound) {
    add(4);
    checkpoint();
    add(2);
    const std::string text = exported();
    ASSERT_TRUE(verify_text(text).ok);
    std::mt19937 random(7);
    for (std::size_t at = 0; at < text.size(); ++at) {
        std::string changed = text;
        do {
            changed[at] = static_cast<char>(random());
        } while (changed[at] == text[at]);
        ASSERT_FALSE(verify_text(changed).ok) << "byte " << at << " of\n" << text;
        changed = text;
        ASSERT_FALSE(verify_text(changed.erase(at, 1)).ok) << "without byte " << at;
        changed = text;
        ASSERT_FALSE(verify_text(changed.insert(at, 1, text[at] == ' ' ? '\t' : ' ')).ok) << "more at " << at;
        ASSERT_FALSE(verify_text(text.substr(0, at)).ok) << "cut at " << at;
    }
    EXPECT_FALSE(verify_text(text + "\n").ok);
    EXPECT_FALSE(verify_text(text + text).ok);
}

TEST_P(Export, AnyLineRemovedSwappedOrDoubledIsFoundAndNamed) {
    add(12);
    checkpoint();
    add(3);
    const auto lines = lines_of(exported());
    const auto number_of = [&](std::size_t line) {  // the entry that a line is, or that its checkpoint covers
        return static_cast<std::int64_t>(line <= 12 ? line : line - 1);
    };
    for (std::size_t a = 0; a < lines.size(); ++a) {
        auto without = lines;
        without.erase(without.begin() + static_cast<std::ptrdiff_t>(a));
        const Verdict verdict = verify_text(joined(without));
        EXPECT_FALSE(verdict.ok) << "without line " << a;
        const bool entry = a >= 1 && a <= 16 && a != 13;
        if (entry) {
            EXPECT_EQ(verdict.first_bad, number_of(a)) << verdict.problem;
        }
        auto doubled = lines;
        doubled.insert(doubled.begin() + static_cast<std::ptrdiff_t>(a), lines[a]);
        EXPECT_FALSE(verify_text(joined(doubled)).ok) << "twice line " << a;
        for (std::size_t b = a + 1; b < lines.size(); ++b) {
            auto swapped = lines;
            std::swap(swapped[a], swapped[b]);
            const Verdict other = verify_text(joined(swapped));
            EXPECT_FALSE(other.ok) << "lines " << a << " and " << b << " swapped";
            if (entry && b <= 16) {
                EXPECT_EQ(other.first_bad, number_of(a)) << other.problem;
            }
        }
    }
}

// Somebody who mends all that is not signed: the counts, the chain and the file's digest.
TEST_P(Export, AMendedFileDoesNotFitTheSignature) {
    add(6);
    checkpoint();
    const auto lines = lines_of(exported());
    std::vector<Line> parsed;
    for (const std::string& line : lines) {
        auto one = parse_line(std::string_view(line).substr(0, line.size() - 1));
        ASSERT_TRUE(one) << line;
        parsed.push_back(*one);
    }
    std::get<Checkpoint>(parsed[7]).at.micros += 1;
    std::string text;
    for (std::size_t i = 0; i + 1 < parsed.size(); ++i) text += line_of(parsed[i]) + '\n';
    const Verdict verdict = verify_text(text);
    EXPECT_FALSE(verdict.ok);
    EXPECT_EQ(verdict.first_bad, 6);
    EXPECT_THAT(verdict.problem, HasSubstr("signature"));
}

TEST_P(Export, AChangedEntryIsNamed) {
    add(9);
    auto lines = lines_of(exported());
    const auto at = lines[5].find("account:a1");
    lines[5][at] = 'A';
    const Verdict verdict = verify_text(joined(lines));
    EXPECT_EQ(verdict.first_bad, 5);
    EXPECT_EQ(verdict.entries, 4);
    EXPECT_THAT(verdict.problem, HasSubstr("entry 5"));
}

std::string read_source(const std::string& name) {
    const Fd file(::open((RUSHLIGHT_SOURCE_DIR "/" + name).c_str(), O_RDONLY | O_CLOEXEC));
    std::string text(1 << 16, '\0');
    const auto got = ::read(file.get(), text.data(), text.size());
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return text;
}

TEST_P(Export, TheDocumentsExampleIsWhatIsWritten) {
    ASSERT_TRUE(store_.write([&](store::Writer& writer) -> Status {
        auto one = append(writer,
                          {.who = "local:1000",
                           .what = "account.created",
                           .on = {"account", "a1"},
                           .detail = detail({{"roles", std::vector<std::string>{"admin"}}})},
                          kNoon);
        if (!one) return pass(one.error());
        return append(writer, {.who = "account:a1", .what = "list.created", .on = {"list", "partners"}},
                      kNoon + std::chrono::seconds(1))
            .map([](std::int64_t) {});
    }));
    std::array<std::byte, 32> seed{};
    seed[0] = std::byte{1};
    ASSERT_TRUE(make_checkpoint(store_, SigningKey::from_seed(seed), kNoon + std::chrono::seconds(2)));
    const std::string example = exported();
    EXPECT_TRUE(read_source("docs/formats/audit.md").find("```\n" + example + "```") != std::string::npos)
        << "docs/formats/audit.md should end with\n"
        << example;
    EXPECT_EQ(read_source("audit/corpus/export/example"), example);
}

TEST(ExportReader, SaysWhatIsNoExport) {
    EXPECT_THAT(verify_text("").problem, HasSubstr("empty"));
    EXPECT_THAT(verify_text("hello\n").problem, HasSubstr("line 1"));
    EXPECT_THAT(verify_text(std::string(1 << 20, 'x')).problem, HasSubstr("longer"));
    EXPECT_THAT(verify_text(std::string(100, '\0')).problem, HasSubstr("cut"));
    EXPECT_THAT(
        verify_text(
            "{\"rushlight_audit\":1,\"exported\":\"2026-01-01T00:00:00Z\",\"first\":9223372036854775807,"
            "\"entries\":9223372036854775807,\"checkpoints\":0}\n")
            .problem,
        HasSubstr("impossible"));
}

TEST(ExportReader, AFolderIsAnErrorOfReading) {
    const Fd folder(::open("/", O_RDONLY | O_CLOEXEC));
    const auto verdict = verify_export(folder.get(), {});
    ASSERT_FALSE(verdict);
    EXPECT_THAT(verdict.error().message, HasSubstr("cannot read"));
}

}  // namespace
}  // namespace rushlight::audit
