// People: made, changed, forgotten; the first administrator; resets.

#include "accounts/test_people.h"

#include <thread>

#include <gmock/gmock.h>

namespace rushlight::accounts {
namespace {

using std::chrono::hours;
using ::testing::Contains;
using ::testing::HasSubstr;

INSTANTIATE_TEST_SUITE_P(, People, store::testing::both(), store::testing::name_of);

TEST_P(People, AreFoundWhateverTheirCase) {
    const AccountId id = add("Anna.Example@Example.ORG", {Role::analyst, Role::reviewer});
    EXPECT_EQ(must(accounts_->find_email(" anna.example@example.org ")).id, id);
    EXPECT_EQ(must(accounts_->find(id)).email, "Anna.Example@Example.ORG");
    EXPECT_EQ(must(accounts_->find(id)).roles, (Roles{Role::reviewer, Role::analyst}));
    const auto twice =
        accounts_->create({.email = "ANNA.EXAMPLE@example.org", .roles = {Role::viewer}}, "local:0", kNoon);
    EXPECT_EQ(twice.error().code, ErrorCode::conflict);
    EXPECT_EQ(must(accounts_->list(std::nullopt, 100)).size(), 1u);
    EXPECT_EQ(accounts_->find({"nobody"}).error().code, ErrorCode::not_found);
}

TEST_P(People, NothingPersonalStandsInTheAuditLog) {
    const AccountId id = add("anna@example.org");
    must(accounts_->set_roles(id, {Role::viewer}, "local:0", kNoon));
    must(accounts_->erase(id, "local:0", kNoon));
    for (const auto& entry : log()) {
        EXPECT_EQ(entry.event.detail.find("anna"), std::string::npos);
        EXPECT_EQ(entry.event.detail.find("example"), std::string::npos);
    }
    EXPECT_EQ(verbs(),
              (std::vector<std::string>{"account.erased", "account.roles_changed", "account.created"}));
    EXPECT_EQ(must(audit::known_pseudonym(store_, {"account", id.text}, "email", "anna@example.org")),
              std::nullopt);
    EXPECT_EQ(accounts_->find(id).error().code, ErrorCode::not_found);
    EXPECT_EQ(accounts_->find_email("anna@example.org").error().code, ErrorCode::not_found);
    EXPECT_EQ(try_in("anna@example.org", kGood), SignIn::State::refused);
    add("anna@example.org");  // the address is free again
    EXPECT_TRUE(must(audit::verify(store_, {})).ok);
}

TEST_P(People, TheLastAdministratorStays) {
    const AccountId one = add("one@example.org", {Role::admin});
    EXPECT_EQ(accounts_->set_roles(one, {Role::viewer}, "local:0", kNoon).error().code, ErrorCode::conflict);
    EXPECT_EQ(accounts_->set_active(one, false, "local:0", kNoon).error().code, ErrorCode::conflict);
    EXPECT_EQ(accounts_->erase(one, "local:0", kNoon).error().code, ErrorCode::conflict);
    const AccountId two = add("two@example.org", {Role::admin, Role::viewer});
    must(accounts_->set_active(one, false, "local:0", kNoon));
    EXPECT_EQ(accounts_->set_roles(two, {Role::viewer}, "local:0", kNoon).error().code, ErrorCode::conflict);
    must(accounts_->set_active(one, true, "local:0", kNoon));
    must(accounts_->set_roles(two, {Role::viewer}, "local:0", kNoon));
}

TEST_P(People, TheFirstAdministratorComesThroughAOneTimeLink) {
    EXPECT_FALSE(must(accounts_->has_administrator()));
    const Token old = must(accounts_->make_setup_token(kNoon));
    const Token token = must(accounts_->make_setup_token(kNoon));
    EXPECT_NE(old.text, token.text);
    EXPECT_FALSE(must(accounts_->is_setup_token(old.text, kNoon))) << "replaced by the newer one";
    EXPECT_TRUE(must(accounts_->is_setup_token(token.text, kNoon)));
    EXPECT_FALSE(must(accounts_->is_setup_token(token.text, token.expires)));
    EXPECT_EQ(accounts_->set_up(token.text, "root@example.org", kGood, token.expires).error().code,
              ErrorCode::denied);
    EXPECT_EQ(accounts_->set_up("", "root@example.org", kGood, kNoon).error().code, ErrorCode::denied);
    EXPECT_EQ(accounts_->set_up(token.text, "root@example.org", "short", kNoon).error().code,
              ErrorCode::invalid);
    EXPECT_EQ(accounts_->set_up(token.text, "no address", kGood, kNoon).error().code, ErrorCode::invalid);
    const Person root = must(accounts_->set_up(token.text, "root@example.org", kGood, kNoon));
    EXPECT_EQ(root.roles, Roles{Role::admin});
    EXPECT_EQ(accounts_->set_up(token.text, "other@example.org", kGood, kNoon).error().code,
              ErrorCode::denied);
    EXPECT_EQ(accounts_->make_setup_token(kNoon).error().code, ErrorCode::conflict);
    EXPECT_EQ(try_in("root@example.org", kGood), SignIn::State::signed_in);
}

TEST_P(People, OnlyOneOfManyIsSetUp) {
    const Token token = must(accounts_->make_setup_token(kNoon));
    std::atomic<int> done = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&, i] {
            if (accounts_->set_up(token.text, "root" + std::to_string(i) + "@example.org", kGood, kNoon))
                ++done;
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(done, 1);
    EXPECT_EQ(must(accounts_->list(std::nullopt, 100)).size(), 1u);
}

TEST_P(People, AResetLinkSetsOneNewPassword) {
    const AccountId id = add("anna@example.org");
    const SignIn before = sign_in("anna@example.org", kGood);
    const Token token = must(accounts_->make_reset_token(id, false, "local:0", kNoon));
    EXPECT_EQ(accounts_->reset(token.text, "short", kNoon).error().code, ErrorCode::invalid);
    EXPECT_EQ(accounts_->reset(token.text, "nine red bicycles", token.expires).error().code,
              ErrorCode::denied);
    must(accounts_->reset(token.text, "nine red bicycles", kNoon));
    EXPECT_EQ(accounts_->reset(token.text, "another long one", kNoon).error().code, ErrorCode::denied);
    EXPECT_EQ(accounts_->session(before.token, kNoon).error().code, ErrorCode::denied);
    EXPECT_EQ(try_in("anna@example.org", kGood), SignIn::State::refused);
    EXPECT_EQ(try_in("anna@example.org", "nine red bicycles"), SignIn::State::signed_in);
    const Token setup_like = must(accounts_->make_reset_token(id, false, "local:0", kNoon));
    EXPECT_FALSE(must(accounts_->is_setup_token(setup_like.text, kNoon)));
    EXPECT_THAT(verbs(), Contains("account.reset"));
}

TEST_P(People, SomebodyWithoutAPasswordCannotSignInYet) {
    const AccountId id =
        must(accounts_->create({.email = "new@example.org", .roles = {Role::viewer}}, "local:0", kNoon)).id;
    EXPECT_FALSE(must(accounts_->find(id)).has_password);
    EXPECT_EQ(try_in("new@example.org", ""), SignIn::State::refused);
    EXPECT_EQ(try_in("new@example.org", kGood), SignIn::State::refused);
}

TEST_P(People, SecretsAreNotInTheStoreInTheClear) {
    const AccountId id = add("anna@example.org");
    const SignIn in = sign_in("anna@example.org", kGood);
    const Token reset = must(accounts_->make_reset_token(id, false, "local:0", kNoon));
    const auto factor = must(accounts_->begin_second_factor(id, kNoon));
    must(store_.read([&](store::Reader& reader) -> Status {
        for (const char* sql : {"SELECT hash FROM accounts_session", "SELECT hash FROM accounts_token",
                                "SELECT pending_totp FROM accounts_person"}) {
            auto read = reader.each(sql, {}, [&](const store::Row& row) {
                const std::string hex = to_hex(row.bytes(0));
                EXPECT_NE(hex, in.token);
                EXPECT_NE(hex, reset.text);
            });
            if (!read) return read;
        }
        return reader.each("SELECT password FROM accounts_person", {}, [&](const store::Row& row) {
            EXPECT_TRUE(row.text(0).starts_with("$argon2id$"));
        });
    }));
    EXPECT_THAT(factor.uri, HasSubstr("otpauth://totp/Rushlight:anna%40example.org?secret="));
}

TEST_P(People, CanSignInAfterTheKeyFileWasLost) {
    const AccountId id = add("anna@example.org");
    std::filesystem::remove(folder_ + "/keys/rushlight.key");
    ASSERT_FALSE(vault::Sealer::open(store_, {.data = folder_, .now = kNoon}));
    auto fresh = must(vault::Sealer::open(store_, {.data = folder_, .accept_loss = true, .now = kNoon}));
    auto accounts = must(Accounts::open(store_, fresh, options(), kNoon));
    const auto in =
        must(accounts.sign_in({.email = "anna@example.org", .password = kGood, .peer = "192.0.2.1"}, kNoon));
    EXPECT_EQ(in.state, SignIn::State::signed_in);
    EXPECT_EQ(in.session->person.id, id);
}

TEST(Emails, AreFoldedOrRefused) {
    EXPECT_EQ(fold_email("A.B+c@Example.ORG"), "a.b+c@example.org");
    for (const char* bad :
         {"", "a", "@", "a@", "@b", "a@b@c", "a b@c", "a@b\n", "ä@b.de", "a@b,c@d", "<a@b>", "a\"@b"})
        EXPECT_EQ(fold_email(bad == std::string("a@b\n") ? "a@\nb" : bad), std::nullopt) << bad;
    EXPECT_EQ(fold_email(std::string(300, 'a') + "@b"), std::nullopt);
}

TEST(PasswordRules, LookAtLengthAndAtWhatIsTriedFirst) {
    for (const char* good :
         {"seven green lanterns", "kettle-moss-arbour", "Tr4velling w1thout m4ps", "грозовой перевал 7"})
        EXPECT_TRUE(check_password(good, "anna@example.org")) << good;
    for (const char* bad : {"short",
                            "elevenchars",
                            "password1234",
                            "Password123456!",
                            "P@ssw0rd12345",
                            "passwordpassword",
                            "qwertyuiop123",
                            "123456789012",
                            "098765432109",
                            "aaaaaaaaaaaa",
                            "abababababab",
                            "abcabcabcabc",
                            "abcdefghijkl",
                            "letmeinletmein",
                            "administrator1",
                            "correct horse battery staple",
                            "xanna.exampleorgx",
                            "111111111111111",
                            "iloveyou2024!!",
                            "............"}) {
        EXPECT_FALSE(check_password(bad, "anna.exampleorg@example.org")) << bad;
    }
    EXPECT_FALSE(check_password("anna@example.org", "anna@example.org"));
    EXPECT_FALSE(check_password(std::string(1025, 'x') + "y", ""));
    EXPECT_FALSE(check_password("\xff\xfe is no text here", ""));
    EXPECT_FALSE(check_password(std::string("nul \0 in the middle", 19), ""));
}

TEST(Rights, AreSpelledAsTheyAreRead) {
    EXPECT_EQ(names_of(Roles{Role::admin, Role::viewer}), (std::vector<std::string>{"viewer", "admin"}));
    const std::vector<std::string> good{"check", "lists"};
    EXPECT_EQ(must(parse_scopes(good)), (Scopes{Scope::check, Scope::lists}));
    const std::vector<std::string> bad{"check", "everything"};
    EXPECT_THAT(parse_scopes(bad).error().message, HasSubstr("everything"));
    EXPECT_FALSE(parse_roles({}));
    EXPECT_EQ(Roles::from_bits(-1, kRoles).bits(), (1 << kRoles) - 1);
}

}  // namespace
}  // namespace rushlight::accounts
