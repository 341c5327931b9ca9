#include "check/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace rushlight::check {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

match::Match found(const std::string& list, match::Method method, const std::string& category = "csam") {
    match::Match match;
    match.list = list;
    match.category = category;
    match.method = method;
    return match;
}

Outcome outcome_of(std::vector<match::Match> matches) {
    Outcome outcome;
    outcome.decision = Decision::none;
    for (const match::Match& m : matches) {
        if (m.state != match::EntryState::active || m.kind != match::ListKind::known) continue;
        const Decision one = match::formats::is_exact(m.method) ? Decision::exact : Decision::near;
        outcome.decision = outcome.decision == Decision::exact ? Decision::exact : one;
    }
    outcome.answer.matches = std::move(matches);
    return outcome;
}

Policy policy_of(const char* text) {
    auto policy = parse_policy(json::parse(text));
    EXPECT_TRUE(policy) << policy.error().message;
    return policy ? *policy : Policy{};
}

std::string refusal(const char* text) {
    auto policy = parse_policy(json::parse(text));
    return policy ? "it was taken" : policy.error().message;
}

TEST(Policy, TheFirstOneBlocksWhatIsExactAndHoldsWhatIsNear) {
    const Policy policy;
    EXPECT_EQ(apply(policy, outcome_of({found("a", match::Method::md5)})).action, Action::block);
    EXPECT_EQ(apply(policy, outcome_of({found("a", match::Method::pdq)})).action, Action::hold);
    EXPECT_TRUE(apply(policy, outcome_of({found("a", match::Method::pdq)})).review);
    const Verdict nothing = apply(policy, outcome_of({}));
    EXPECT_EQ(nothing.action, Action::allow);
    EXPECT_FALSE(nothing.review);
}

TEST(Policy, TheFirstRuleThatFitsAMatchCountsAndTheStrictestOverSeveral) {
    const Policy policy = policy_of(R"({"rules":[
        {"list":"trial","action":"allow","review":true},
        {"category":"csam","kind":"near","action":"block","review":false},
        {"action":"hold","review":false}]})");
    const Verdict trial = apply(policy, outcome_of({found("trial", match::Method::pdq)}));
    EXPECT_EQ(trial.action, Action::allow);
    EXPECT_TRUE(trial.review);
    EXPECT_THAT(trial.why, HasSubstr("rule 1"));
    EXPECT_EQ(apply(policy, outcome_of({found("a", match::Method::pdq)})).action, Action::block);
    EXPECT_EQ(apply(policy, outcome_of({found("a", match::Method::pdq, "terror")})).action, Action::hold);
    const Verdict both =
        apply(policy, outcome_of({found("trial", match::Method::pdq), found("a", match::Method::pdq)}));
    EXPECT_EQ(both.action, Action::block);
    EXPECT_TRUE(both.review) << "one of them wants a person to look";
    EXPECT_THAT(both.why, HasSubstr("rule 2"));
}

TEST(Policy, QuarantinedAndHarmlessEntriesNeverAct) {
    match::Match quarantined = found("a", match::Method::md5);
    quarantined.state = match::EntryState::quarantined;
    match::Match harmless = found("b", match::Method::pdq);
    harmless.kind = match::ListKind::negative;
    const Policy policy = policy_of(R"({"rules":[{"action":"block"}]})");
    EXPECT_EQ(apply(policy, outcome_of({quarantined, harmless})).action, Action::allow);
}

TEST(Policy, FailsClosedOnlyWhereTheOperatorChoseSo) {
    Outcome unreadable;
    unreadable.decision = Decision::unreadable;
    EXPECT_EQ(apply(Policy{}, unreadable).action, Action::allow);
    const Policy closed = policy_of(R"({"rules":[],"fallback":{"unreadable":"hold"}})");
    EXPECT_EQ(apply(closed, unreadable).action, Action::hold);
}

TEST(Policy, SaysWhichRuleIsWrong) {
    EXPECT_THAT(refusal("[]"), HasSubstr("object"));
    EXPECT_THAT(refusal("{}"), HasSubstr("rules"));
    EXPECT_THAT(refusal(R"({"rules":[{"action":"block"},{"action":"burn"}]})"), HasSubstr("rule 2"));
    EXPECT_THAT(refusal(R"({"rules":[{"list":"a","category":"b","action":"block"}]})"),
                HasSubstr("one of them"));
    EXPECT_THAT(refusal(R"({"rules":[{"lists":"a","action":"block"}]})"), HasSubstr("lists"));
    EXPECT_THAT(refusal(R"({"rules":[{"kind":"far","action":"block"}]})"), HasSubstr("kind"));
    EXPECT_THAT(refusal(R"({"rules":[7]})"), HasSubstr("rule 1"));
    EXPECT_THAT(refusal(R"({"rules":[],"fallback":{"near":{"action":"hold","list":"x"}}})"),
                HasSubstr("near"));
    EXPECT_THAT(refusal(R"({"rules":[],"fallback":[]})"), HasSubstr("fallback"));
}

TEST(Policy, ReadsBackWhatItWrites) {
    const Policy policy = policy_of(R"({"note":"first week","rules":[
        {"list":"partners","kind":"exact","action":"block","review":false},
        {"category":"csam","action":"hold"}],"fallback":{"exact":{"action":"hold","review":false},"unreadable":"block"}})");
    const auto again = parse_policy(json::parse(to_json(policy).dump()));
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->rules, policy.rules);
    EXPECT_EQ(again->exact, policy.exact);
    EXPECT_EQ(again->near, policy.near);
    EXPECT_EQ(again->unreadable, Action::block);
    EXPECT_EQ(again->note, "first week");
}

}  // namespace
}  // namespace rushlight::check
