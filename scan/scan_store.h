// The tables of scan: which scans ran, what they answered, and the fingerprints of the bytes they read.
#pragma once

#include "base/hash.h"
#include "base/result.h"
#include "base/time.h"
#include "media/fingerprint.h"
#include "scan/history.h"
#include "store/store.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace rushlight::scan {

// One answered item, ready to be stored.
struct Record {
    std::string name;                 // absolute, bytes
    std::optional<Sha256> content{};  // none: it could come out otherwise next time, and is read again then
    std::string decision{};
    std::string line{};  // its JSON
    const media::Fingerprint* fingerprint =
        nullptr;  // to be kept for these bytes; null: kept already, or not worth it
};

class ScanStore {
  public:
    explicit ScanStore(store::Store& store) : store_(&store) {}

    // `asked` says what the items are held against: scans with another one do not count as the same question.
    Result<RunId> begin(std::string_view targets, const Sha256& asked, Time now);
    Status end(RunId run, std::string_view state, std::string_view summary, Time now);

    struct Known {
        std::optional<media::Fingerprint> fingerprint;  // without exact hashes and size
        bool answered = false;  // an earlier scan (or this one) answered this item with these bytes and lists
    };
    Result<Known> find(const Sha256& content, std::string_view name, const Sha256& asked);

    // All of them or, where it fails, none; survives a power cut.
    Status save(RunId run, std::span<const Record> records, Time now);

  private:
    store::Store* store_;
};

}  // namespace rushlight::scan
