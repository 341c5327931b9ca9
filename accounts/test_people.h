// For the tests of accounts: a store with a sealer, and cheap passwords.
#pragma once

#include "accounts/accounts.h"
#include "audit/verify.h"
#include "store/testing/place.h"

#include <cstdlib>
#include <filesystem>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace rushlight::accounts {

inline constexpr Time kNoon{1'800'000'000'000'000};
inline constexpr const char* kGood = "seven green lanterns";

template <class T>
T must(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().message);
    return std::move(*result);
}
inline void must(const Status& status) {
    if (!status) throw std::runtime_error(status.error().message);
}

class People : public ::testing::TestWithParam<store::testing::Kind> {
  protected:
    People() {
        if (::mkdtemp(folder_.data()) == nullptr) throw std::runtime_error("no folder for a test");
        sealer_ = std::make_unique<vault::Sealer>(
            must(vault::Sealer::open(store_, {.data = folder_, .now = kNoon})));
        accounts_ = std::make_unique<Accounts>(open());
    }
    ~People() override {
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }

    static AccountOptions options() {
        AccountOptions cheap;
        cheap.effort = {.passes = 1, .memory_kib = 8};
        return cheap;
    }
    Accounts open(const AccountOptions& asked = options()) const {
        return must(Accounts::open(store_, *sealer_, asked, kNoon));
    }
    AccountId add(const std::string& email, Roles roles = {Role::analyst}) {
        return must(accounts_->create({.email = email, .roles = roles, .password = kGood}, "local:0", kNoon))
            .id;
    }
    SignIn sign_in(const std::string& email, const std::string& password, Time now = kNoon,
                   const std::string& peer = "192.0.2.1", const std::string& code = {}) {
        return must(
            accounts_->sign_in({.email = email, .password = password, .code = code, .peer = peer}, now));
    }
    SignIn::State try_in(const std::string& email, const std::string& password, Time now = kNoon,
                         const std::string& peer = "192.0.2.1", const std::string& code = {}) {
        return sign_in(email, password, now, peer, code).state;
    }
    std::vector<audit::Entry> log() const {
        return must(audit::read(store_, {}, std::nullopt, 1000)).entries;
    }
    std::vector<std::string> verbs() const {
        std::vector<std::string> all;
        for (const auto& entry : log()) all.push_back(entry.event.what);
        return all;
    }

    std::string folder_ = (std::filesystem::temp_directory_path() / "rushlight-accounts-XXXXXX").string();
    store::testing::Place place_{GetParam()};
    mutable store::Store store_ = store::testing::open(place_, {audit::schema(), vault::schema(), schema()});
    std::unique_ptr<vault::Sealer> sealer_;
    std::unique_ptr<Accounts> accounts_;
};

}  // namespace rushlight::accounts
