// What was backed up comes back, on either database, and nothing that is not whole does.
#include "backup/backup.h"

#include "accounts/accounts.h"
#include "audit/audit.h"
#include "audit/verify.h"
#include "backup/header.h"
#include "backup/rows.h"
#include "backup/tar.h"
#include "store/testing/place.h"
#include "vault/copy.h"
#include "vault/holding.h"
#include "vault/vault.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

namespace rushlight::backup {
namespace {

namespace fs = std::filesystem;
using store::testing::Kind;
using ::testing::HasSubstr;
using vault::HeldId;

constexpr Time kNow{1'700'000'000'000'000};

std::vector<store::Schema> schemas(bool more = true) {
    std::vector<store::Schema> all{audit::schema(),
                                   vault::schema(),
                                   accounts::schema(),
                                   {.room = "thing", .migrations = {{.number = 1, .name = "things", .sql = R"(
        CREATE TABLE thing (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, size REAL, mark BLOB)
        STRICT;)"}}}};
    if (more)
        all.back().migrations.push_back(
            {.number = 2,
             .name = "colours",
             .sql = "ALTER TABLE thing ADD COLUMN colour TEXT NOT NULL DEFAULT 'grey'; UPDATE thing SET "
                    "colour = 'red' WHERE name = 'a';"});
    return all;
}

std::string slurp(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

// A data folder, its store, and what a server would have open on it.
class House {
  public:
    explicit House(Kind kind, std::vector<store::Schema> rooms = schemas())
        : place_(kind),
          folder_(kind == Kind::sqlite ? place_.where() : made()),
          store(store::testing::open(place_, std::move(rooms))) {}
    ~House() {
        std::error_code ignored;
        if (place_.kind() == Kind::postgres) fs::remove_all(folder_, ignored);
    }
    House(const House&) = delete;
    House& operator=(const House&) = delete;

    const std::string& data() const { return folder_; }
    std::string where() const { return place_.kind() == Kind::postgres ? place_.where() : std::string(); }
    std::string file(const std::string& name = "a.rushlight") const { return folder_ + '/' + name; }

    vault::Sealer sealer() {
        auto opened = vault::Sealer::open(store, {.data = folder_, .now = kNow});
        if (!opened) throw std::runtime_error(opened.error().message);
        return std::move(*opened);
    }
    HeldId hold(const vault::Sealer& sealer, std::string_view content) {
        auto area = vault::HoldingArea::open(store, sealer, {.data = folder_, .on = true}, kNow);
        const auto held = area->put({.why = "match"}, bytes_of(content), "system", kNow);
        if (!held) throw std::runtime_error(held.error().message);
        return held->id;
    }
    void add(std::string_view name) {
        const Status added = store.write([&](store::Writer& writer) -> Status {
            return writer
                .run("INSERT INTO thing (name, size, mark) VALUES ($1, $2, $3)",
                     {name, 1.5, bytes_of(std::string_view("\0\xff", 2))})
                .map([](std::int64_t) {});
        });
        ASSERT_TRUE(added) << added.error().message;
    }
    std::int64_t count(std::string_view sql) {
        std::int64_t n = -1;
        const Status read = store.read([&](store::Reader& reader) -> Status {
            return reader.integer(sql).map([&](auto value) { n = value.value_or(-1); });
        });
        EXPECT_TRUE(read) << read.error().message;
        return n;
    }

    BackedUp back_up_to(const std::string& path, bool keys = true) {
        auto made =
            back_up(store, {.data = folder_, .file = path, .program = "test 1", .keys = keys, .now = kNow});
        EXPECT_TRUE(made) << made.error().message;
        return made ? *made : BackedUp{};
    }
    RestoreOptions restoring(const std::string& path) const {
        return {.data = folder_,
                .store = where(),
                .schemas = schemas(),
                .file = path,
                .program = "test 1",
                .who = "local:1",
                .now = kNow};
    }

  private:
    static std::string made() {
        std::string folder = (fs::temp_directory_path() / "rushlight-backup-XXXXXX").string();
        if (::mkdtemp(folder.data()) == nullptr) throw std::runtime_error("no temporary folder");
        return folder;
    }
    store::testing::Place place_;
    std::string folder_;

  public:
    store::Store store;
};

class BackupTest : public ::testing::TestWithParam<std::tuple<Kind, Kind>> {
  protected:
    House from_{std::get<0>(GetParam())};
    House to_{std::get<1>(GetParam())};
};

TEST_P(BackupTest, EverythingComesBackAndOpens) {
    auto sealer = from_.sealer();
    const HeldId held = from_.hold(sealer, "what matched");
    const HeldId decided = from_.hold(sealer, "decided on");
    from_.add("a");
    const BackedUp made = from_.back_up_to(from_.file());
    EXPECT_EQ(made.keys, Keys::in_the_clear);
    EXPECT_EQ(made.held, 2);
    EXPECT_TRUE(made.is_private);
    struct stat info{};
    ASSERT_EQ(::stat(from_.file().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u);
    EXPECT_FALSE(fs::exists(from_.file() + ".part"));
    EXPECT_EQ(back_up(from_.store, {.data = from_.data(), .file = from_.file()}).error().code,
              ErrorCode::conflict);

    const auto before = to_.store.life();
    const auto restored = restore(to_.restoring(from_.file()));
    ASSERT_TRUE(restored) << restored.error().message;
    EXPECT_TRUE(restored->kept.empty());
    EXPECT_EQ(restored->held, 2);
    EXPECT_EQ(restored->about.sha256, made.sha256);
    EXPECT_NE(to_.store.life().value_or(0), *before) << "whoever has the store open learns of it";
    EXPECT_EQ(to_.count("SELECT count(*) FROM thing WHERE name = 'a' AND size = 1.5"), 1);
    EXPECT_TRUE(audit::verify(to_.store, {})->ok);
    EXPECT_EQ(to_.count("SELECT count(*) FROM audit_entry WHERE what = 'store.restored'"), 1);
    EXPECT_EQ(to_.count("SELECT count(*) FROM audit_entry") - 1,
              from_.count("SELECT count(*) FROM audit_entry"));

    auto their_sealer = to_.sealer();
    auto area = vault::HoldingArea::open(to_.store, their_sealer, {.data = to_.data(), .on = true}, kNow);
    ASSERT_TRUE(area) << area.error().message;
    EXPECT_EQ(area->swept().stray_files + area->swept().lost_files, 0);
    auto opened = area->open_file(held, "account:a", "case 1", kNow);
    ASSERT_TRUE(opened) << opened.error().message;
    EXPECT_EQ(text_of(*opened->next()), "what matched");

    // What a person has had destroyed since does not come back with the backup.
    ASSERT_TRUE(area->destroy(decided, "account:a", "case 2", kNow));
    to_.add("new here");
    auto again = to_.restoring(from_.file());
    EXPECT_EQ(restore(again).error().code, ErrorCode::conflict) << "there is something";
    EXPECT_EQ(to_.count("SELECT count(*) FROM thing"), 2);
    again.force = true;
    again.now = kNow + std::chrono::seconds(1);
    const auto forced = restore(again);
    ASSERT_TRUE(forced) << forced.error().message;
    EXPECT_EQ(forced->held_destroyed, 1);
    EXPECT_EQ(forced->held, 1);
    EXPECT_EQ(to_.count("SELECT count(*) FROM thing"), 1);
    EXPECT_FALSE(fs::exists(to_.data() + "/holding/" + decided.hex() + ".sealed"));

    // And what was replaced was kept, and comes back itself.
    ASSERT_TRUE(fs::exists(forced->kept));
    again.file = forced->kept;
    again.now = kNow + std::chrono::seconds(2);
    ASSERT_TRUE(restore(again));
    EXPECT_EQ(to_.count("SELECT count(*) FROM thing WHERE name = 'new here'"), 1);
    EXPECT_TRUE(audit::verify(to_.store, {})->ok);
}

TEST_P(BackupTest, WithoutItsKeysItSaysWhatIsMissing) {
    auto sealer = from_.sealer();
    from_.hold(sealer, "what matched");
    const BackedUp made = from_.back_up_to(from_.file(), false);
    EXPECT_EQ(made.keys, Keys::left_out);
    EXPECT_THAT(slurp(from_.file()), ::testing::Not(HasSubstr("rushlight-key 1")));
    auto options = to_.restoring(from_.file());
    const auto refused = restore(options);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::denied);
    EXPECT_THAT(refused.error().message, HasSubstr(sealer.current().hex()));
    EXPECT_EQ(to_.count("SELECT count(*) FROM vault_held"), 0);
    options.without_keys = true;
    ASSERT_TRUE(restore(options));
    EXPECT_FALSE(vault::Sealer::open(to_.store, {.data = to_.data(), .now = kNow}));
    // The operator brings the key from where they kept it.
    fs::create_directories(to_.data() + "/keys");
    fs::copy_file(from_.data() + "/keys/rushlight.key", to_.data() + "/keys/rushlight.key");
    EXPECT_TRUE(vault::Sealer::open(to_.store, {.data = to_.data(), .now = kNow}));
}

TEST_P(BackupTest, AnotherInstallationsKeysAreAddedToThoseThatAreThere) {
    auto theirs = from_.sealer();
    from_.hold(theirs, "theirs");
    from_.back_up_to(from_.file());
    auto ours = to_.sealer();
    const auto sealed = ours.seal("test", bytes_of("ours"));
    auto options = to_.restoring(from_.file());
    options.force = true;
    ASSERT_TRUE(restore(options));
    auto both = to_.sealer();
    EXPECT_EQ(text_of(*both.open("test", *sealed)), "ours");
    EXPECT_EQ(both.keys(), 2u);
}

INSTANTIATE_TEST_SUITE_P(
    , BackupTest,
    ::testing::Values(std::tuple(Kind::sqlite, Kind::sqlite), std::tuple(Kind::postgres, Kind::postgres),
                      std::tuple(Kind::sqlite, Kind::postgres)),
    [](const auto& test) {
        const auto name = [](Kind k) { return k == Kind::sqlite ? "Sqlite" : "Postgres"; };
        return std::string(name(std::get<0>(test.param))) + "To" + name(std::get<1>(test.param));
    });

TEST(BackupFileTest, OneOfAnOlderRushlightIsBroughtUpToDate) {
    House old(Kind::sqlite, schemas(false));
    old.add("a");
    old.add("b");
    old.back_up_to(old.file());
    House now(Kind::sqlite);
    const auto restored = restore(now.restoring(old.file()));
    ASSERT_TRUE(restored) << restored.error().message;
    EXPECT_EQ(now.count("SELECT count(*) FROM thing WHERE colour = 'red'"), 1);
    EXPECT_EQ(now.count("SELECT count(*) FROM thing WHERE colour = 'grey'"), 1);

    // And one of a newer is refused in words.
    now.back_up_to(now.file("new.rushlight"));
    auto options = old.restoring(now.file("new.rushlight"));
    options.schemas = schemas(false);
    options.force = true;
    const auto refused = restore(options);
    EXPECT_EQ(refused.error().code, ErrorCode::conflict);
    EXPECT_THAT(refused.error().message, HasSubstr("newer Rushlight"));
    EXPECT_EQ(old.count("SELECT count(*) FROM thing"), 2);
}

// Bytes flipped, cut off, put in: none is taken for a backup, wherever it happened.
TEST(BackupFileTest, NoDamageGoesUnseen) {
    House house(Kind::sqlite);
    auto sealer = house.sealer();
    house.hold(sealer, std::string(3000, 'x'));
    house.add("a");
    house.back_up_to(house.file());
    const std::string good = slurp(house.file());
    ASSERT_TRUE(look_at(house.file()));
    std::mt19937 random(7);
    const auto seen = [&](const std::string& bytes) {
        auto content = Content::from_bytes(bytes_of(bytes));
        return !TarReader::open(std::move(*content), {});
    };
    for (int i = 0; i < 400; ++i) {
        std::string bad = good;
        const std::size_t at = random() % good.size();
        bad[at] = static_cast<char>(bad[at] ^ (1 << random() % 8));
        ASSERT_TRUE(seen(bad)) << "a bit of byte " << at;
        ASSERT_TRUE(seen(good.substr(0, at))) << "cut at " << at;
        ASSERT_TRUE(seen(good.substr(0, at) + good.substr(at + 1)));
        ASSERT_TRUE(seen(good.substr(0, at) + 'x' + good.substr(at)));
    }
    EXPECT_TRUE(seen(good + '\0'));
    EXPECT_TRUE(seen(""));
    EXPECT_FALSE(seen(good));
}

// Whole as a file, and still none of ours: what an attacker could hand over.
class ForgedTest : public ::testing::Test {
  protected:
    House house_{Kind::sqlite};
    House to_{Kind::sqlite};
    std::vector<std::pair<std::string, std::string>> members_;

    void SetUp() override {
        house_.add("a");
        house_.back_up_to(house_.file());
        auto tar = TarReader::open(std::move(*Content::open(house_.file())), {});
        for (const Member& member : tar->members())
            members_.emplace_back(member.name, *tar->read(member, 1 << 30));
    }
    Result<Restored> hand_over() {
        const std::string path = house_.file("forged");
        fs::remove(path);
        const Fd fd(::open(path.c_str(), O_RDWR | O_CREAT, 0600));
        TarWriter writer(fd.get(), path, 1'700'000'000);
        for (const auto& [name, content] : members_) EXPECT_TRUE(writer.add(name, bytes_of(content)));
        EXPECT_TRUE(writer.finish());
        return restore(to_.restoring(path));
    }
    std::string& content(std::string_view name) {
        for (auto& [member, text] : members_)
            if (member == name) return text;
        throw std::runtime_error("no such member");
    }
    void expect_refused(ErrorCode code) {
        const auto done = hand_over();
        ASSERT_FALSE(done);
        EXPECT_EQ(done.error().code, code) << done.error().message;
        EXPECT_EQ(to_.count("SELECT count(*) FROM thing"), 0);
        EXPECT_EQ(to_.count("SELECT count(*) FROM audit_entry"), 0);
        EXPECT_FALSE(fs::exists(to_.data() + "/restoring"));
    }
    void replace_in(std::string& text, std::string_view from, std::string_view to) {
        const auto at = text.find(from);
        ASSERT_NE(at, std::string::npos);
        text.replace(at, from.size(), to);
    }
};

TEST_F(ForgedTest, IsTakenWhereItIsWhole) { EXPECT_TRUE(hand_over()); }
TEST_F(ForgedTest, NamesThatLeadElsewhere) {
    for (const char* name :
         {"../evil", "/etc/evil", "holding/../../evil.sealed", "holding/x.sealed", "evil",
          "tables/thing/000002x", "tables/thing/000009", "tables/nothing/000001", "keys/evil"}) {
        members_.emplace_back(name, "evil");
        const auto done = hand_over();
        ASSERT_FALSE(done) << name;
        EXPECT_EQ(done.error().code, ErrorCode::corrupt);
        members_.pop_back();
    }
    EXPECT_FALSE(fs::exists(fs::path(to_.data()).parent_path() / "evil"));
}
TEST_F(ForgedTest, MembersTwice) {
    members_.push_back(members_.back());
    expect_refused(ErrorCode::corrupt);
}
TEST_F(ForgedTest, AFormatOrASchemaOfTheFuture) {
    const std::string good = content(kHeader);
    replace_in(content(kHeader), "\"thing\": 2", "\"thing\": 3");
    expect_refused(ErrorCode::conflict);
    content(kHeader) = good;
    replace_in(content(kHeader), "\"format\": 1", "\"format\": 2");
    expect_refused(ErrorCode::conflict);
}
TEST_F(ForgedTest, AHeaderThatIsNone) {
    for (const char* text : {"", "{}", "[]", "{\"format\":1}", "\xff", "{\"format\":\"1\"}"}) {
        content(kHeader) = text;
        expect_refused(ErrorCode::corrupt);
    }
}
TEST_F(ForgedTest, TablesThatAreNotThoseOfTheSchema) {
    const std::string good = content(kHeader);
    replace_in(content(kHeader), "\"colour\"", "\"odour\"");
    expect_refused(ErrorCode::corrupt);
    content(kHeader) = good;
    replace_in(content(kHeader), "\"colour\"", "\"x\\\" TEXT); DROP TABLE thing; --\"");
    expect_refused(ErrorCode::corrupt);
}
TEST_F(ForgedTest, RowsThatAreNone) {
    std::string& rows = content("tables/thing/000001");
    const std::string good = rows;
    for (std::size_t cut = 1; cut < good.size(); ++cut) {
        rows = good.substr(0, cut);
        const auto done = hand_over();
        ASSERT_FALSE(done) << cut;
        ASSERT_EQ(done.error().code, ErrorCode::corrupt);
    }
    rows = good + good;  // the same key twice
    expect_refused(ErrorCode::corrupt);
    std::string huge;
    huge += good.substr(0, 9);
    huge += "t\xff\xff\xff\xff";
    rows = huge;
    expect_refused(ErrorCode::corrupt);
}
TEST_F(ForgedTest, AnAuditLogThatWasChanged) {
    const Status written = house_.store.write([&](store::Writer& writer) -> Status {
        auto added = audit::append(writer, {.who = "system", .what = "thing.made"}, kNow);
        if (!added) return pass(added.error());
        return writer.run("UPDATE audit_entry SET who = 'nobody'").map([](std::int64_t) {});
    });
    ASSERT_TRUE(written);
    house_.back_up_to(house_.file("b"));
    const auto done = restore(to_.restoring(house_.file("b")));
    EXPECT_EQ(done.error().code, ErrorCode::corrupt);
    EXPECT_THAT(done.error().message, HasSubstr("audit log"));
    EXPECT_EQ(to_.count("SELECT count(*) FROM thing"), 0);
}

// A held file that goes while the backup is made is left out, and the restored ledger says so.
TEST(BackupFileTest, AFileThatIsDestroyedMeanwhileIsNotHalfThere) {
    House house(Kind::sqlite);
    auto sealer = house.sealer();
    auto area = vault::HoldingArea::open(house.store, sealer, {.data = house.data(), .on = true}, kNow);
    const auto first = area->put({.why = "match"}, bytes_of(std::string(9'000'000, 'x')), "system", kNow);
    const auto second = area->put({.why = "match"}, bytes_of("y"), "system", kNow);
    bool done = false;
    const auto made =
        back_up(house.store, {.data = house.data(),
                              .file = house.file(),
                              .now = kNow,
                              .progress = [&](const char* what, std::uint64_t, std::uint64_t) {
                                  if (what == std::string_view("held files") || done) return;
                                  done = true;  // the tables are being written
                                  EXPECT_TRUE(area->destroy(first->id, "account:a", "case 1", kNow));
                              }});
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_EQ(made->held_gone, 1);
    EXPECT_EQ(made->held, 1);
    House to(Kind::sqlite);
    const auto restored = restore(to.restoring(house.file()));
    ASSERT_TRUE(restored) << restored.error().message;
    EXPECT_EQ(restored->held, 1);
    EXPECT_EQ(restored->held_missing, 1);
    EXPECT_EQ(
        to.count("SELECT count(*) FROM vault_held WHERE destroyed_at IS NOT NULL AND destroyed_why LIKE "
                 "'not in the backup%'"),
        1);
}

}  // namespace
}  // namespace rushlight::backup
