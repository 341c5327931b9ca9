#include "base/config.h"

#include "base/log.h"
#include "base/text.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <variant>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

namespace rushlight {
namespace {

using Slot = std::variant<bool*, std::int64_t*, std::string*>;

struct Key {
    std::string_view section, name;
    Slot (*slot)(Config&);
    std::int64_t least = 0, most = 0;                                      // of whole numbers
    std::optional<std::string> (*wrong)(std::string_view text) = nullptr;  // with a text
};

std::optional<std::string> wrong_with_store(std::string_view url) {
    for (const std::string_view scheme : {"postgresql://", "postgres://"}) {
        if (!url.starts_with(scheme)) continue;
        const std::string_view authority =
            url.substr(scheme.size(), url.find('/', scheme.size()) - scheme.size());
        const auto at = authority.rfind('@');
        if (at != std::string_view::npos && authority.substr(0, at).find(':') != std::string_view::npos) {
            return "must not hold a password: put it into the file that PGPASSFILE names";
        }
        return std::nullopt;
    }
    if (url.empty()) return std::nullopt;
    return "has to look like postgresql://user@host/database (empty: the data folder's own database)";
}

std::optional<std::string> wrong_with_level(std::string_view name) {
    if (parse_log_level(name)) return std::nullopt;
    return "has to be debug, info, warn or error";
}

constexpr std::array kKeys = {
    Key{"store", "url", [](Config& c) { return Slot(&c.store); }, 0, 0, wrong_with_store},
    Key{"keys", "passphrase_file", [](Config& c) { return Slot(&c.keys.passphrase_file); }},
    Key{"sandbox", "allow_weak", [](Config& c) { return Slot(&c.sandbox.allow_weak); }},
    Key{"sandbox", "seconds", [](Config& c) { return Slot(&c.sandbox.seconds); }, 1, 3600},
    Key{"sandbox", "memory_mb", [](Config& c) { return Slot(&c.sandbox.memory_mb); }, 256, 65'536},
    Key{"scan", "workers", [](Config& c) { return Slot(&c.scan.workers); }, 0, 256},
    Key{"scan", "folders", [](Config& c) { return Slot(&c.scan.folders); }},
    Key{"net", "dns", [](Config& c) { return Slot(&c.net.dns); }},
    Key{"net", "allow", [](Config& c) { return Slot(&c.net.allow); }},
    Key{"serve", "listen", [](Config& c) { return Slot(&c.serve.listen); }},
    Key{"serve", "threads", [](Config& c) { return Slot(&c.serve.threads); }, 0, 256},
    Key{"serve", "reserve_mb", [](Config& c) { return Slot(&c.serve.reserve_mb); }, 0, 1'048'576},
    Key{"serve", "proxies", [](Config& c) { return Slot(&c.serve.proxies); }},
    Key{"log", "level", [](Config& c) { return Slot(&c.log.level); }, 0, 0, wrong_with_level},
    Key{"archive", "depth", [](Config& c) { return Slot(&c.archive.depth); }, 1, 20},
    Key{"archive", "members", [](Config& c) { return Slot(&c.archive.members); }, 1, 1'000'000'000},
    Key{"archive", "member_mb", [](Config& c) { return Slot(&c.archive.member_mb); }, 1, 1'048'576},
    Key{"archive", "total_mb", [](Config& c) { return Slot(&c.archive.total_mb); }, 1, 1'073'741'824},
    Key{"archive", "ratio", [](Config& c) { return Slot(&c.archive.ratio); }, 2, 1'000'000},
};

const Key* find_key(std::string_view section, std::string_view name) {
    const auto it =
        std::ranges::find_if(kKeys, [&](const Key& k) { return k.section == section && k.name == name; });
    return it == kKeys.end() ? nullptr : &*it;
}

std::string full_name(const Key& key) { return std::string(key.section) + '.' + std::string(key.name); }

std::string variable_of(const Key& key) {
    std::string name = "RUSHLIGHT_" + std::string(key.section) + '_' + std::string(key.name);
    std::ranges::transform(name, name.begin(),
                           [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    return name;
}

// The text of an environment variable as the key's kind, or what it should have been.
std::optional<std::string> set_from_text(const Key& key, Slot slot, const std::string& text) {
    if (auto* const* flag = std::get_if<bool*>(&slot)) {
        if (text != "true" && text != "false") return "has to be true or false";
        **flag = text == "true";
    } else if (auto* const* number = std::get_if<std::int64_t*>(&slot)) {
        const auto value = parse_integer(text);
        if (!value || *value < key.least || *value > key.most) {
            return "has to be a whole number from " + std::to_string(key.least) + " to " +
                   std::to_string(key.most);
        }
        **number = *value;
    } else {
        if (key.wrong != nullptr) {
            if (auto wrong = key.wrong(text)) return wrong;
        }
        *std::get<std::string*>(slot) = text;
    }
    return std::nullopt;
}

std::optional<std::string> set_from_node(const Key& key, Slot slot, const toml::node& node) {
    if (std::holds_alternative<bool*>(slot)) {
        return set_from_text(key, slot, node.is_boolean() ? (*node.value<bool>() ? "true" : "false") : "");
    }
    if (std::holds_alternative<std::int64_t*>(slot)) {
        return set_from_text(key, slot, node.is_integer() ? std::to_string(*node.value<std::int64_t>()) : "");
    }
    if (!node.is_string()) return "has to be a text in quotes";
    return set_from_text(key, slot, *node.value<std::string>());
}

class Loader {
  public:
    Loader(const ConfigFlags& flags, const Environment& environment) {
        if (const auto data = environment("RUSHLIGHT_DATA")) config.data = *data;
        if (flags.data) config.data = *flags.data;
        read_file(config.data + "/rushlight.toml");
        for (const Key& key : kKeys) {
            const std::string name = variable_of(key);
            const auto text = environment(name);
            if (!text) continue;
            if (const auto wrong = set_from_text(key, key.slot(config), *text)) {
                findings.push_back({name, full_name(key) + " " + *wrong});
            }
        }
        if (flags.store) {
            config.store = *flags.store;
            if (const auto wrong = wrong_with_store(config.store))
                findings.push_back({"--store", "it " + *wrong});
        }
        if (flags.allow_weak_sandbox) config.sandbox.allow_weak = true;
    }

    Config config;
    std::vector<ConfigFinding> findings;

  private:
    void read_file(const std::string& path) {
        std::error_code error;
        if (!std::filesystem::exists(path, error)) return;
        const toml::parse_result parsed = toml::parse_file(path);
        const auto at = [&](const toml::source_region& source) {
            return path + ':' + std::to_string(source.begin.line);
        };
        if (!parsed) {
            findings.push_back({at(parsed.error().source()), std::string(parsed.error().description())});
            return;
        }
        for (const auto& [section, content] : parsed.table()) {
            const toml::table* table = content.as_table();
            if (table == nullptr) {
                findings.push_back({at(content.source()),
                                    "'" + std::string(section.str()) + "' stands outside a [section]"});
                continue;
            }
            for (const auto& [name, node] : *table) {
                const Key* key = find_key(section.str(), name.str());
                if (key == nullptr) {
                    findings.push_back({at(node.source()), "there is no setting '" +
                                                               std::string(section.str()) + '.' +
                                                               std::string(name.str()) + "'"});
                } else if (const auto wrong = set_from_node(*key, key->slot(config), node)) {
                    findings.push_back({at(node.source()), full_name(*key) + " " + *wrong});
                }
            }
        }
        std::ranges::sort(findings, {}, [](const ConfigFinding& f) {
            return parse_integer(std::string_view(f.where).substr(f.where.rfind(':') + 1)).value_or(0);
        });
    }
};

}  // namespace

Environment process_environment() {
    return [](const std::string& name) -> std::optional<std::string> {
        const char* value = std::getenv(name.c_str());
        return value != nullptr && *value != '\0' ? std::optional<std::string>(value) : std::nullopt;
    };
}

std::vector<ConfigFinding> check_config(const ConfigFlags& flags, const Environment& environment) {
    return Loader(flags, environment).findings;
}

std::vector<ConfigFinding> unknown_variables(const std::vector<std::string>& names) {
    // Read by the scripts and the tests around the program.
    constexpr std::array<std::string_view, 14> kOthers = {
        "RUSHLIGHT_DATA",       "RUSHLIGHT_FUZZ_SECONDS", "RUSHLIGHT_SOAK",       "RUSHLIGHT_CHROMIUM",
        "RUSHLIGHT_URL",        "RUSHLIGHT_SETUP_URL",    "RUSHLIGHT_MEDIA_DATA", "RUSHLIGHT_BINARY_DIR",
        "RUSHLIGHT_SOURCE_DIR", "RUSHLIGHT_TESTS",        "RUSHLIGHT_BENCHMARKS", "RUSHLIGHT_PROGRAMS",
        "RUSHLIGHT_FUZZERS",    "RUSHLIGHT_VERSION"};
    std::vector<ConfigFinding> findings;
    for (const std::string& name : names) {
        if (!name.starts_with("RUSHLIGHT_") || std::ranges::find(kOthers, name) != kOthers.end()) continue;
        if (std::ranges::any_of(kKeys, [&](const Key& key) { return variable_of(key) == name; })) continue;
        findings.push_back({name, "there is no setting of this name, so it changes nothing"});
    }
    std::ranges::sort(findings, {}, &ConfigFinding::where);
    return findings;
}

Result<Config> load_config(const ConfigFlags& flags, const Environment& environment) {
    Loader loader(flags, environment);
    if (!loader.findings.empty()) {
        const ConfigFinding& first = loader.findings.front();
        return fail(ErrorCode::invalid,
                    first.where + ": " + first.message + " (`rushlight config check` lists everything)");
    }
    return std::move(loader.config);
}

}  // namespace rushlight
