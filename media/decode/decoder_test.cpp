#include "base/fd.h"
#include "media/decode/testing.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace rushlight::media::decode {
namespace {

using namespace testing;

Fd memory_file(std::string_view bytes) {
    auto fd = make_memory_file("test").value();
    EXPECT_TRUE(write_all(fd.get(), bytes_of(bytes), "a memory file"));
    return fd;
}

TEST(Input, ReadsTheWholeFileOnce) {
    Scratch scratch;
    const Fd fd = memory_file("abcdef");
    Input input(fd.get(), 6, scratch);
    const auto all = input.all({});
    ASSERT_TRUE(all);
    EXPECT_EQ(text_of(*all), "abcdef");
    EXPECT_EQ(input.all({})->data(), all->data());
}

TEST(Input, AFileThatShrankGivesWhatIsLeft) {
    Scratch scratch;
    const Fd fd = memory_file("abcdef");
    Input input(fd.get(), 6, scratch);
    ASSERT_EQ(::ftruncate(fd.get(), 4), 0);
    EXPECT_EQ(text_of(*input.all({})), "abcd");
    ASSERT_EQ(::ftruncate(fd.get(), 0), 0);
    Input gone(fd.get(), 6, scratch);
    EXPECT_EQ(gone.all({}).error().reason, Reason::empty);
}

TEST(Input, RefusesWhatIsEmptyOrTooLong) {
    Scratch scratch;
    const Fd fd = memory_file("abcdef");
    EXPECT_EQ(Input(fd.get(), 0, scratch).all({}).error().reason, Reason::empty);
    Limits limits;
    limits.file_bytes = 5;
    EXPECT_EQ(Input(fd.get(), 6, scratch).all(limits).error().reason, Reason::too_large);
}

TEST(CheckSize, HoldsTheProductAndTheSides) {
    const Limits limits;
    EXPECT_TRUE(check_size(1, 65'535, limits));
    EXPECT_TRUE(check_size(10'000, 10'000, limits));
    EXPECT_EQ(check_size(10'001, 10'000, limits).error().reason, Reason::too_large);
    EXPECT_EQ(check_size(1, 65'536, limits).error().reason, Reason::too_large);
    EXPECT_EQ(check_size(UINT64_MAX, UINT64_MAX, limits).error().reason, Reason::too_large);
    EXPECT_EQ(check_size(0, 10, limits).error().reason, Reason::corrupt);
}

TEST(Buffer, KeepsItsMemoryUntilTrimmed) {
    Buffer buffer;
    std::uint8_t* first = buffer.take(1000);
    EXPECT_EQ(buffer.take(10), first);
    buffer.trim(1000);
    EXPECT_EQ(buffer.size(), 1000u);
    buffer.trim(999);
    EXPECT_EQ(buffer.size(), 0u);
}

}  // namespace
}  // namespace rushlight::media::decode
