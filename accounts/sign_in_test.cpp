// Signing in, its second factor, its sessions, and who guesses.

#include "accounts/passwords.h"
#include "accounts/test_people.h"
#include "accounts/tokens.h"
#include "accounts/totp.h"
#include "accounts/waiting.h"

#include <atomic>
#include <thread>

#include <gmock/gmock.h>

namespace rushlight::accounts {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::Contains;

class SigningIn : public People {
  protected:
    // Adds a second factor; its secret comes out, and the codes.
    ByteVector add_factor(const AccountId& id, std::vector<std::string>* codes = nullptr) {
        const auto factor = must(accounts_->begin_second_factor(id, kNoon));
        const ByteVector secret = parse_base32(factor.secret).value();
        auto made = must(accounts_->confirm_second_factor(id, totp_code(secret, totp_step(kNoon)), kNoon));
        if (codes != nullptr) *codes = std::move(made);
        return secret;
    }
};
INSTANTIATE_TEST_SUITE_P(, SigningIn, store::testing::both(), store::testing::name_of);

TEST_P(SigningIn, GivesASessionThatLastsAsLongAsItIsUsed) {
    const AccountId id = add("anna@example.org");
    const SignIn in = sign_in("ANNA@example.org", kGood);
    ASSERT_EQ(in.state, SignIn::State::signed_in);
    EXPECT_EQ(in.token.size(), 64u);
    EXPECT_EQ(must(accounts_->session(in.token, kNoon)).person.id, id);
    EXPECT_EQ(must(accounts_->find(id)).signed_in, kNoon);
    Time now = kNoon;
    for (int i = 0; i < 14; ++i) {  // every 50 minutes
        now = now + minutes(50);
        ASSERT_EQ(accounts_->session(in.token, now).has_value(), now < kNoon + hours(12)) << i;
    }
    const SignIn idle = sign_in("anna@example.org", kGood);
    EXPECT_FALSE(accounts_->session(idle.token, kNoon + minutes(60)));
    EXPECT_TRUE(accounts_->session(idle.token, kNoon + minutes(59)));
    for (const std::string& wrong :
         {std::string(), std::string(64, '0'), idle.token.substr(1), idle.token + "0"})
        EXPECT_EQ(accounts_->session(wrong, kNoon).error().code, ErrorCode::denied);
    must(accounts_->sweep(kNoon + hours(24)));
    EXPECT_TRUE(must(accounts_->sessions(id, kNoon)).empty());
}

TEST_P(SigningIn, SessionsAreListedAndRevoked) {
    const AccountId id = add("anna@example.org");
    const SignIn one = sign_in("anna@example.org", kGood);
    const SignIn two = sign_in("anna@example.org", kGood, kNoon + seconds(1));
    ASSERT_EQ(must(accounts_->sessions(id, kNoon)).size(), 2u);
    must(accounts_->revoke(id, one.session->id, who(id), kNoon));
    EXPECT_EQ(accounts_->revoke(id, one.session->id, who(id), kNoon).error().code, ErrorCode::not_found);
    EXPECT_EQ(accounts_->revoke({"somebody"}, two.session->id, who(id), kNoon).error().code,
              ErrorCode::not_found);
    EXPECT_FALSE(accounts_->session(one.token, kNoon));
    EXPECT_TRUE(accounts_->session(two.token, kNoon));
    must(accounts_->sign_out(two.token, kNoon));
    EXPECT_FALSE(accounts_->session(two.token, kNoon));
    (void)sign_in("anna@example.org", kGood);
    EXPECT_EQ(must(accounts_->revoke_all(id, "local:0", kNoon)), 1);
    EXPECT_THAT(verbs(), Contains("account.signed_out"));
}

TEST_P(SigningIn, WhatTakesRightsAwayEndsSessions) {
    const AccountId id = add("anna@example.org");
    const auto ends = [&](auto change) {
        const SignIn in = sign_in("anna@example.org", kGood);
        EXPECT_TRUE(accounts_->session(in.token, kNoon));
        change();
        return !accounts_->session(in.token, kNoon).has_value();
    };
    EXPECT_TRUE(ends([&] { must(accounts_->set_roles(id, {Role::viewer}, "local:0", kNoon)); }));
    EXPECT_TRUE(ends([&] { must(accounts_->set_password(id, kGood, "local:0", kNoon)); }));
    EXPECT_TRUE(
        ends([&] { must(accounts_->change_password(id, kGood, "nine red bicycles", "192.0.2.1", kNoon)); }));
    must(accounts_->set_password(id, kGood, "local:0", kNoon));
    EXPECT_TRUE(ends([&] { must(accounts_->set_active(id, false, "local:0", kNoon)); }));
    EXPECT_EQ(try_in("anna@example.org", kGood), SignIn::State::refused) << "closed";
}

TEST_P(SigningIn, TheCsrfTokenBelongsToTheSession) {
    add("anna@example.org");
    const SignIn one = sign_in("anna@example.org", kGood);
    const SignIn two = sign_in("anna@example.org", kGood);
    EXPECT_TRUE(same(csrf_token(one.token), csrf_token(one.token)));
    EXPECT_FALSE(same(csrf_token(one.token), csrf_token(two.token)));
    EXPECT_FALSE(same(csrf_token(one.token), ""));
    EXPECT_EQ(csrf_token(one.token).find(one.token), std::string::npos);
}

// Nothing tells an address that nobody has from a wrong password: answer, steps, waiting, log.
TEST_P(SigningIn, AnUnknownAddressIsAnsweredLikeAWrongPassword) {
    add("anna@example.org");
    const auto tries = [&](const std::string& email, const std::string& peer) {
        std::vector<std::pair<SignIn::State, std::int64_t>> answers;
        for (int i = 0; i < 9; ++i) {
            const SignIn in =
                sign_in(email, "wrong password here", kNoon + std::chrono::milliseconds(i), peer);
            answers.emplace_back(in.state, in.wait.count());
        }
        return answers;
    };
    const auto before = accounts_->passwords_tried();
    const auto known = tries("anna@example.org", "192.0.2.1");
    const auto known_tried = accounts_->passwords_tried() - before;
    const auto unknown = tries("nobody@example.org", "192.0.2.2");
    EXPECT_EQ(known, unknown);
    EXPECT_EQ(accounts_->passwords_tried() - before, 2 * known_tried) << "a password is hashed for both";
    const auto entries = log();
    EXPECT_EQ(entries[0].event.what, entries[1].event.what);
    EXPECT_EQ(entries[0].event.on.kind, "sign_in") << "and the log does not name the account";
    EXPECT_EQ(try_in("no address at all", "wrong password here", kNoon, "192.0.2.3"), SignIn::State::refused);
    EXPECT_EQ(try_in(std::string(100'000, 'x') + "@y", "wrong", kNoon, "192.0.2.3"), SignIn::State::refused);
}

TEST_P(SigningIn, GuessingIsSlowedMoreAndMore) {
    add("anna@example.org");
    Time now = kNoon;
    std::int64_t tried = 0;
    std::int64_t longest = 0;
    const Time end = kNoon + hours(24);
    while (now < end) {
        const SignIn in = sign_in("anna@example.org", "guess", now, "192.0.2.9");
        if (in.state == SignIn::State::slowed) {
            longest = std::max(longest, std::int64_t{in.wait.count()});
            now = now + in.wait;
        } else {
            ++tried;
        }
    }
    EXPECT_EQ(longest, 15 * 60);
    EXPECT_LT(tried, 125) << "from one peer in a day";
    EXPECT_EQ(try_in("anna@example.org", kGood, now + minutes(15), "192.0.2.9"), SignIn::State::signed_in);
    EXPECT_THAT(verbs(), Contains("sign_in.slowed"));
}

TEST_P(SigningIn, NobodyCanLockAnotherOut) {
    add("anna@example.org");
    ASSERT_EQ(try_in("anna@example.org", kGood, kNoon, "198.51.100.7"), SignIn::State::signed_in);
    // Somebody with many addresses keeps guessing.
    Time now = kNoon;
    for (int i = 0; i < 60; ++i) {
        now = now + seconds(1);
        (void)try_in("anna@example.org", "guess", now, "203.0.113." + std::to_string(i));
    }
    EXPECT_EQ(try_in("anna@example.org", "guess", now, "203.0.113.200"), SignIn::State::slowed);
    EXPECT_EQ(try_in("anna@example.org", kGood, now, "198.51.100.7"), SignIn::State::signed_in)
        << "where she signed in before, nothing holds her";
    for (int i = 0; i < 60; ++i)
        (void)try_in("anna@example.org", "guess", now, "203.0.113." + std::to_string(i));
    const SignIn elsewhere = sign_in("anna@example.org", kGood, now, "198.51.100.8");
    if (elsewhere.state == SignIn::State::slowed) {
        EXPECT_LE(elsewhere.wait.count(), 60);
        EXPECT_EQ(try_in("anna@example.org", kGood, now + elsewhere.wait, "198.51.100.8"),
                  SignIn::State::signed_in);
    }
    // Many people behind one address have its tries together, and each their own as well.
    add("ben@example.org");
    EXPECT_EQ(try_in("ben@example.org", kGood, now, "203.0.113.1"), SignIn::State::signed_in);
}

TEST_P(SigningIn, ManyTriesAtOnceCountAsMany) {
    add("anna@example.org");
    std::atomic<int> refused = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 5; ++i) {
                const auto in = accounts_->sign_in(
                    {.email = "anna@example.org", .password = "guess", .peer = "192.0.2.1"}, kNoon);
                if (in && in->state == SignIn::State::refused) ++refused;
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(refused, 6) << "five are free, the sixth has to wait afterwards";
}

TEST_P(SigningIn, OneNetworkIsOnePeer) {
    EXPECT_EQ(peer_network("2001:db8:1:2::3"), peer_network("2001:db8:1:2:ffff::9"));
    EXPECT_NE(peer_network("2001:db8:1:2::3"), peer_network("2001:db8:1:3::3"));
    EXPECT_EQ(peer_network("::ffff:192.0.2.1"), peer_network("192.0.2.1"));
    EXPECT_NE(peer_network("192.0.2.1"), peer_network("192.0.2.2"));
}

TEST_P(SigningIn, AClockThatWasSetBackHoldsNobody) {
    add("anna@example.org");
    for (int i = 0; i < 30; ++i)
        (void)try_in("anna@example.org", "guess", kNoon + hours(24 * 365) + hours(i));
    EXPECT_EQ(try_in("anna@example.org", kGood), SignIn::State::signed_in);
}

TEST_P(SigningIn, PasswordsAreHashedABoundedNumberAtOnce) {
    auto asked = options();
    asked.effort = {.passes = 2, .memory_kib = 16 * 1024};
    asked.hashes_at_once = 1;
    asked.hashes_waiting = 1;
    auto accounts = open(asked);
    must(accounts.create({.email = "anna@example.org", .roles = {Role::viewer}, .password = kGood}, "local:0",
                         kNoon));
    std::atomic<int> turned_away = 0;
    std::atomic<int> signed_in = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t) {
        threads.emplace_back([&, t] {
            const auto in = accounts.sign_in(
                {.email = "anna@example.org", .password = kGood, .peer = "192.0.2." + std::to_string(t)},
                kNoon);
            if (in && in->state == SignIn::State::signed_in) ++signed_in;
            if (!in && in.error().code == ErrorCode::unavailable) ++turned_away;
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(signed_in + turned_away, 8);
    EXPECT_GE(signed_in, 2);
    const auto again =
        accounts.sign_in({.email = "anna@example.org", .password = kGood, .peer = "192.0.2.1"}, kNoon);
    EXPECT_TRUE(again && again->state == SignIn::State::signed_in);
}

TEST_P(SigningIn, AnOlderHashIsMadeAnewQuietly) {
    add("anna@example.org");
    auto asked = options();
    asked.effort = {.passes = 2, .memory_kib = 16};
    auto accounts = open(asked);
    const auto in =
        must(accounts.sign_in({.email = "anna@example.org", .password = kGood, .peer = "192.0.2.1"}, kNoon));
    EXPECT_EQ(in.state, SignIn::State::signed_in);
    must(store_.read([&](store::Reader& reader) -> Status {
        return reader.each("SELECT password FROM accounts_person", {}, [&](const store::Row& row) {
            EXPECT_NE(row.text(0).find("m=16,t=2"), std::string_view::npos) << row.text(0);
        });
    }));
}

TEST_P(SigningIn, ASecondFactorIsAskedForOnceThePasswordIsRight) {
    const AccountId id = add("anna@example.org");
    const ByteVector secret = add_factor(id);
    EXPECT_EQ(try_in("anna@example.org", "wrong password here"), SignIn::State::refused);
    EXPECT_EQ(try_in("anna@example.org", kGood), SignIn::State::second_factor_wanted);
    EXPECT_EQ(try_in("anna@example.org", kGood, kNoon, "192.0.2.1", "000000"), SignIn::State::refused);
    EXPECT_EQ(try_in("anna@example.org", kGood, kNoon, "192.0.2.1", "no code"), SignIn::State::refused);
    const Time later = kNoon + minutes(5);
    const std::string code = totp_code(secret, totp_step(later));
    EXPECT_EQ(try_in("anna@example.org", kGood, later, "192.0.2.1", code), SignIn::State::signed_in);
    EXPECT_EQ(try_in("anna@example.org", kGood, later, "192.0.2.1", code), SignIn::State::refused) << "used";
    EXPECT_EQ(try_in("anna@example.org", kGood, later, "192.0.2.1", totp_code(secret, totp_step(later) - 1)),
              SignIn::State::refused)
        << "older than one that was used";
    EXPECT_EQ(try_in("anna@example.org", kGood, later, "192.0.2.1", totp_code(secret, totp_step(later) + 1)),
              SignIn::State::signed_in)
        << "a clock may be half a minute off";
    EXPECT_EQ(try_in("anna@example.org", kGood, later, "192.0.2.1", totp_code(secret, totp_step(later) + 2)),
              SignIn::State::refused);
}

TEST_P(SigningIn, OneCodeSignsInOnceHoweverManyTryAtOnce) {
    const AccountId id = add("anna@example.org");
    const ByteVector secret = add_factor(id);
    const Time later = kNoon + minutes(5);
    const std::string code = totp_code(secret, totp_step(later));
    std::atomic<int> signed_in = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&, t] {
            const auto in = accounts_->sign_in({.email = "anna@example.org",
                                                .password = kGood,
                                                .code = code,
                                                .peer = "192.0.2." + std::to_string(t)},
                                               later);
            if (in && in->state == SignIn::State::signed_in) ++signed_in;
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(signed_in, 1);
}

TEST_P(SigningIn, RecoveryCodesWorkOnceEach) {
    const AccountId id = add("anna@example.org");
    std::vector<std::string> codes;
    add_factor(id, &codes);
    ASSERT_EQ(codes.size(), 10u);
    std::string typed = codes[3];
    for (char& c : typed) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    const SignIn in = sign_in("anna@example.org", kGood, kNoon, "192.0.2.1", " " + typed);
    EXPECT_EQ(in.state, SignIn::State::signed_in);
    EXPECT_TRUE(in.used_recovery_code);
    EXPECT_EQ(in.recovery_codes_left, 9);
    EXPECT_EQ(try_in("anna@example.org", kGood, kNoon, "192.0.2.1", codes[3]), SignIn::State::refused);
    const auto fresh = must(accounts_->new_recovery_codes(id, who(id), kNoon));
    EXPECT_EQ(try_in("anna@example.org", kGood, kNoon, "192.0.2.1", codes[4]), SignIn::State::refused);
    EXPECT_EQ(try_in("anna@example.org", kGood, kNoon, "192.0.2.1", fresh[4]), SignIn::State::signed_in);
}

TEST_P(SigningIn, GuessingCodesIsSlowedForAnHour) {
    const AccountId id = add("anna@example.org");
    add_factor(id);
    Time now = kNoon;
    std::int64_t tried = 0;
    int peer = 0;
    while (now < kNoon + hours(24)) {  // with a new address each time
        const std::string from = "10." + std::to_string(peer / 250) + "." + std::to_string(peer % 250) + ".1";
        ++peer;
        const SignIn in = sign_in("anna@example.org", kGood, now, from, "123456");
        if (in.state == SignIn::State::slowed) {
            now = now + in.wait;
        } else {
            ++tried;
            ASSERT_EQ(in.state, SignIn::State::refused);
        }
    }
    EXPECT_LT(tried, 60);
}

TEST_P(SigningIn, AResetCanTakeALostSecondFactorOff) {
    const AccountId id = add("anna@example.org");
    add_factor(id);
    must(accounts_->reset(must(accounts_->make_reset_token(id, false, "local:0", kNoon)).text, kGood, kNoon));
    EXPECT_EQ(try_in("anna@example.org", kGood), SignIn::State::second_factor_wanted);
    must(accounts_->reset(must(accounts_->make_reset_token(id, true, "local:0", kNoon)).text, kGood, kNoon));
    EXPECT_EQ(try_in("anna@example.org", kGood), SignIn::State::signed_in);
    EXPECT_FALSE(must(accounts_->find(id)).second_factor);
}

TEST_P(SigningIn, AFactorCountsOnlyOnceItWasConfirmed) {
    const AccountId id = add("anna@example.org");
    EXPECT_EQ(accounts_->confirm_second_factor(id, "123456", kNoon).error().code, ErrorCode::conflict);
    must(accounts_->begin_second_factor(id, kNoon));
    EXPECT_EQ(accounts_->confirm_second_factor(id, "", kNoon).error().code, ErrorCode::denied);
    EXPECT_EQ(try_in("anna@example.org", kGood), SignIn::State::signed_in);
    add_factor(id);
    EXPECT_EQ(accounts_->begin_second_factor(id, kNoon).error().code, ErrorCode::conflict);
    must(accounts_->remove_second_factor(id, who(id), kNoon));
    EXPECT_EQ(try_in("anna@example.org", kGood), SignIn::State::signed_in);
}

// What stands in for the hash of an address that nobody has is really computed, not refused at a glance.
TEST(Passwords, AStandInTakesAsLongAsAHash) {
    AccountOptions options;
    options.effort = {.passes = 4, .memory_kib = 16 * 1024};
    Passwords passwords(options);
    const std::string hash = must(passwords.hash(kGood));
    EXPECT_TRUE(must(passwords.verify(hash, kGood)));
    // The least of several times is the computation itself, whatever else the machine does.
    const auto least = [&](const std::string& against) {
        auto best = Steady::duration::max();
        for (int i = 0; i < 7; ++i) {
            const auto begin = Steady::now();
            EXPECT_FALSE(must(passwords.verify(against, "wrong password here")));
            best = std::min(best, Steady::now() - begin);
        }
        return std::chrono::duration<double, std::milli>(best).count();
    };
    const double known = least(hash);
    const double unknown = least("");
    EXPECT_GT(unknown, known / 3);
    EXPECT_LT(unknown, known * 3);
}

// RFC 6238, appendix B, SHA-1, the last six of its eight digits.
TEST(Totp, GivesTheCodesOfTheStandard) {
    const Bytes secret = bytes_of("12345678901234567890");
    const std::pair<std::int64_t, const char*> cases[] = {{59, "287082"},         {1111111109, "081804"},
                                                          {1111111111, "050471"}, {1234567890, "005924"},
                                                          {2000000000, "279037"}, {20000000000, "353130"}};
    for (const auto& [second, code] : cases)
        EXPECT_EQ(totp_code(secret, totp_step({second * 1'000'000})), code);
}

TEST(Base32, ReadsWhatItWrites) {
    EXPECT_EQ(to_base32(bytes_of("foobar")), "mzxw6ytboi");
    EXPECT_EQ(text_of(parse_base32("MZXW 6YTB-oi").value()), "foobar");
    EXPECT_EQ(parse_base32("mzx!"), std::nullopt);
    EXPECT_EQ(to_base32({}), "");
}

}  // namespace
}  // namespace rushlight::accounts
