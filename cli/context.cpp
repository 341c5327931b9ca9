#include "cli/context.h"

#include "accounts/accounts.h"
#include "cli/secret_file.h"

#include <algorithm>
#include <filesystem>
#include <thread>
#include <utility>

#include <pwd.h>
#include <unistd.h>

namespace rushlight::cli {
namespace {

std::filesystem::path own_folder() {
    std::error_code error;
    return std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
}

// share/rushlight/NAME beside this program, in the build folder as in an installed tree; empty where it lacks
// that file.
std::string shared_folder(const std::string& name, const char* file) {
    std::error_code error;
    for (const auto& folder : {own_folder() / "share/rushlight", own_folder() / "../share/rushlight"}) {
        const auto path = (folder / name).lexically_normal();
        if (std::filesystem::exists(path / file, error)) return path.string();
    }
    return {};
}

}  // namespace

Result<std::string> Context::program(const std::string& name) {
    const auto here = own_folder();
    if (here.empty()) {
        return fail(
            ErrorCode::unavailable,
            "cannot read /proc/self/exe, which tells where this program and its libexec folder lie: is "
            "/proc mounted?");
    }
    for (const auto& folder : {here / "libexec/rushlight", here / "../libexec/rushlight"}) {
        const auto program = (folder / name).lexically_normal();
        if (::access(program.c_str(), X_OK) == 0) return program.string();
    }
    return fail(ErrorCode::not_found, "cannot find libexec/rushlight/" + name + " beside " + here.string() +
                                          ": the installation is incomplete (`./run --build` builds it)");
}

std::string Context::console() { return shared_folder("console", "index.html"); }

Result<std::string> Context::practice_files() {
    std::string folder = shared_folder("practice", "scenes.csv");
    if (!folder.empty()) return folder;
    return fail(ErrorCode::not_found, "cannot find share/rushlight/practice beside " + own_folder().string() +
                                          ": the installation is incomplete (`./run --build` builds it)");
}

Result<Context> Context::create(const Common& common, std::vector<store::Schema> schemas) {
    auto config = load_config(
        {.data = common.data, .store = common.store, .allow_weak_sandbox = common.allow_weak_sandbox},
        process_environment());
    if (!config) return pass(config.error());
    return Context(std::move(*config), common.json, std::move(schemas));
}

std::string Context::who() const {
    const passwd* person = ::getpwuid(::geteuid());
    return person != nullptr ? person->pw_name : "uid " + std::to_string(::geteuid());
}

std::string Context::who_in_audit() const { return "local:" + std::to_string(::geteuid()); }

Result<vault::SealerOptions> Context::sealer_options() const {
    vault::SealerOptions options{.data = config_.data, .now = system_clock().now()};
    if (!config_.keys.passphrase_file.empty()) {
        auto passphrase = read_secret_file(config_.keys.passphrase_file, "the passphrase");
        if (!passphrase) return pass(passphrase.error());
        options.passphrase = std::move(*passphrase);
    }
    return options;
}

Result<vault::Sealer*> Context::sealer() {
    if (!sealer_) {
        auto opened_store = store();
        if (!opened_store) return pass(opened_store.error());
        const auto options = sealer_options();
        if (!options) return pass(options.error());
        auto opened = vault::Sealer::open(**opened_store, *options);
        if (!opened) return pass(opened.error());
        sealer_ = std::make_unique<vault::Sealer>(std::move(*opened));
    }
    return sealer_.get();
}

Status Context::make_data_folder() const {
    std::error_code error;
    if (std::filesystem::create_directories(config_.data, error)) {
        std::filesystem::permissions(config_.data, std::filesystem::perms::owner_all, error);
    }
    if (!error) return {};
    return fail(ErrorCode::io, "cannot make the data folder '" + config_.data + "': " + error.message());
}

Result<store::Store*> Context::store() {
    if (!store_) {
        if (auto made = make_data_folder(); !made) return pass(made.error());
        auto opened = store::Store::open(
            {.where = config_.store.empty() ? config_.data : config_.store, .schemas = schemas_});
        if (!opened) return pass(opened.error());
        store_ = std::make_unique<store::Store>(std::move(*opened));
    }
    return store_.get();
}

Result<match::Lists*> Context::lists() {
    if (!lists_) {
        auto opened_store = store();
        if (!opened_store) return pass(opened_store.error());
        auto opened = match::Lists::open(**opened_store, config_.data);
        if (!opened) return pass(opened.error());
        lists_ = std::move(*opened);
    }
    return lists_.get();
}

Result<std::unique_ptr<sandbox::Pool>> Context::start_pool(const std::string& name) const {
    const auto found = program(name);
    if (!found) return pass(found.error());
    sandbox::Options options;
    options.program = *found;
    options.limits.memory = static_cast<std::uint64_t>(config_.sandbox.memory_mb) << 20;
    options.limits.time = std::chrono::seconds(config_.sandbox.seconds);
    options.limits.output = std::max(
        options.limits.output, static_cast<std::uint64_t>(config_.archive.member_mb) << 20);  // unpacked
    options.children = std::max({1u, std::thread::hardware_concurrency(), at_once_});
    options.allow_weak = config_.sandbox.allow_weak;
    auto pool = sandbox::Pool::create(std::move(options));
    if (!pool) return pass(pool.error());
    return std::make_unique<sandbox::Pool>(std::move(*pool));
}

Result<sandbox::Pool*> Context::pool() {
    if (!pool_) {
        auto started = start_pool("decode");
        if (!started) return pass(started.error());
        pool_ = std::move(*started);
    }
    return pool_.get();
}

Result<const media::Fingerprinter*> Context::fingerprinter() {
    if (!fingerprinter_) {
        auto light = pool();
        if (!light) return pass(light.error());
        auto all = start_pool("decode-all");
        if (!all) return pass(all.error());
        all_pool_ = std::move(*all);
        fingerprinter_ = std::make_unique<media::Fingerprinter>(**light, *all_pool_);
    }
    return fingerprinter_.get();
}

Result<std::unique_ptr<match::Matcher>> Context::matcher(const std::vector<std::string>& names_and_files,
                                                         std::optional<match::Method> method,
                                                         std::optional<match::Method> undecided) {
    match::Sources sources;
    sources.all_stored = names_and_files.empty();
    sources.file_method = method;
    sources.file_undecided = undecided;
    for (const std::string& value : names_and_files) {
        (match::names_a_file(value) ? sources.files : sources.stored).push_back(value);
    }
    match::Lists* stored = nullptr;
    if (sources.all_stored || !sources.stored.empty()) {
        auto opened = lists();
        if (!opened) return pass(opened.error());
        stored = *opened;
    }
    auto matcher = match::Matcher::open(stored, sources);
    if (!matcher && matcher.error().code == ErrorCode::not_found) {
        for (const std::string& name : sources.stored) {
            std::error_code ignored;
            if (std::filesystem::is_regular_file(name, ignored))
                matcher.error().message += "; there is a file of that name: --list ./" + name + " reads it";
        }
    }
    return matcher;
}

}  // namespace rushlight::cli
