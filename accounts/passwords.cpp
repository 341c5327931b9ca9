#include "accounts/passwords.h"

#include "accounts/tokens.h"

#include <array>

#include <sodium.h>

namespace rushlight::accounts {

// One of the places at which a hash may be computed.
class Passwords::Turn {
  public:
    explicit Turn(Passwords& all) : all_(all) {
        std::unique_lock lock(all_.mutex_);
        if (all_.busy_ >= all_.most_ && all_.waiting_ >= all_.most_waiting_) return;
        ++all_.waiting_;
        all_.freed_.wait(lock, [&] { return all_.busy_ < all_.most_; });
        --all_.waiting_;
        ++all_.busy_;
        mine_ = true;
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() {
        if (!mine_) return;
        const std::lock_guard lock(all_.mutex_);
        --all_.busy_;
        all_.freed_.notify_one();
    }
    explicit operator bool() const { return mine_; }

  private:
    Passwords& all_;
    bool mine_ = false;
};

namespace {

tl::unexpected<Error> too_many() {
    return fail(ErrorCode::unavailable,
                "too many people are signing in at this moment: try again in a few seconds");
}

}  // namespace

Result<std::string> Passwords::hash_now(std::string_view password) const {
    std::array<char, crypto_pwhash_STRBYTES> hash{};
    if (::crypto_pwhash_str_alg(hash.data(), password.data(), password.size(), effort_.passes,
                                effort_.memory_kib * 1024, crypto_pwhash_ALG_ARGON2ID13) != 0)
        return fail(ErrorCode::unavailable, "a password cannot be hashed: that takes " +
                                                std::to_string(effort_.memory_kib / 1024) + " MiB of memory");
    return std::string(hash.data());
}

Result<std::string> Passwords::hash(std::string_view password) {
    const Turn turn(*this);
    if (!turn) return too_many();
    return hash_now(password);
}

std::string Passwords::stand_in() const {
    const auto random = [](std::size_t size) {
        ByteVector bytes(size);
        random_fill(bytes);
        std::string text = to_base64(bytes);
        text.erase(text.find_last_not_of('=') + 1);
        return text;
    };
    return "$argon2id$v=19$m=" + std::to_string(effort_.memory_kib) + ",t=" + std::to_string(effort_.passes) +
           ",p=1$" + random(crypto_pwhash_SALTBYTES) + '$' + random(32);
}

Result<bool> Passwords::verify(std::string_view hash, std::string_view password) {
    const Turn turn(*this);
    if (!turn) return too_many();
    ++tried_;
    const std::string against = hash.empty() ? stand_in() : std::string(hash);
    const bool right = ::crypto_pwhash_str_verify(against.c_str(), password.data(), password.size()) == 0;
    return right && !hash.empty();
}

bool Passwords::is_old(const std::string& hash) const {
    return ::crypto_pwhash_str_needs_rehash(hash.c_str(), effort_.passes, effort_.memory_kib * 1024) != 0;
}

}  // namespace rushlight::accounts
