// Private (until the evidence vault comes): bytes sealed as they stream into a file, and streamed out again.
// Format: docs/formats/vault.md. One random key a file, given by the caller; nothing is handed out before it
// was authenticated, and a file that was cut, changed or mixed from others is `corrupt`.
//
// Method: libsodium's secretstream (XChaCha20-Poly1305) in chunks of 64 KiB, the header bound to each.
// One thread at a time.
#pragma once

#include "base/fd.h"
#include "vault/secret.h"

#include <cstdint>
#include <memory>
#include <string>

namespace rushlight::vault {

inline constexpr std::size_t kChunk = 64 * 1024;  // bytes of content sealed at once
inline constexpr std::size_t kMostPurpose = 100;

class SealedWriter {
  public:
    // Writes the header. The descriptor stays the caller's.
    static Result<SealedWriter> begin(int fd, const Key& key, std::string_view purpose);
    SealedWriter(SealedWriter&&) noexcept;
    SealedWriter& operator=(SealedWriter&&) noexcept;
    ~SealedWriter();

    Status write(Bytes bytes);
    // The last chunk, with the mark that nothing follows. Not flushed to the disk.
    Status finish();

  private:
    struct State;
    explicit SealedWriter(std::unique_ptr<State> state);
    Status seal_chunk(Bytes chunk, bool last);

    std::unique_ptr<State> state_;
};

class SealedReader {
  public:
    // Reads from the descriptor's start on; the descriptor stays the caller's.
    static Result<SealedReader> begin(int fd, const Key& key, std::string_view purpose);
    SealedReader(SealedReader&&) noexcept;
    SealedReader& operator=(SealedReader&&) noexcept;
    ~SealedReader();

    // The next piece, valid until the next call; empty at the end, once it is certain that nothing is
    // missing.
    Result<Bytes> next();

  private:
    struct State;
    explicit SealedReader(std::unique_ptr<State> state);

    std::unique_ptr<State> state_;
};

}  // namespace rushlight::vault
