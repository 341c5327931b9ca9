// Private: DATA/holding, the files of the holding area by their ids. A lock on a file says that its process
// is still at work on it; the system takes it off when that process ends.
#pragma once

#include "base/fd.h"
#include "vault/holding.h"

#include <string>
#include <utility>
#include <vector>

namespace rushlight::vault {

class LockedFile {
  public:
    LockedFile() = default;
    explicit LockedFile(Fd fd) : fd_(std::move(fd)) {}
    int fd() const { return fd_.get(); }

  private:
    Fd fd_;
};

class HeldFolder {
  public:
    enum class Stage { incoming, kept };  // ID.part, ID.sealed

    // Makes it for its owner only, and the name of this place in it, where they are missing.
    static Result<HeldFolder> open(std::string path);

    const std::string& place() const { return place_; }

    Result<LockedFile> make(const HeldId& id) const;
    Status keep(const HeldId& id, const LockedFile& file) const;  // on the disk, under its lasting name
    Result<LockedFile> open(const HeldId& id) const;              // for reading, not locked
    std::optional<LockedFile> try_lock(const HeldId& id, Stage stage) const;
    bool has(const HeldId& id) const;
    Fd may_sweep() const;  // none while HeldCopies::pause_sweeps() is held; keep it for the sweep
    void remove(const HeldId& id, Stage stage) const;
    void shred(const HeldId& id) const;  // overwrites a kept file and removes it
    std::vector<std::pair<HeldId, Stage>> list() const;

  private:
    HeldFolder(std::string path, std::string place) : path_(std::move(path)), place_(std::move(place)) {}
    std::string path_of(const HeldId& id, Stage stage) const;

    std::string path_;
    std::string place_;
};

}  // namespace rushlight::vault
