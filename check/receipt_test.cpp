#include "check/receipt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace rushlight::check {
namespace {

using ::testing::HasSubstr;

audit::SigningKey key_of(char fill) {
    std::array<std::byte, 32> seed{};
    seed.fill(static_cast<std::byte>(fill));
    return audit::SigningKey::from_seed(seed);
}

std::string receipt_by(const audit::SigningKey& key) {
    std::vector<match::List> lists(2);
    lists[0].name = "partners";
    lists[0].changed = Time{1'700'000'000'000'000};
    lists[0].entries.active = 12;
    lists[1].name = "ünsere";
    return make_receipt({.id = "ck_1",
                         .at = Time{1'700'000'100'000'000},
                         .asked = {{"sha256", std::string(64, 'a')}, {"pdq", std::string(64, 'b')}},
                         .decision = Decision::none,
                         .action = Action::allow,
                         .policy = 3,
                         .lists = lists},
                        key)
        .dump(2);
}

TEST(Receipt, ProvesWhatWasAskedAndAnswered) {
    const auto key = key_of('k');
    const std::string receipt = receipt_by(key);
    const ReceiptVerdict verdict = verify_receipt(receipt, {&key.public_key(), 1});
    EXPECT_TRUE(verdict.ok) << verdict.why;
    EXPECT_EQ(verdict.id, "ck_1");
    EXPECT_EQ(verdict.decision, "none");
    EXPECT_TRUE(verify_receipt(receipt, {}).ok);
    EXPECT_THAT(receipt, HasSubstr("partners"));
}

TEST(Receipt, IsNoneOnceAnythingInItWasChanged) {
    const auto key = key_of('k');
    const std::string receipt = receipt_by(key);
    const auto object = nlohmann::json::parse(receipt);
    for (const auto& [name, value] : object.items()) {
        auto changed = object;
        if (value.is_string()) {
            auto text = value.get<std::string>();
            text[text.size() / 2] = text[text.size() / 2] == '1' ? '2' : '1';
            changed[name] = text;
        } else if (value.is_number()) {
            changed[name] = value.get<int>() + 1;
        } else {
            changed[name].clear();
        }
        EXPECT_FALSE(verify_receipt(changed.dump(), {}).ok) << name;
        changed = object;
        changed.erase(name);
        EXPECT_FALSE(verify_receipt(changed.dump(), {}).ok) << "without " << name;
    }
    auto longer = object;
    longer["more"] = 1;
    EXPECT_FALSE(verify_receipt(longer.dump(), {}).ok);
}

TEST(Receipt, BySomebodyElseIsNotOurs) {
    const auto ours = key_of('k');
    const ReceiptVerdict verdict = verify_receipt(receipt_by(key_of('x')), {&ours.public_key(), 1});
    EXPECT_FALSE(verdict.ok);
    EXPECT_THAT(verdict.why, HasSubstr("key"));
    for (const char* text : {"", "[]", "{}", "null", "{\"rushlight_receipt\":1}", "\xFF"}) {
        EXPECT_FALSE(verify_receipt(text, {}).ok) << text;
    }
}

}  // namespace
}  // namespace rushlight::check
