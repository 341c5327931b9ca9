// app: the parts of a running server, made in their order and ended in the other.
//
// Thread-safe where its parts are; start() and stop() are the owner's.
#pragma once

#include "accounts/accounts.h"
#include "accounts/api_keys.h"
#include "base/config.h"
#include "base/log.h"
#include "check/service.h"
#include "match/match.h"
#include "media/fingerprint.h"
#include "message/message.h"
#include "net/net.h"
#include "queue/queue.h"
#include "sandbox/sandbox.h"
#include "server/clock_watch.h"
#include "server/hub.h"
#include "server/later.h"
#include "server/metrics.h"
#include "server/reserve.h"
#include "server/scan_runner.h"
#include "server/server_store.h"
#include "server/settings.h"
#include "server/upload.h"
#include "server/vitals.h"
#include "store/store.h"
#include "vault/holding.h"
#include "vault/vault.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace rushlight::server {

inline constexpr std::uint64_t kMostUpload = std::uint64_t{256} << 20;  // one file
inline constexpr std::uint64_t kMostUploads = std::uint64_t{1} << 30;   // all that are under way

struct AppOptions {
    Config config;
    std::vector<store::Schema> schemas;
    std::string light_program, all_program;      // libexec/rushlight/decode and decode-all
    std::optional<std::string> passphrase{};     // of the key file
    std::vector<std::string> allowed_targets{};  // HOST:PORT
    std::string nothing_else{};                  // why nothing but these may be reached; empty: not so
    std::string who = "system";                  // starts it, as the audit log says it
    const Clock* clock = &system_clock();
    std::chrono::seconds housekeeping{60};  // how often what is due is thrown away, and the like
};

class App {
  public:
    static Result<std::unique_ptr<App>> open(const AppOptions& options);
    ~App();
    App(const App&) = delete;
    App& operator=(const App&) = delete;

    Status start();  // what goes on by itself: counts, canary, expiry, checkpoints
    void stop();     // ends checks that wait, and scans
    bool is_ready(std::string& why) const;
    bool restored() const { return restored_; }  // the store has another life than the one that was opened

    std::shared_ptr<vault::HoldingArea> area() const;
    // Adopts what an administrator has set.
    Status apply(const Settings& settings, std::string_view who);

    // Parts, made by open() in this order; each outlives those below it.
    const AppOptions options;
    const Clock& clock;
    const Time started;
    const Log log;  // standard error: JSON, or words where that is a terminal
    Metrics metrics;
    Reserve reserve;
    ClockWatch clock_watch;
    std::optional<store::Store> store;
    std::optional<vault::Sealer> sealer;
    std::optional<audit::SigningKey> receipt_key, audit_key;
    std::optional<accounts::Accounts> accounts;
    std::optional<accounts::ApiKeys> keys;
    std::unique_ptr<match::Lists> lists;
    std::unique_ptr<match::Matcher> matcher;
    std::optional<sandbox::Pool> light, all;
    std::optional<media::Fingerprinter> fingerprinter;
    std::unique_ptr<SettingsKeeper> settings;
    std::optional<net::Client> client;
    std::vector<std::string> allowed_targets;  // HOST:PORT that the client may reach at any address
    std::optional<IdempotencyStore> idempotency;
    std::shared_ptr<UploadBudget> uploads = std::make_shared<UploadBudget>(kMostUploads);
    Hub hub{started};
    LaterPool later{4};
    LaterPool fetches{8};       // links are fetched here: a slow site holds up no other request
    std::stop_source fetching;  // asked to stop, fetches end
    std::unique_ptr<message::Sealer> message_sealer;
    std::unique_ptr<check::Service> checks;
    std::unique_ptr<ScanRunner> scans;

  private:
    explicit App(const AppOptions& options);
    Status open_parts();
    Status open_readers();
    Status audit_targets();
    Status reopen_area();
    void checked(const check::Reply& reply, const check::Asked& asked);
    void tick_along(const std::stop_token& stop);
    void each_minute(Time now);
    void forget_old(Time now);
    void look_at_disk(Time now);
    Status publish(store::Writer& writer, std::string_view type, std::string_view body, Time at) const;

    std::shared_ptr<vault::HoldingArea> area_;
    mutable std::mutex area_mutex_;
    std::mutex reopening_;  // one at a time: the last to come reads the newest settings
    std::int64_t life_ = 0;
    std::atomic<bool> restored_{false};
    std::atomic<std::int64_t> last_tick_{0};  // of the steady clock, in ms
    std::atomic<bool> store_answers_{true};   // as of the last tick
    std::unique_ptr<message::Deliver> deliver_;
    std::optional<queue::Workers> workers_;
    Vitals vitals_;
    std::jthread ticker_;
};

}  // namespace rushlight::server
