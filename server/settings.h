// settings: what an administrator sets while the server runs. What a machine's operator sets stands in
// DATA/rushlight.toml (base/config.h).
//
// Thread-safety: all members may be called from any thread.
#pragma once

#include "base/result.h"
#include "base/time.h"
#include "store/store.h"

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace rushlight::server {

store::Schema schema();

// Who runs it, and with which careful defaults.
struct Profile {
    std::string_view id, name, what;
    bool holding = false;  // switched on at set-up
    int hours = 72;
};
std::span<const Profile> profiles();

struct Settings {
    std::string profile;  // empty: not set up yet
    bool holding = false;
    int holding_hours = 72;
    std::int64_t holding_quota_mb = 10'240;
    int canary_minutes = 5;

    bool operator==(const Settings&) const = default;
};
nlohmann::ordered_json to_json(const Settings& settings);
// Changes what `patch` names; fails with `invalid`, in words.
Result<Settings> changed(Settings settings, const nlohmann::json& patch);

class SettingsKeeper {
  public:
    static Result<std::unique_ptr<SettingsKeeper>> open(store::Store& store);

    Settings get() const;
    // Stored and audited in one transaction.
    Status set(const Settings& settings, std::string_view who, Time now);
    Status follow();  // takes over what another process has set

  private:
    explicit SettingsKeeper(store::Store& store) : store_(&store) {}

    store::Store* store_;
    std::mutex storing_;  // what follow() has read must not take the place of what set() stored meanwhile
    mutable std::mutex mutex_;
    Settings settings_;
};

}  // namespace rushlight::server
