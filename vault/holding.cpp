#include "vault/holding.h"

#include "audit/audit.h"
#include "base/digest.h"
#include "base/text.h"
#include "vault/held_folder.h"
#include "vault/sealed_file.h"
#include "vault/vault_store.h"

#include <atomic>
#include <cerrno>

#include <sodium.h>

namespace rushlight::vault {
namespace {

constexpr std::string_view kPurpose = "holding";  // in each file's header

std::string key_purpose(const HeldId& id) { return "vault.held:" + id.hex(); }
audit::Subject subject_of(const HeldId& id) { return {"held_file", id.hex()}; }

bool fits(std::string_view text, std::size_t least, std::size_t most) {
    return text.size() >= least && text.size() <= most && is_utf8(text) &&
           text.find('\0') == std::string_view::npos;
}

std::string megabytes(std::uint64_t bytes) { return std::to_string((bytes + (1 << 20) - 1) >> 20) + " MB"; }

tl::unexpected<Error> over_quota(std::uint64_t used, std::uint64_t more, std::uint64_t quota) {
    return fail(ErrorCode::limit, "the holding area is full: it holds " + megabytes(used) + ", " +
                                      megabytes(more) + " more would pass its quota of " + megabytes(quota) +
                                      ". Decide on what it holds, or raise the quota");
}

tl::unexpected<Error> gone(const HeldFile& file) {
    return fail(ErrorCode::not_found, "the held file " + file.id.hex() + " was destroyed at " +
                                          file.destroyed->rfc3339() + ": " + file.destroyed_why);
}
tl::unexpected<Error> unknown(const HeldId& id) {
    return fail(ErrorCode::not_found, "there is no held file " + id.hex());
}

// What an area and the files that stream into it share.
struct Streaming {
    std::atomic<std::uint64_t> bytes = 0;  // of all that are not in the ledger yet
};

// Counts one file's bytes for as long as it lives.
class Share {
  public:
    explicit Share(std::shared_ptr<Streaming> all) : all_(std::move(all)) {}
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;
    ~Share() { all_->bytes -= mine_; }

    std::uint64_t add(std::uint64_t bytes) {  // returns what all have
        mine_ += bytes;
        return all_->bytes += bytes;
    }
    std::uint64_t bytes() const { return mine_; }

  private:
    std::shared_ptr<Streaming> all_;
    std::uint64_t mine_ = 0;
};

}  // namespace

struct HoldingArea::State {
    State(store::Store& s, const Sealer& k, HoldingOptions o, HeldFolder f)
        : store(s), sealer(k), options(std::move(o)), folder(std::move(f)) {}
    store::Store& store;
    const Sealer& sealer;
    HoldingOptions options;
    HeldFolder folder;
    std::shared_ptr<Streaming> streaming = std::make_shared<Streaming>();
    Swept swept{};
};

struct SealedFile::State {
    HeldId id;
    NewFile about;
    Sha256 sha256;
    std::uint64_t bytes = 0;
    ByteVector sealed_key;
    LockedFile file;  // the lock says that somebody is going to enter it
    std::unique_ptr<Share> share;
};

struct Incoming::State {
    State(const HeldFolder& f, SealedWriter w) : folder(f), writer(std::move(w)) {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() {
        if (!finished) folder.remove(id, HeldFolder::Stage::incoming);
    }
    const HeldFolder folder;
    SealedWriter writer;
    HeldId id;
    NewFile about;
    ByteVector sealed_key;
    LockedFile file{};
    std::unique_ptr<Share> share{};
    Digest digest{};
    std::uint64_t used = 0;  // bytes in the ledger when it began
    std::uint64_t quota = 0;
    std::optional<Error> failed{};
    bool finished = false;
};

struct Outgoing::State {
    State(HeldFile f, LockedFile d, SealedReader r)
        : file(std::move(f)), descriptor(std::move(d)), reader(std::move(r)) {}
    HeldFile file;
    LockedFile descriptor;
    SealedReader reader;
    std::uint64_t given = 0;
};

SealedFile::SealedFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
SealedFile::SealedFile(SealedFile&&) noexcept = default;
SealedFile& SealedFile::operator=(SealedFile&&) noexcept = default;
SealedFile::~SealedFile() = default;
const HeldId& SealedFile::id() const { return state_->id; }
const Sha256& SealedFile::sha256() const { return state_->sha256; }
std::uint64_t SealedFile::bytes() const { return state_->bytes; }

Incoming::Incoming(std::unique_ptr<State> state) : state_(std::move(state)) {}
Incoming::Incoming(Incoming&&) noexcept = default;
Incoming& Incoming::operator=(Incoming&&) noexcept = default;
Incoming::~Incoming() = default;

Status Incoming::write(Bytes bytes) {
    State& state = *state_;
    if (state.failed) return pass(*state.failed);
    const std::uint64_t others = state.share->add(bytes.size());
    Status status;
    if (state.used + others > state.quota) {
        status = over_quota(state.used, others, state.quota);
    } else {
        state.digest.add(bytes);
        status = state.writer.write(bytes);
    }
    if (!status) state.failed = status.error();
    return status;
}

Result<SealedFile> Incoming::finish() {
    State& state = *state_;
    if (state.failed) return pass(*state.failed);
    if (state.finished) return fail(ErrorCode::invalid, "this file was finished before");
    Status status = state.writer.finish();
    if (status) status = state.folder.keep(state.id, state.file);
    if (!status) {
        state.failed = status.error();
        return pass(status.error());
    }
    state.finished = true;
    auto sealed = std::make_unique<SealedFile::State>();
    sealed->id = state.id;
    sealed->about = state.about;
    sealed->sha256 = state.digest.finish();
    sealed->bytes = state.share->bytes();
    sealed->sealed_key = state.sealed_key;
    sealed->file = std::move(state.file);
    sealed->share = std::move(state.share);
    return SealedFile(std::move(sealed));
}

Outgoing::Outgoing(std::unique_ptr<State> state) : state_(std::move(state)) {}
Outgoing::Outgoing(Outgoing&&) noexcept = default;
Outgoing& Outgoing::operator=(Outgoing&&) noexcept = default;
Outgoing::~Outgoing() = default;
const HeldFile& Outgoing::file() const { return state_->file; }

Result<Bytes> Outgoing::next() {
    auto piece = state_->reader.next();
    if (!piece)
        return fail(piece.error().code,
                    "the held file " + state_->file.id.hex() + ": " + piece.error().message);
    state_->given += piece->size();
    if (piece->empty() && state_->given != state_->file.bytes)
        return fail(ErrorCode::corrupt,
                    "the held file " + state_->file.id.hex() + " has another length than the ledger says");
    return piece;
}

HoldingArea::HoldingArea(std::unique_ptr<State> state) : state_(std::move(state)) {}
HoldingArea::HoldingArea(HoldingArea&&) noexcept = default;
HoldingArea& HoldingArea::operator=(HoldingArea&&) noexcept = default;
HoldingArea::~HoldingArea() = default;
bool HoldingArea::on() const { return state_->options.on; }
const Swept& HoldingArea::swept() const { return state_->swept; }

Result<HoldingArea> HoldingArea::open(store::Store& store, const Sealer& sealer, HoldingOptions options,
                                      Time now) {
    auto folder = HeldFolder::open(options.data + "/holding");
    if (!folder) return pass(folder.error());
    HoldingArea area(std::make_unique<State>(store, sealer, std::move(options), std::move(*folder)));
    auto swept = area.sweep(now);
    if (!swept) return pass(swept.error());
    area.state_->swept = std::move(*swept);
    return area;
}

Result<Incoming> HoldingArea::begin(const NewFile& file) {
    if (!on()) return fail(ErrorCode::denied, "the holding area is switched off: nothing is kept");
    if (!fits(file.why, 1, 200) || !fits(file.ref, 0, 200))
        return fail(ErrorCode::invalid,
                    "a held file wants a `why` of 1 to 200 bytes and a `ref` of up to 200");
    std::uint64_t used = 0;
    const Status counted = state_->store.read([&](store::Reader& reader) -> Status {
        auto bytes = held_bytes(reader);
        if (!bytes) return pass(bytes.error());
        used = *bytes;
        return {};
    });
    if (!counted) return pass(counted.error());
    if (used >= state_->options.quota) return over_quota(used, 0, state_->options.quota);

    HeldId id;
    random_bytes(id.value);
    const Key key = Key::random();
    auto sealed_key = state_->sealer.seal(key_purpose(id), key.bytes());
    if (!sealed_key) return pass(sealed_key.error());
    auto made = state_->folder.make(id);
    if (!made) return pass(made.error());
    auto writer = SealedWriter::begin(made->fd(), key, kPurpose);
    if (!writer) {
        state_->folder.remove(id, HeldFolder::Stage::incoming);
        return pass(writer.error());
    }
    auto state = std::make_unique<Incoming::State>(state_->folder, std::move(*writer));
    state->id = id;
    state->about = file;
    state->sealed_key = std::move(*sealed_key);
    state->file = std::move(*made);
    state->share = std::make_unique<Share>(state_->streaming);
    state->used = used;
    state->quota = state_->options.quota;
    return Incoming(std::move(state));
}

Result<HeldFile> HoldingArea::enter(store::Writer& writer, const SealedFile& file, std::string_view who,
                                    Time now) {
    const SealedFile::State& sealed = *file.state_;
    const auto used = held_bytes(writer);
    if (!used) return pass(used.error());
    if (*used + sealed.bytes > state_->options.quota)
        return over_quota(*used, sealed.bytes, state_->options.quota);
    HeldRow row{.file = {.id = sealed.id,
                         .sha256 = sealed.sha256,
                         .bytes = sealed.bytes,
                         .why = sealed.about.why,
                         .ref = sealed.about.ref,
                         .made = now,
                         .expires = now + state_->options.keep},
                .sealed_key = sealed.sealed_key,
                .place = state_->folder.place()};
    if (auto added = add_held(writer, row); !added) return pass(added.error());
    auto said = audit::append(writer,
                              {.who = std::string(who),
                               .what = "held_file.kept",
                               .on = subject_of(sealed.id),
                               .detail = audit::detail({{"bytes", static_cast<std::int64_t>(sealed.bytes)},
                                                        {"sha256", sealed.sha256.hex()},
                                                        {"why", row.file.why},
                                                        {"ref", row.file.ref},
                                                        {"until", row.file.expires.rfc3339()}})},
                              now);
    if (!said) return pass(said.error());
    return row.file;
}

Result<HeldFile> HoldingArea::put(const NewFile& file, Bytes content, std::string_view who, Time now) {
    auto incoming = begin(file);
    if (!incoming) return pass(incoming.error());
    if (auto written = incoming->write(content); !written) return pass(written.error());
    auto sealed = incoming->finish();
    if (!sealed) return pass(sealed.error());
    HeldFile held;
    const Status entered = state_->store.write([&](store::Writer& writer) -> Status {
        auto row = enter(writer, *sealed, who, now);
        if (!row) return pass(row.error());
        held = std::move(*row);
        return {};
    });
    if (entered) return held;
    // Whether it was stored is not certain after every failure; the sweep looks.
    return pass(entered.error());
}

Result<Outgoing> HoldingArea::open_file(const HeldId& id, std::string_view who, std::string_view reason,
                                        Time now) {
    if (!fits(reason, 1, 500))
        return fail(ErrorCode::invalid, "opening a held file wants a reason of 1 to 500 bytes");
    auto row = find_held(state_->store, id);
    if (!row) return pass(row.error());
    if (!*row) return unknown(id);
    if ((*row)->file.destroyed) return gone((*row)->file);
    const std::string name = "the held file " + id.hex();
    auto file = state_->folder.open(id);
    if (!file && file.error().code == ErrorCode::not_found) {
        if ((*row)->place != state_->folder.place())
            return fail(ErrorCode::unavailable, name + " lies on another machine: open it there");
        return fail(ErrorCode::corrupt, name + " is gone from the disk, though nobody destroyed it");
    }
    if (!file) return pass(file.error());
    auto secret = state_->sealer.open(key_purpose(id), (*row)->sealed_key);
    if (!secret) return fail(secret.error().code, name + " cannot be opened: " + secret.error().message);
    if (secret->size() != Key::kBytes) return fail(ErrorCode::corrupt, name + " has a key of a wrong length");
    const Key key = Key::from(std::span<const std::byte>(*secret).first<Key::kBytes>());
    wipe(*secret);
    auto reader = SealedReader::begin(file->fd(), key, kPurpose);
    if (!reader) return fail(reader.error().code, name + ": " + reader.error().message);

    const Status said = state_->store.write([&](store::Writer& writer) -> Status {
        auto again = find_held(writer, id);
        if (!again) return pass(again.error());
        if (!*again) return unknown(id);
        if ((*again)->file.destroyed) return gone((*again)->file);
        return audit::append(writer,
                             {.who = std::string(who),
                              .what = "held_file.opened",
                              .on = subject_of(id),
                              .detail = audit::detail({{"reason", reason}})},
                             now)
            .map([](std::int64_t) {});
    });
    if (!said) return pass(said.error());
    return Outgoing(
        std::make_unique<Outgoing::State>(std::move((*row)->file), std::move(*file), std::move(*reader)));
}

Status HoldingArea::destroy(const HeldId& id, std::string_view who, std::string_view why, Time now) {
    if (!fits(why, 1, 500))
        return fail(ErrorCode::invalid, "destroying a held file wants a reason of 1 to 500 bytes");
    Status marked = state_->store.write([&](store::Writer& writer) -> Status {
        auto row = find_held(writer, id);
        if (!row) return pass(row.error());
        if (!*row) return unknown(id);
        auto mine = mark_destroyed(writer, id, who, why, now);
        if (!mine) return pass(mine.error());
        if (!*mine) return fail(ErrorCode::conflict, "the held file " + id.hex() + " is destroyed already");
        return audit::append(
                   writer,
                   {.who = std::string(who),
                    .what = "held_file.destroyed",
                    .on = subject_of(id),
                    .detail = audit::detail({{"why", why},
                                             {"sha256", (*row)->file.sha256.hex()},
                                             {"bytes", static_cast<std::int64_t>((*row)->file.bytes)}})},
                   now)
            .map([](std::int64_t) {});
    });
    if (!marked) return marked;
    state_->folder.shred(id);  // what is left after a failure goes with the next sweep
    return {};
}

Result<std::int64_t> HoldingArea::expire(Time now) {
    constexpr int kTogether = 1000;
    std::int64_t count = 0;
    for (;;) {
        const auto due = expired_held(state_->store, now, kTogether);
        if (!due) return pass(due.error());
        for (const HeldId& id : *due) {
            const Status destroyed = destroy(id, "system", "its time was over", now);
            if (destroyed) ++count;
            if (!destroyed && destroyed.error().code != ErrorCode::conflict) return pass(destroyed.error());
        }
        if (due->size() < kTogether) return count;
    }
}

Result<Swept> HoldingArea::sweep(Time now) {
    Swept swept;
    // A restore puts files here before their rows are there.
    const Fd turn = state_->folder.may_sweep();
    if (!turn) return swept;
    std::int64_t unfinished = 0;
    std::int64_t unknown_files = 0;
    std::int64_t left = 0;
    for (const auto& [id, stage] : state_->folder.list()) {
        // Where it is locked somebody is still at work on it.
        const auto locked = state_->folder.try_lock(id, stage);
        if (!locked) continue;
        std::int64_t* which = &unfinished;
        if (stage == HeldFolder::Stage::kept) {
            const auto row = find_held(state_->store, id);
            if (!row) return pass(row.error());
            if (*row && !(*row)->file.destroyed) continue;
            which = *row ? &left : &unknown_files;
            state_->folder.shred(id);
        } else {
            state_->folder.remove(id, stage);
        }
        ++*which;
        ++swept.stray_files;
    }
    const auto here = held_at(state_->store, state_->folder.place());
    if (!here) return pass(here.error());
    for (const HeldId& id : *here) {
        if (state_->folder.has(id)) continue;
        const Status marked = state_->store.write([&](store::Writer& writer) -> Status {
            auto mine = mark_destroyed(writer, id, "system", "lost: its file is gone from the disk", now);
            if (!mine) return pass(mine.error());
            if (!*mine) return {};
            return audit::append(writer, {.who = "system", .what = "held_file.lost", .on = subject_of(id)},
                                 now)
                .map([](std::int64_t) {});
        });
        if (!marked) return pass(marked.error());
        ++swept.lost_files;
    }
    const auto say = [&](std::int64_t count, const char* what) {
        if (count > 0) swept.words.push_back(std::to_string(count) + what);
    };
    say(unfinished,
        " unfinished files were removed from the holding area: whoever was writing them ended early");
    say(unknown_files,
        " files of the holding area were in no ledger, and were removed: their check never ended");
    say(left, " files of the holding area were destroyed in the ledger only, and are now removed");
    say(swept.lost_files,
        " files that the holding area's ledger has are gone from the disk; they are marked as lost");
    return swept;
}

Result<HeldFile> HoldingArea::find(const HeldId& id) const {
    auto row = find_held(state_->store, id);
    if (!row) return pass(row.error());
    if (!*row) return unknown(id);
    return std::move((*row)->file);
}

Result<std::vector<HeldFile>> HoldingArea::list(std::optional<HeldId> after, int limit) const {
    return list_held(state_->store, after, limit);
}

Result<Usage> HoldingArea::usage() const {
    return count_held(state_->store).map([&](Usage usage) {
        usage.quota = state_->options.quota;
        return usage;
    });
}

}  // namespace rushlight::vault
