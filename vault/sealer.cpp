#include "base/fd.h"
#include "vault/key_file.h"
#include "vault/vault_store.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <shared_mutex>

#include <fcntl.h>
#include <unistd.h>

namespace rushlight::vault {
namespace {

constexpr std::byte kVersion{1};
constexpr std::size_t kHead = 1 + KeyId::kBytes;  // version and the ring key's id, before the box

std::string what_is_lost(const Sealed& sealed) {
    return "Without it are lost for good: " + std::to_string(sealed.held_files) +
           " files of the holding area, " + std::to_string(sealed.signing_keys) +
           " signing keys (later checkpoints and receipts would carry a new one), people's second factors "
           "(`rushlight account reset EMAIL --second-factor` for each) and the secrets of webhooks";
}

std::vector<KeyId> ids_of(const Ring& ring) {
    std::vector<KeyId> ids;
    for (const Key& key : ring.keys) ids.push_back(key.id());
    return ids;
}

bool holds_all(const Ring& ring, const std::vector<KeyId>& ids) {
    return std::ranges::all_of(ids, [&](const KeyId& id) { return ring.find(id) != nullptr; });
}

// One line a key, the newest last: older signatures stay provable with this file.
Status keep_public_key(const std::string& path, const audit::PublicKey& key) {
    std::string text;
    if (const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC)); file) {
        std::array<char, 4096> buffer{};
        for (ssize_t got = 0;
             (got = ::read(file.get(), buffer.data(), buffer.size())) > 0 && text.size() < 65'536;)
            text.append(buffer.data(), static_cast<std::size_t>(got));
    }
    if (text.find(key.hex()) != std::string::npos) return {};
    const auto beside = write_file_beside(path, text + key.hex() + '\n', 0644);
    if (!beside) return pass(beside.error());
    if (::rename(beside->c_str(), path.c_str()) != 0) return fail_errno("cannot make '" + path + "'");
    return {};
}

}  // namespace

struct Sealer::State {
    State(KeyFile f, Ring r) : file(std::move(f)), ring(std::move(r)) {}
    KeyFile file;
    // Where the ring lacks this key, another process may have added it since: reads the file again.
    Status load_key(const KeyId& id) {
        {
            const std::shared_lock lock(mutex);
            if (ring.find(id) != nullptr) return {};
        }
        const std::unique_lock lock(mutex);
        auto latest = file.read();
        if (!latest) return pass(latest.error());
        if (*latest && (*latest)->find(id) != nullptr) ring = std::move(**latest);
        return {};
    }

    mutable std::shared_mutex mutex;
    Ring ring;
};

Sealer::Sealer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Sealer::Sealer(Sealer&&) noexcept = default;
Sealer& Sealer::operator=(Sealer&&) noexcept = default;
Sealer::~Sealer() = default;

Result<Sealer> Sealer::open(store::Store& store, const SealerOptions& options) {
    KeyFile file(options.data, options.passphrase, options.effort);
    auto known = known_keys(store);
    if (!known) return pass(known.error());
    const auto refuse = [&](const std::string& what) -> tl::unexpected<Error> {
        const auto sealed = count_sealed(store);
        if (!sealed) return pass(sealed.error());
        return fail(ErrorCode::not_found,
                    what + " Put a copy of the right one there. " + what_is_lost(*sealed));
    };
    auto ring = file.read();
    if (!ring) return pass(ring.error());
    bool made = false;
    if (!*ring) {
        if (!known->empty() && !options.accept_loss)
            return refuse("The key file '" + file.path() +
                          "' is missing, though things were sealed with it.");
        Ring fresh{.keys = {Key::random()}};
        const Status written = file.make(fresh);
        made = written.has_value();
        if (!written && written.error().code != ErrorCode::conflict) return pass(written.error());
        // Another process was quicker: its file counts.
        ring = made ? Result<std::optional<Ring>>(std::move(fresh)) : file.read();
        if (!ring) return pass(ring.error());
        if (!*ring) return fail(ErrorCode::unavailable, "the key file '" + file.path() + "' comes and goes");
    }
    if (!options.accept_loss && !holds_all(**ring, *known))
        return refuse("The key file '" + file.path() + "' is not the one that things were sealed with.");
    auto all = add_keys(store, ids_of(**ring), options.accept_loss, options.now);
    if (!all) return pass(all.error());
    if (!holds_all(**ring, *all)) {  // another machine made its first key at the same time
        if (made) (void)file.remove();
        return refuse("Another machine has just made its own key file.");
    }
    return Sealer(std::make_unique<State>(std::move(file), std::move(**ring)));
}

Result<ByteVector> Sealer::seal(std::string_view purpose, Bytes secret) const {
    if (secret.size() > kMostSecret)
        return fail(ErrorCode::limit, "a secret to be sealed has at most 64 KiB");
    const std::shared_lock lock(state_->mutex);
    const Key& key = state_->ring.keys.front();
    const ByteVector boxed = box(key.derive(purpose), secret);
    const KeyId id = key.id();
    ByteVector sealed{kVersion};
    sealed.insert(sealed.end(), id.value.begin(), id.value.end());
    sealed.insert(sealed.end(), boxed.begin(), boxed.end());
    return sealed;
}

Result<ByteVector> Sealer::open(std::string_view purpose, Bytes sealed) const {
    if (sealed.size() < kHead || sealed.front() != kVersion)
        return fail(ErrorCode::corrupt, "this is nothing that was sealed here");
    const auto id = KeyId::from(sealed.subspan(1, KeyId::kBytes)).value_or(KeyId{});
    if (auto there = state_->load_key(id); !there) return pass(there.error());
    const std::shared_lock lock(state_->mutex);
    const Key* key = state_->ring.find(id);
    if (key == nullptr)
        return fail(ErrorCode::not_found, "it was sealed with the key " + id.hex() + ", which '" +
                                              state_->file.path() + "' does not hold");
    auto secret = unbox(key->derive(purpose), sealed.subspan(kHead));
    if (!secret)
        return fail(ErrorCode::corrupt, "a sealed secret was changed, or sealed for another purpose");
    return std::move(*secret);
}

bool Sealer::is_old(Bytes sealed) const {
    return sealed.size() < kHead || KeyId::from(sealed.subspan(1, KeyId::kBytes)) != current();
}

Result<audit::SigningKey> Sealer::signing_key(store::Store& store, std::string_view name, Time now) const {
    const std::string purpose = "vault.signing:" + std::string(name);
    auto stored = find_signing_key(store, name);
    if (!stored) return pass(stored.error());
    auto seed = *stored ? open(purpose, (*stored)->sealed)
                        : Result<ByteVector>(fail(ErrorCode::not_found, "it is not made yet"));
    // Also where its key is gone from the ring, which an operator accepted: open() refuses else.
    if (!seed && seed.error().code == ErrorCode::not_found) {
        const Key fresh = Key::random();
        auto sealed = seal(purpose, fresh.bytes());
        if (!sealed) return pass(sealed.error());
        const auto made = audit::SigningKey::from_seed(fresh.bytes().first<Key::kBytes>());
        auto added = add_signing_key(store, name, {made.public_key(), std::move(*sealed)},
                                     *stored ? Bytes((*stored)->sealed) : Bytes(), now);
        if (!added) return pass(added.error());
        stored = find_signing_key(store, name);
        if (!stored) return pass(stored.error());
        if (!*stored) return fail(ErrorCode::corrupt, "a signing key is gone as soon as it was stored");
        seed = open(purpose, (*stored)->sealed);
    }
    if (!seed) return pass(seed.error());
    if (seed->size() != Key::kBytes)
        return fail(ErrorCode::corrupt, "a stored signing key has a wrong length");
    auto key = audit::SigningKey::from_seed(std::span<const std::byte>(*seed).first<Key::kBytes>());
    wipe(*seed);
    if (auto kept =
            keep_public_key(state_->file.folder() + '/' + std::string(name) + ".pub", key.public_key());
        !kept)
        return pass(kept.error());
    return key;
}

Status Sealer::rotate(store::Store& store, Time now) {
    const std::unique_lock lock(state_->mutex);
    // Another process may have rotated since: its key must not be lost.
    auto latest = state_->file.read();
    if (!latest) return pass(latest.error());
    if (!*latest) return fail(ErrorCode::not_found, "the key file '" + state_->file.path() + "' is gone");
    Ring ring = std::move(**latest);
    ring.keys.insert(ring.keys.begin(), Key::random());
    if (auto replaced = state_->file.replace(ring); !replaced) return replaced;
    state_->ring = std::move(ring);
    return add_keys(store, ids_of(state_->ring), false, now).map([](const auto&) {});
}

KeyId Sealer::current() const {
    const std::shared_lock lock(state_->mutex);
    return state_->ring.keys.front().id();
}
std::size_t Sealer::keys() const {
    const std::shared_lock lock(state_->mutex);
    return state_->ring.keys.size();
}
const std::string& Sealer::path() const { return state_->file.path(); }

}  // namespace rushlight::vault
