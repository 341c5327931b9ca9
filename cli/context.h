// The parts that commands need, made when one first asks for them: printing a file's hash opens no database.
#pragma once

#include "base/config.h"
#include "base/result.h"
#include "cli/parse.h"
#include "match/match.h"
#include "media/fingerprint.h"
#include "sandbox/sandbox.h"
#include "store/store.h"
#include "vault/vault.h"

#include <memory>
#include <string>
#include <vector>

namespace rushlight::cli {

class Context {
  public:
    // `schemas`: of every room's tables, in floor order.
    static Result<Context> create(const Common& common, std::vector<store::Schema> schemas);

    const Config& config() const { return config_; }
    bool json() const { return json_; }
    const std::vector<store::Schema>& schemas() const { return schemas_; }
    // So many files will be read at once; more than there are cores only where somebody asked for it. To be
    // said before the first is.
    void expect_at_once(unsigned files) { at_once_ = files; }
    std::string who() const;           // who added an entry: the system's name of the person at the keyboard
    std::string who_in_audit() const;  // the same without a name: "local:1000"

    // The store with every room's tables, in the data folder (made if need be).
    Result<store::Store*> store();
    Result<vault::Sealer*> sealer();  // with the key file, made if need be
    Result<match::Lists*> lists();
    // The data folder, made if need be; nobody else's business.
    Status make_data_folder() const;
    // libexec/rushlight/NAME beside this program, in the build folder as in an installed tree.
    static Result<std::string> program(const std::string& name);
    // What the practice world shows.
    static Result<std::string> practice_files();
    // The built console; empty where there is none.
    static std::string console();
    Result<sandbox::Pool*> pool();  // of the program that reads most formats, and archives
    Result<const media::Fingerprinter*> fingerprinter();
    // From the command line's list arguments; all stored lists where there are none. `undecided` is what 64
    // bare digits of a list file are where the file does not tell.
    Result<std::unique_ptr<match::Matcher>> matcher(const std::vector<std::string>& names_and_files,
                                                    std::optional<match::Method> method,
                                                    std::optional<match::Method> undecided = std::nullopt);
    // What the key file is opened with; its passphrase comes from the file that the settings name.
    Result<vault::SealerOptions> sealer_options() const;

  private:
    Result<std::unique_ptr<sandbox::Pool>> start_pool(const std::string& name) const;

    Context(Config config, bool json, std::vector<store::Schema> schemas)
        : config_(std::move(config)), schemas_(std::move(schemas)), json_(json) {}

    Config config_;
    std::vector<store::Schema> schemas_;
    bool json_;
    unsigned at_once_ = 1;
    std::unique_ptr<store::Store> store_;
    std::unique_ptr<vault::Sealer> sealer_;
    std::unique_ptr<match::Lists> lists_;
    std::unique_ptr<sandbox::Pool> pool_;
    std::unique_ptr<sandbox::Pool> all_pool_;
    std::unique_ptr<media::Fingerprinter> fingerprinter_;
};

}  // namespace rushlight::cli
