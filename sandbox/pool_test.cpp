#include "base/content.h"
#include "sandbox/child/testprograms/hostile.h"
#include "sandbox/sandbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rushlight::sandbox {
namespace {

Options options() {
    Options options;
    options.program = RUSHLIGHT_BINARY_DIR "/sandbox_hostile";
    return options;
}

std::string ask(Job& job, std::string_view what, std::span<const int> fds = {}) {
    if (auto sent = job.send(hostile::kTry, bytes_of(what), fds); !sent)
        return std::string(to_string(sent.error().reason)) + ": " + sent.error().message;
    auto answer = job.receive();
    if (!answer) return std::string(to_string(answer.error().reason)) + ": " + answer.error().message;
    job.done();
    return std::string(text_of(answer->body));
}

TEST(Pool, AnswersAndReplacesWhatCrashed) {
    auto pool = Pool::create(options());
    ASSERT_TRUE(pool) << pool.error().message;
    {
        auto job = pool->start("a");
        ASSERT_TRUE(job);
        EXPECT_EQ(ask(*job, "clock"), "done");
        EXPECT_EQ(ask(*job, "segfault"), "crashed: the reader crashed: bad memory access (SIGSEGV)");
    }
    auto job = pool->start("a");
    ASSERT_TRUE(job);
    EXPECT_EQ(ask(*job, "descriptors"), "0 1 2 3 ");
    EXPECT_EQ(ask(*job, "open folder"), "EPERM");
}

}  // namespace
}  // namespace rushlight::sandbox
