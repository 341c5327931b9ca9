// The holding area: bytes that matched, sealed until a person has decided, then destroyed. Off unless an
// operator switched it on.
//
//   auto area = HoldingArea::open(store, sealer, {.data = "./var", .on = true}, clock.now());
//   auto incoming = area->begin({.why = "match", .ref = check_id});       // streams in, sealed as it comes
//   incoming->write(piece); …
//   auto sealed = incoming->finish();                                     // on the disk, not yet in the
//   ledger store.write([&](Writer& w) { … return area->enter(w, *sealed, "system", now); });   // with the
//   finding auto outgoing = area->open_file(id, "account:a1", "review of case 12", now);         // audited
//   first for (auto piece = outgoing->next(); piece && !piece->empty(); piece = outgoing->next())
//   show(*piece);
//
// Each file has a random key of its own, sealed in the ledger (a table). Destroying throws that key away in
// the same transaction that says so in the audit log, then overwrites and removes the file: what a disk or a
// copy of the folder still holds of it cannot be read. (A database backup from before still has the sealed
// key; it goes with that backup.) Files: DATA/holding/ID.sealed; format: docs/formats/vault.md.
//
// sweep() puts the folder and the ledger back in step after a crash: a file that never came into the ledger
// or is destroyed there goes, a file that the ledger has and the disk has not is said and marked. It and
// expire() are made to be called every minute; open() sweeps, too. Several processes may share the folder;
// on several machines with one PostgreSQL each file lies on the machine that took it.
//
// Threads: a HoldingArea may be used from any thread; an Incoming or Outgoing by one at a time.
// Errors: `denied` switched off; `limit` the quota; `io` a full disk; `corrupt` a changed file; `not_found`
// never there or destroyed; `unavailable` on another machine.
#pragma once

#include "vault/vault.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rushlight::vault {

using HeldId = Hash<16, struct HeldIdTag>;  // random

struct HoldingOptions {
    std::string data;
    bool on = false;  // false: takes nothing in; what it has can still be opened, and expires
    std::chrono::microseconds keep = std::chrono::hours(72);
    std::uint64_t quota = 10ULL << 30;  // bytes of content, on all machines together
};

struct NewFile {
    std::string why;    // for people: "near match on partners"; 1 to 200 bytes
    std::string ref{};  // what it belongs to: a check's or a case's id, up to 200 bytes
};

struct HeldFile {
    HeldId id;
    Sha256 sha256;  // of the content
    std::uint64_t bytes = 0;
    std::string why, ref;
    Time made, expires;
    std::optional<Time> destroyed{};
    std::string destroyed_why{}, destroyed_by{};
};

struct Usage {
    std::int64_t files = 0;
    std::uint64_t bytes = 0;
    std::uint64_t quota = 0;
};

// A file on the disk that is not in the ledger yet. Keep it until enter()'s transaction is committed: once
// it is gone, the next sweep removes a file that did not get there.
class SealedFile {
  public:
    SealedFile(SealedFile&&) noexcept;
    SealedFile& operator=(SealedFile&&) noexcept;
    ~SealedFile();
    const HeldId& id() const;
    const Sha256& sha256() const;
    std::uint64_t bytes() const;

  private:
    friend class HoldingArea;
    friend class Incoming;
    struct State;
    explicit SealedFile(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

class Incoming {
  public:
    Incoming(Incoming&&) noexcept;
    Incoming& operator=(Incoming&&) noexcept;
    ~Incoming();  // without finish(), nothing is left of it
    Status write(Bytes bytes);
    Result<SealedFile> finish();

  private:
    friend class HoldingArea;
    struct State;
    explicit Incoming(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

class Outgoing {
  public:
    Outgoing(Outgoing&&) noexcept;
    Outgoing& operator=(Outgoing&&) noexcept;
    ~Outgoing();
    const HeldFile& file() const;
    // The next piece, authenticated; valid until the next call; empty at the end, once it is certain that
    // nothing is missing.
    Result<Bytes> next();

  private:
    friend class HoldingArea;
    struct State;
    explicit Outgoing(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

struct Swept {
    std::int64_t stray_files = 0;  // removed: in no ledger, or destroyed there
    std::int64_t lost_files = 0;   // in the ledger, and not on this machine's disk any more: marked, audited
    std::vector<std::string> words{};  // a line for each kind that was found
};

class HoldingArea {
  public:
    // `sealer` and `store` must outlive it. What the sweep found is in swept().
    static Result<HoldingArea> open(store::Store& store, const Sealer& sealer, HoldingOptions options,
                                    Time now);
    HoldingArea(HoldingArea&&) noexcept;
    HoldingArea& operator=(HoldingArea&&) noexcept;
    ~HoldingArea();

    bool on() const;
    const Swept& swept() const;

    Result<Incoming> begin(const NewFile& file);
    // Writes the ledger's row and the audit entry in the caller's transaction; returns what the row says.
    Result<HeldFile> enter(store::Writer& writer, const SealedFile& file, std::string_view who, Time now);
    // begin, write, finish and enter in one, for bytes in memory.
    Result<HeldFile> put(const NewFile& file, Bytes content, std::string_view who, Time now);

    // `reason`: 1 to 500 bytes, for the audit log; a case's number rather than a person's name. The entry is
    // written before the first byte is read.
    Result<Outgoing> open_file(const HeldId& id, std::string_view who, std::string_view reason, Time now);
    // `conflict` where it is destroyed already.
    Status destroy(const HeldId& id, std::string_view who, std::string_view why, Time now);
    // Destroys what is due. Returns how many.
    Result<std::int64_t> expire(Time now);
    Result<Swept> sweep(Time now);

    Result<HeldFile> find(const HeldId& id) const;  // destroyed ones too
    // In the order of their ids, from behind `after` on; `limit` up to 1,000.
    Result<std::vector<HeldFile>> list(std::optional<HeldId> after, int limit) const;
    Result<Usage> usage() const;

  private:
    struct State;
    explicit HoldingArea(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace rushlight::vault
