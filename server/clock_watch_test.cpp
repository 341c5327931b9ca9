#include "server/clock_watch.h"

#include "audit/verify.h"
#include "scan/history.h"
#include "server/app.h"
#include "server/server.h"
#include "store/testing/place.h"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include <gtest/gtest.h>

namespace rushlight::server {
namespace {

using namespace std::chrono_literals;
using std::chrono::microseconds;

constexpr Time kStart{1'767'225'600'000'000};

TEST(ClockWatch, SmallStepsAndSleepAreNoLeaps) {
    ClockWatch watch;
    for (int i = 0; i < 100; ++i) watch.look(kStart + microseconds(1s) * i, 1s * i);
    watch.look(kStart + 100s + 2min, 100s);  // set by a time server
    EXPECT_TRUE(watch.trusted());
    watch.look(kStart + 100s + 2min + 8h, 100s + 8h);  // the lid was closed
    EXPECT_TRUE(watch.trusted());
}

TEST(ClockWatch, ALeapIsForgottenWhenItIsTakenBack) {
    for (const microseconds leap : {microseconds(24h * 365), microseconds(-1h)}) {
        ClockWatch watch;
        watch.look(kStart, 0s);
        watch.look(kStart + 1s + leap, 1s);
        EXPECT_FALSE(watch.trusted());
        EXPECT_EQ(watch.leap(), leap);
        watch.look(kStart + 2s + leap, 2s);
        EXPECT_FALSE(watch.trusted());
        watch.look(kStart + 3s, 3s);
        EXPECT_TRUE(watch.trusted());
    }
}

TEST(ClockWatch, ALeapThatStandsForADayWasACorrection) {
    ClockWatch watch;
    watch.look(kStart, 0s);
    const microseconds leap = 24h * 365;
    for (microseconds t = 1s; t < 24h; t += 1h) {
        watch.look(kStart + t + leap, t);
        EXPECT_FALSE(watch.trusted());
    }
    watch.look(kStart + leap + 25h, 25h);
    EXPECT_TRUE(watch.trusted());
}

class ManualClock final : public Clock {
  public:
    Time now() const override { return {micros_.load()}; }
    void leap(microseconds by) { micros_ += by.count(); }

  private:
    std::atomic<std::int64_t> micros_{kStart.micros};
};

class WholeServer : public ::testing::Test {
  protected:
    WholeServer() {
        std::string pattern = (std::filesystem::temp_directory_path() / "rushlight-clock-XXXXXX").string();
        folder_ = ::mkdtemp(pattern.data());
    }
    ~WholeServer() override {
        app_.reset();
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }
    void open() {
        Config config;
        config.data = folder_;
        config.log.level = "error";
        const std::string programs = std::string(RUSHLIGHT_BINARY_DIR) + "/libexec/rushlight/";
        auto app = App::open(
            {.config = config,
             .schemas = {queue::schema(), audit::schema(), message::schema(), vault::schema(),
                         match::schema(), check::schema(), accounts::schema(), scan::schema(), schema()},
             .light_program = programs + "decode",
             .all_program = programs + "decode-all",
             .clock = &clock_,
             .housekeeping = 0s});
        ASSERT_TRUE(app) << app.error().message;
        app_ = std::move(*app);
    }
    // Housekeeping was done by the clock as it stands: a checkpoint is its last step, and due after a year.
    bool kept_house() const {
        const auto last = audit::last_checkpoint(*app_->store);
        return last && *last && (*last)->at >= clock_.now();
    }
    template <class F>
    static bool eventually(F&& condition) {
        const auto end = Steady::now() + 30s;
        while (!condition()) {
            if (Steady::now() > end) return false;
            std::this_thread::sleep_for(5ms);
        }
        return true;
    }

    std::string folder_;
    ManualClock clock_;
    std::unique_ptr<App> app_;
};

TEST_F(WholeServer, KeepsWhatItHoldsWhenTheClockLeapsAheadAndSaysSo) {
    open();
    ASSERT_TRUE(app_);
    Settings settings = app_->settings->get();
    settings.holding = true;
    ASSERT_TRUE(app_->apply(settings, "system"));
    ASSERT_TRUE(app_->start());
    const auto held =
        app_->area()->put({.why = "match", .ref = "ck_1"}, bytes_of("a file"), "system", clock_.now());
    ASSERT_TRUE(held) << held.error().message;
    ASSERT_TRUE(eventually([&] { return kept_house(); }));

    clock_.leap(24h * 365);
    const auto later = app_->area()->put({.why = "match"}, bytes_of("another"), "system", clock_.now());
    ASSERT_TRUE(later) << later.error().message;
    ASSERT_TRUE(eventually([&] { return kept_house(); }));
    EXPECT_FALSE(app_->clock_watch.trusted());
    EXPECT_FALSE(app_->area()->find(held->id)->destroyed) << "a wrong clock emptied the holding area";

    clock_.leap(-24h * 365);
    ASSERT_TRUE(eventually([&] { return app_->clock_watch.trusted(); }));
    EXPECT_FALSE(app_->area()->find(held->id)->destroyed);

    // An hour back: what is done is told in its order, and the log proves it.
    clock_.leap(-1h);
    ASSERT_TRUE(eventually([&] { return !app_->clock_watch.trusted(); }));
    ASSERT_TRUE(app_->area()->destroy(held->id, "system", "a person said so", clock_.now()));
    app_->stop();
    const auto verified = audit::verify(*app_->store, {});
    ASSERT_TRUE(verified) << verified.error().message;
    EXPECT_TRUE(verified->ok) << verified->problem;
}

}  // namespace
}  // namespace rushlight::server
