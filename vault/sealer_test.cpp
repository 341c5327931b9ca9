// The key file and what is sealed under it.

#include "audit/audit.h"
#include "store/testing/place.h"
#include "vault/test_folder.h"
#include "vault/vault.h"

#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

namespace rushlight::vault {
namespace {

using ::testing::HasSubstr;
constexpr Time kNoon{1'800'000'000'000'000};
constexpr Effort kLight{.passes = 1, .memory_kib = 64};

class Keys : public ::testing::TestWithParam<store::testing::Kind> {
  protected:
    SealerOptions options(const std::string& folder) const {
        return {
            .data = folder, .passphrase = std::nullopt, .accept_loss = false, .effort = kLight, .now = kNoon};
    }
    Sealer open() {
        auto opened = Sealer::open(store_, options(folder_.path()));
        if (!opened) throw std::runtime_error(opened.error().message);
        return std::move(*opened);
    }
    Error refusal(const SealerOptions& asked) {
        auto opened = Sealer::open(store_, asked);
        EXPECT_FALSE(opened);
        return opened ? Error{} : opened.error();
    }
    std::string key_file() const { return folder_.path("keys/rushlight.key"); }

    TestFolder folder_;
    store::testing::Place place_{GetParam()};
    store::Store store_ = store::testing::open(place_, {audit::schema(), schema()});
};
INSTANTIATE_TEST_SUITE_P(, Keys, store::testing::both(), store::testing::name_of);

TEST_P(Keys, ASecretOpensAgainForItsPurposeOnly) {
    ByteVector sealed;
    {
        const Sealer sealer = open();
        sealed = sealer.seal("accounts.totp:a1", bytes_of("secret")).value();
        struct stat info{};
        ASSERT_EQ(::stat(key_file().c_str(), &info), 0);
        EXPECT_EQ(info.st_mode & 07777, 0600u);
        ASSERT_EQ(::stat(folder_.path("keys").c_str(), &info), 0);
        EXPECT_EQ(info.st_mode & 07777, 0700u);
    }
    const Sealer sealer = open();
    EXPECT_EQ(text_of(*sealer.open("accounts.totp:a1", sealed)), "secret");
    EXPECT_EQ(sealer.open("accounts.totp:a2", sealed).error().code, ErrorCode::corrupt);
    EXPECT_EQ(std::string(text_of(sealed)).find("secret"), std::string::npos);
    EXPECT_NE(sealer.seal("p", bytes_of("secret")).value(), sealer.seal("p", bytes_of("secret")).value());
    EXPECT_EQ(sealer.seal("p", ByteVector(kMostSecret + 1)).error().code, ErrorCode::limit);
    EXPECT_TRUE(sealer.open("p", *sealer.seal("p", {}))->empty());
}

TEST_P(Keys, AnyFlippedByteOfASealedSecretIsFound) {
    const Sealer sealer = open();
    const ByteVector sealed = sealer.seal("p", bytes_of("a secret of some length")).value();
    for (std::size_t at = 0; at < sealed.size(); ++at) {
        ByteVector changed = sealed;
        changed[at] ^= std::byte{0x10};
        EXPECT_FALSE(sealer.open("p", changed)) << at;
        EXPECT_FALSE(sealer.open("p", Bytes(sealed).first(at))) << at;
    }
}

TEST_P(Keys, RefusesAKeyFileThatOthersCanRead) {
    (void)open();
    for (const ::mode_t mode : {0640, 0604, 0620, 0777}) {
        ASSERT_EQ(::chmod(key_file().c_str(), mode), 0);
        const Error refused = refusal(options(folder_.path()));
        EXPECT_EQ(refused.code, ErrorCode::denied);
        EXPECT_THAT(refused.message, HasSubstr("chmod 600"));
    }
    ASSERT_EQ(::chmod(key_file().c_str(), 0400), 0);
    (void)open();
}

TEST_P(Keys, SaysWhatIsLostWithoutTheKeyFile) {
    audit::PublicKey old_key;
    {
        const Sealer sealer = open();
        const auto made = sealer.signing_key(store_, "audit", kNoon);
        ASSERT_TRUE(made);
        old_key = made->public_key();
    }
    std::filesystem::remove(key_file());
    const Error missing = refusal(options(folder_.path()));
    EXPECT_EQ(missing.code, ErrorCode::not_found);
    EXPECT_THAT(missing.message, HasSubstr("missing"));
    EXPECT_THAT(missing.message, HasSubstr("1 signing keys"));
    EXPECT_FALSE(std::filesystem::exists(key_file())) << "no new one may hide the loss";
    // The operator says that it is so.
    auto accepted = options(folder_.path());
    accepted.accept_loss = true;
    ASSERT_TRUE(Sealer::open(store_, accepted));
    const Sealer sealer = open();
    const auto fresh = sealer.signing_key(store_, "audit", kNoon);
    ASSERT_TRUE(fresh) << fresh.error().message;
    EXPECT_NE(fresh->public_key(), old_key);
    EXPECT_EQ(read_file(folder_.path("keys/audit.pub")),
              old_key.hex() + "\n" + fresh->public_key().hex() + "\n");
}

TEST_P(Keys, RefusesTheKeyFileOfAnotherInstallation) {
    (void)open();
    write_file(key_file(), "rushlight-key 1\nkey 0000000000000000 " + std::string(64, '0') + "\n");
    EXPECT_THAT(refusal(options(folder_.path())).message, HasSubstr("was changed"));
    const TestFolder other;
    store::testing::Place elsewhere{GetParam()};
    auto other_store = store::testing::open(elsewhere, {audit::schema(), schema()});
    ASSERT_TRUE(Sealer::open(other_store, options(other.path())));
    std::filesystem::copy_file(other.path("keys/rushlight.key"), key_file(),
                               std::filesystem::copy_options::overwrite_existing);
    EXPECT_THAT(refusal(options(folder_.path())).message, HasSubstr("not the one"));
}

TEST_P(Keys, ADamagedKeyFileIsSaid) {
    (void)open();
    const std::string whole = read_file(key_file());
    for (std::size_t at = 0; at < whole.size(); ++at) {
        std::string changed = whole;
        changed[at] = changed[at] == '7' ? '8' : '7';
        write_file(key_file(), changed);
        EXPECT_FALSE(Sealer::open(store_, options(folder_.path()))) << "byte " << at;
        write_file(key_file(), whole.substr(0, at));
        EXPECT_FALSE(Sealer::open(store_, options(folder_.path()))) << "cut at " << at;
    }
    write_file(key_file(), std::string(1 << 20, 'a'));
    EXPECT_EQ(refusal(options(folder_.path())).code, ErrorCode::corrupt);
}

TEST_P(Keys, APassphraseClosesTheKeyFile) {
    auto with = options(folder_.path());
    with.passphrase = "correct horse";
    ByteVector sealed;
    {
        auto sealer = Sealer::open(store_, with);
        ASSERT_TRUE(sealer) << sealer.error().message;
        sealed = sealer->seal("p", bytes_of("secret")).value();
        ASSERT_TRUE(sealer->rotate(store_, kNoon));
    }
    EXPECT_EQ(refusal(options(folder_.path())).code, ErrorCode::denied);
    auto wrong = with;
    wrong.passphrase = "Correct horse";
    EXPECT_THAT(refusal(wrong).message, HasSubstr("wrong"));
    auto sealer = Sealer::open(store_, with);
    ASSERT_TRUE(sealer) << sealer.error().message;
    EXPECT_EQ(sealer->keys(), 2u);
    EXPECT_EQ(text_of(*sealer->open("p", sealed)), "secret");
}

TEST_P(Keys, ANewKeyLeavesOldSecretsReadable) {
    Sealer sealer = open();
    const Sealer beside = open();  // another process
    const ByteVector old = sealer.seal("p", bytes_of("old")).value();
    ASSERT_TRUE(sealer.rotate(store_, kNoon));
    const ByteVector fresh = sealer.seal("p", bytes_of("new")).value();
    EXPECT_TRUE(sealer.is_old(old));
    EXPECT_FALSE(sealer.is_old(fresh));
    EXPECT_EQ(text_of(*sealer.open("p", old)), "old");
    EXPECT_EQ(text_of(*beside.open("p", fresh)), "new") << "it reads the file again";
    EXPECT_EQ(open().keys(), 2u);
}

TEST_P(Keys, SigningKeysStayTheSame) {
    const Sealer sealer = open();
    const auto first = sealer.signing_key(store_, "audit", kNoon);
    ASSERT_TRUE(first) << first.error().message;
    const auto again = open().signing_key(store_, "audit", kNoon);
    ASSERT_TRUE(again);
    EXPECT_EQ(first->public_key(), again->public_key());
    EXPECT_NE(sealer.signing_key(store_, "receipt", kNoon)->public_key(), first->public_key());
    EXPECT_EQ(read_file(folder_.path("keys/audit.pub")), first->public_key().hex() + "\n");
}

TEST_P(Keys, ManyWhoComeAtOnceGetOneKeyFile) {
    std::vector<std::thread> threads;
    std::vector<KeyId> ids(6);
    for (std::size_t i = 0; i < ids.size(); ++i) threads.emplace_back([&, i] { ids[i] = open().current(); });
    for (std::thread& thread : threads) thread.join();
    for (const KeyId& id : ids) EXPECT_EQ(id, ids.front());
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path("keys")), {}), 1);
}

}  // namespace
}  // namespace rushlight::vault
