// A child that was taken over says what it likes. Nothing of it is believed beyond the contract of
// archive/protocol.h: an archive ends with a reason, within its budget, and the next one finds a sound child.
#include "archive/archive.h"

#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rushlight::archive {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

struct Told {
    std::vector<std::string> members;  // name: text
    std::optional<Problem> problem;
};

sandbox::Pool pool_of(std::chrono::milliseconds time) {
    sandbox::Options options;
    options.program = RUSHLIGHT_BINARY_DIR "/archive_liar";
    options.limits.time = time;
    options.allow_weak = true;  // it is the conversation that is tried here
    auto pool = sandbox::Pool::create(options);
    if (!pool) throw std::runtime_error(pool.error().message);
    return std::move(*pool);
}

std::string text_of_content(const Content& content) {
    EXPECT_TRUE(content.sealed());
    std::string text(content.size(), '\0');
    EXPECT_TRUE(content.read_at(0, std::as_writable_bytes(std::span(text))));
    return text;
}

class Liar : public ::testing::Test {
  protected:
    Told told(std::string_view lie, std::chrono::milliseconds time = 60s) {
        auto pool = pool_of(time);
        return told(pool, lie);
    }
    Told told(sandbox::Pool& pool, std::string_view lie) {
        Told told;
        const auto content = Content::from_bytes(bytes_of(lie));
        auto reader = Reader::open(pool, *content, budget, "somebody");
        if (!reader) {
            told.problem = reader.error();
            return told;
        }
        while (true) {
            auto member = reader->next();
            if (!member) {
                told.problem = member.error();
                return told;
            }
            if (!*member) return told;
            told.members.push_back((*member)->name);
            if ((*member)->content) told.members.back() += ": " + text_of_content(*(*member)->content);
        }
    }

    Budget budget;
};

TEST_F(Liar, IsBelievedWhereItKeepsTheContract) {
    const Told one = told("is honest");
    EXPECT_FALSE(one.problem);
    EXPECT_THAT(one.members, ElementsAre("hello: hello"));
}

TEST_F(Liar, BreaksTheContractAndNothingOfItIsTaken) {
    for (const char* lie : {"says another kind", "sends rubbish", "sends a descriptor", "stands still",
                            "claims a longer member", "claims a shorter member"}) {
        const Told one = told(lie);
        EXPECT_THAT(one.members, ElementsAre()) << lie;
        ASSERT_TRUE(one.problem) << lie;
        EXPECT_EQ(one.problem->reason, Reason::crashed) << lie;
        EXPECT_THAT(one.problem->message, HasSubstr("the reader broke the protocol")) << lie;
    }
}

TEST_F(Liar, WhatItSaidBeforeTheLieStays) {
    const Told one = told("goes back");
    EXPECT_THAT(one.members, ElementsAre("hello: hello"));
    ASSERT_TRUE(one.problem);
    EXPECT_THAT(one.problem->message, HasSubstr("the reader broke the protocol, after 1 member"));
}

TEST_F(Liar, EndsWithItsReasonWhenItDiesOrHangs) {
    EXPECT_EQ(told("dies").problem->reason, Reason::crashed);
    EXPECT_EQ(told("hangs", 200ms).problem->reason, Reason::timeout);
}

TEST_F(Liar, CannotBeAtWorkForEver) {
    const Told one = told("works for ever");
    EXPECT_THAT(one.members, ElementsAre());
    ASSERT_TRUE(one.problem);
    EXPECT_EQ(one.problem->reason, Reason::timeout);
    EXPECT_EQ(told("uses up spares for nothing").problem->reason, Reason::crashed);
}

TEST_F(Liar, CannotGiveMoreThanTheBudget) {
    budget.limits.members = 100;
    const Told members = told("gives members for ever");
    EXPECT_EQ(members.members.size(), 100u);
    ASSERT_TRUE(members.problem);
    EXPECT_EQ(members.problem->reason, Reason::too_large);

    budget = {};
    budget.limits.ratio_floor = 5 << 20;
    const Told bytes = told("gives bytes for ever");
    EXPECT_EQ(bytes.members.size(), 5u);
    ASSERT_TRUE(bytes.problem);
    EXPECT_EQ(bytes.problem->reason, Reason::bomb);

    budget = {};
    budget.limits.member_bytes = 2 << 20;
    const Told large = told("gives more than a member may have");
    EXPECT_THAT(large.members, ElementsAre());
    EXPECT_TRUE(large.problem);
}

TEST_F(Liar, CannotChangeAMemberThatItGave) {
    const Told mapped = told("keeps the member mapped");
    EXPECT_THAT(mapped.members, ElementsAre());
    ASSERT_TRUE(mapped.problem);
    EXPECT_EQ(mapped.problem->reason, Reason::denied);

    const Told written = told("writes after it gave");
    EXPECT_FALSE(written.problem);
    EXPECT_THAT(written.members, ElementsAre("large: " + std::string(10, '\0'), "refused: "));
}

TEST_F(Liar, CannotReachTheTerminal) {
    const Told one = told("fails with control characters");
    ASSERT_TRUE(one.problem);
    EXPECT_EQ(one.problem->reason, Reason::corrupt);
    EXPECT_THAT(one.problem->message,
                AllOf(HasSubstr("wiped"), Not(HasSubstr("\x1b")), Not(HasSubstr("\n"))));
}

TEST_F(Liar, LeavesASoundChildToTheNext) {
    auto pool = pool_of(60s);
    const auto content = Content::from_bytes(bytes_of("never closes"));
    {
        auto reader = Reader::open(pool, *content, budget, "somebody");
        ASSERT_TRUE(reader);
        ASSERT_TRUE(reader->next());
    }  // half way: asks it to close
    EXPECT_TRUE(told(pool, "sends rubbish").problem);
    EXPECT_THAT(told(pool, "is honest").members, ElementsAre("hello: hello"));
}

}  // namespace
}  // namespace rushlight::archive
