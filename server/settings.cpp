#include "server/settings.h"

#include "base/text.h"
#include "server/server.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

namespace rushlight::server {
namespace {

using nlohmann::json;

constexpr std::array kProfiles = {
    Profile{"platform", "Platform", "You host what people upload, check it, and owe reports.", true, 72},
    Profile{"hotline", "Hotline", "People tell you of links; you follow each until it is gone.", false, 72},
    Profile{"ngo", "Organisation that helps", "You find help for people, and keep no pictures.", false, 72},
    Profile{"police", "Police unit", "You receive reports and must see at once which child is in danger.",
            true, 72},
    Profile{"research", "Research", "You work with numbers; nothing of a person is kept.", false, 72},
};

Status wrong(const std::string& what) { return fail(ErrorCode::invalid, what); }

Status read_number(const json& value, std::string_view name, std::int64_t least, std::int64_t most,
                   auto& out) {
    if (!value.is_number_integer() || value < least || value > most)
        return wrong("'" + std::string(name) + "' has to be a whole number from " + std::to_string(least) +
                     " to " + std::to_string(most));
    out = value.get<std::remove_cvref_t<decltype(out)>>();
    return {};
}

}  // namespace

Result<HoldingSet> holding_set(store::Store& store) {
    const auto keeper = SettingsKeeper::open(store);
    if (!keeper) return pass(keeper.error());
    const Settings settings = (*keeper)->get();
    return HoldingSet{.on = settings.holding,
                      .quota = static_cast<std::uint64_t>(settings.holding_quota_mb) << 20};
}

std::span<const Profile> profiles() { return kProfiles; }

nlohmann::ordered_json to_json(const Settings& settings) {
    return {{"profile", settings.profile},
            {"holding",
             {{"on", settings.holding},
              {"hours", settings.holding_hours},
              {"quota_mb", settings.holding_quota_mb}}},
            {"canary_minutes", settings.canary_minutes}};
}

Result<Settings> changed(Settings settings, const json& patch) {
    if (!patch.is_object()) return fail(ErrorCode::invalid, "the settings have to be an object");
    for (const auto& [key, value] : patch.items()) {
        Status status;
        if (key == "profile") {
            const bool known = value.is_string() && std::ranges::any_of(kProfiles, [&](const Profile& p) {
                                   return p.id == value.get_ref<const std::string&>();
                               });
            if (known) {
                settings.profile = value.get<std::string>();
            } else {
                status = wrong("'profile' has to be platform, hotline, ngo, police or research");
            }
        } else if (key == "canary_minutes") {
            status = read_number(value, key, 1, 60, settings.canary_minutes);
        } else if (key == "holding" && value.is_object()) {
            for (const auto& [inner, setting] : value.items()) {
                if (inner == "on" && setting.is_boolean()) {
                    settings.holding = setting.get<bool>();
                } else if (inner == "hours") {
                    status = read_number(setting, "holding.hours", 1, 24 * 90, settings.holding_hours);
                } else if (inner == "quota_mb") {
                    status = read_number(setting, "holding.quota_mb", 1, 1 << 24, settings.holding_quota_mb);
                } else {
                    status = wrong("'holding." + printable(inner) + "' is no setting, or not of that kind");
                }
                if (!status) return pass(status.error());
            }
        } else {
            status = wrong("'" + printable(key) + "' is no setting, or not of that kind");
        }
        if (!status) return pass(status.error());
    }
    return settings;
}

Settings SettingsKeeper::get() const {
    const std::scoped_lock lock(mutex_);
    return settings_;
}

}  // namespace rushlight::server
