// Private: DATA/keys/rushlight.key as keys, and back (docs/formats/vault.md).
#pragma once

#include "vault/secret.h"

#include <string>
#include <vector>

namespace rushlight::vault {

struct Ring {
    std::vector<Key> keys;  // the newest first; never empty

    const Key* find(const KeyId& id) const;
};

class KeyFile {
  public:
    KeyFile(const std::string& data, std::optional<std::string> passphrase, Effort effort)
        : folder_(data + "/keys"),
          path_(folder_ + "/rushlight.key"),
          passphrase_(std::move(passphrase)),
          effort_(effort) {}

    const std::string& folder() const { return folder_; }
    const std::string& path() const { return path_; }

    // nullopt where there is none.
    Result<std::optional<Ring>> read() const;
    // `conflict` where there is one already: then read() it. It appears whole or not at all.
    Status make(const Ring& ring) const;
    Status replace(const Ring& ring) const;
    Status remove() const;
    // For copies: the file as it lies there, a ring out of such a text, and a text made the file, which must
    // not be there yet.
    Result<std::optional<std::string>> text() const;
    Result<Ring> parse(std::string_view text) const;
    Status make_as(std::string_view text) const;

  private:
    Result<std::string> text_of(const Ring& ring) const;
    Result<Key> passphrase_key(Bytes salt, const Effort& effort) const;
    Result<std::string> write_beside(const Ring& ring) const;  // the new file's path

    std::string folder_;
    std::string path_;
    std::optional<std::string> passphrase_;
    Effort effort_;
};

// Writes a file of this mode beside `path`, flushed to the disk; returns its path. Nothing is left on
// failure.
Result<std::string> write_file_beside(const std::string& path, std::string_view content, unsigned mode);
// Makes the folder for its owner only, where it is missing.
Status make_private_folder(const std::string& path);

}  // namespace rushlight::vault
