#include "vault/key_file.h"

#include "base/fd.h"
#include "base/text.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

namespace rushlight::vault {
namespace {

constexpr std::string_view kFirstLine = "rushlight-key 1";
constexpr std::size_t kMostFile = 256 * 1024;
constexpr std::size_t kMostKeys = 1000;
constexpr std::size_t kSalt = crypto_pwhash_SALTBYTES;

tl::unexpected<Error> damaged(const std::string& path, const std::string& what) {
    return fail(ErrorCode::corrupt, "the key file '" + path + "' is damaged: " + what +
                                        ". Put back a copy of it; without one, what is sealed is lost");
}

// Only its owner may be able to read it.
Status check_mode(int fd, const std::string& path) {
    struct stat info{};
    if (::fstat(fd, &info) != 0) return fail_errno("cannot look at the key file '" + path + "'");
    if (!S_ISREG(info.st_mode))
        return fail(ErrorCode::denied, "the key file '" + path + "' is no regular file");
    if ((info.st_mode & 077) != 0) {
        std::array<char, 16> mode{};
        std::snprintf(mode.data(), mode.size(), "%04o", static_cast<unsigned>(info.st_mode) & 07777);
        return fail(ErrorCode::denied, "the key file '" + path + "' can be read or changed by others (mode " +
                                           mode.data() + "): say `chmod 600 " + path +
                                           "`, and think about who may have copied it");
    }
    return {};
}

Result<std::string> read_all(int fd, const std::string& path) {
    std::string text(kMostFile + 1, '\0');
    std::size_t size = 0;
    while (size < text.size()) {
        const ssize_t got = ::read(fd, text.data() + size, text.size() - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno("cannot read the key file '" + path + "'");
        if (got == 0) break;
        size += static_cast<std::size_t>(got);
    }
    if (size > kMostFile) return damaged(path, "it is too long");
    text.resize(size);
    return text;
}

struct WipedText {
    explicit WipedText(std::string secret) : text(std::move(secret)) {}
    WipedText(const WipedText&) = delete;
    WipedText& operator=(const WipedText&) = delete;
    std::string text;
    ~WipedText() { ::sodium_memzero(text.data(), text.size()); }
};

}  // namespace

Result<std::string> write_file_beside(const std::string& path, std::string_view content, unsigned mode) {
    std::string beside = path + ".XXXXXX";
    const Fd file(::mkostemp(beside.data(), O_CLOEXEC));
    if (!file) return fail_errno("cannot make a file beside '" + path + "'");
    Status status;
    if (::fchmod(file.get(), mode) != 0) status = fail_errno("cannot set the mode of '" + beside + "'");
    if (status) status = write_all(file.get(), bytes_of(content), beside);
    if (status && ::fsync(file.get()) != 0) status = fail_errno("cannot flush '" + beside + "' to the disk");
    if (status) return beside;
    ::unlink(beside.c_str());
    return pass(status.error());
}

Status make_private_folder(const std::string& path) {
    if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return {};
    return fail_errno("cannot make the folder '" + path + "'");
}

const Key* Ring::find(const KeyId& id) const {
    for (const Key& key : keys) {
        if (key.id() == id) return &key;
    }
    return nullptr;
}

Result<Key> KeyFile::passphrase_key(Bytes salt, const Effort& effort) const {
    std::array<std::byte, Key::kBytes> bytes{};
    const int failed =
        ::crypto_pwhash(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), passphrase_->data(),
                        passphrase_->size(), reinterpret_cast<const unsigned char*>(salt.data()),
                        effort.passes, effort.memory_kib * 1024, crypto_pwhash_ALG_ARGON2ID13);
    if (failed != 0)
        return fail(ErrorCode::io, "the passphrase cannot be tried: that takes " +
                                       std::to_string(effort.memory_kib / 1024) + " MiB of memory");
    Key key = Key::from(bytes);
    wipe(bytes);
    return key;
}

// A line a key: `key ID HEX`, or, behind a line that says how the passphrase is turned into a key, `sealed ID
// HEX`.
Result<std::string> KeyFile::text_of(const Ring& ring) const {
    std::string text = std::string(kFirstLine) + '\n';
    if (!passphrase_) {
        for (const Key& key : ring.keys) text += "key " + key.id().hex() + ' ' + to_hex(key.bytes()) + '\n';
        return text;
    }
    std::array<std::byte, kSalt> salt{};
    random_bytes(salt);
    auto outer = passphrase_key(salt, effort_);
    if (!outer) return pass(outer.error());
    text += "passphrase argon2id " + std::to_string(effort_.passes) + ' ' +
            std::to_string(effort_.memory_kib) + ' ' + to_hex(salt) + '\n';
    for (const Key& key : ring.keys)
        text += "sealed " + key.id().hex() + ' ' + to_hex(box(*outer, key.bytes())) + '\n';
    return text;
}

Result<Ring> KeyFile::parse(std::string_view text) const {
    Ring ring;
    std::optional<Key> outer;
    auto lines = split(text, '\n');
    if (lines.size() < 3 || lines.front() != kFirstLine || !lines.back().empty())
        return damaged(path_, "it does not begin or end as one");
    for (std::size_t i = 1; i + 1 < lines.size(); ++i) {
        const auto words = split(lines[i], ' ');
        const std::string name = "line " + std::to_string(i + 1);
        if (words.size() == 5 && words[0] == "passphrase" && words[1] == "argon2id" && i == 1) {
            const auto passes = parse_integer(words[2]);
            const auto memory = parse_integer(words[3]);
            std::array<std::byte, kSalt> salt{};
            if (!passes || *passes < 1 || *passes > 100 || !memory || *memory < 8 || *memory > (4 << 20) ||
                !parse_hex(words[4], salt))
                return damaged(path_, name + " asks for an impossible effort");
            if (!passphrase_)
                return fail(ErrorCode::denied, "the key file '" + path_ + "' wants its passphrase");
            auto key = passphrase_key(
                salt, {static_cast<std::uint64_t>(*passes), static_cast<std::uint64_t>(*memory)});
            if (!key) return pass(key.error());
            outer = *key;
            continue;
        }
        const auto id = words.size() == 3 ? KeyId::parse(words[1]) : std::nullopt;
        if (!id || ring.keys.size() == kMostKeys) return damaged(path_, name + " is no key");
        std::array<std::byte, Key::kBytes> bytes{};
        if (words[0] == "sealed" && outer) {
            ByteVector boxed(words[2].size() / 2);
            if (!parse_hex(words[2], boxed)) return damaged(path_, name + " is no key");
            auto opened = unbox(*outer, boxed);
            if (!opened || opened->size() != bytes.size())
                return fail(ErrorCode::denied, "the passphrase of the key file '" + path_ +
                                                   "' is wrong, or the file is damaged");
            std::copy(opened->begin(), opened->end(), bytes.begin());
            wipe(*opened);
        } else if (words[0] != "key" || outer || !parse_hex(words[2], bytes)) {
            return damaged(path_, name + " is no key");
        }
        ring.keys.push_back(Key::from(bytes));
        wipe(bytes);
        if (ring.keys.back().id() != *id) return damaged(path_, "the key in " + name + " was changed");
    }
    if (ring.keys.empty()) return damaged(path_, "it holds no key");
    if (passphrase_ && !outer)
        return fail(ErrorCode::invalid, "a passphrase was given, but the key file '" + path_ + "' has none");
    return ring;
}

Result<std::optional<std::string>> KeyFile::text() const {
    const Fd file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file && errno == ENOENT) return std::optional<std::string>();
    if (!file) return fail_errno("cannot open the key file '" + path_ + "'");
    if (auto fits = check_mode(file.get(), path_); !fits) return pass(fits.error());
    auto text = read_all(file.get(), path_);
    if (!text) return pass(text.error());
    return std::optional(std::move(*text));
}

Result<std::optional<Ring>> KeyFile::read() const {
    auto found = text();
    if (!found) return pass(found.error());
    if (!*found) return std::optional<Ring>();
    const WipedText wiped(std::move(**found));
    auto ring = parse(wiped.text);
    if (!ring) return pass(ring.error());
    return std::optional(std::move(*ring));
}

Result<std::string> KeyFile::write_beside(const Ring& ring) const {
    auto text = text_of(ring);
    if (!text) return pass(text.error());
    const WipedText wiped(std::move(*text));
    return write_file_beside(path_, wiped.text, 0600);
}

Status KeyFile::make(const Ring& ring) const {
    auto text = text_of(ring);
    if (!text) return pass(text.error());
    const WipedText wiped(std::move(*text));
    return make_as(wiped.text);
}

Status KeyFile::make_as(std::string_view text) const {
    if (auto made = make_private_folder(folder_); !made) return made;
    const auto beside = write_file_beside(path_, text, 0600);
    if (!beside) return pass(beside.error());
    const int failed = ::link(beside->c_str(), path_.c_str()) != 0 ? errno : 0;  // never over another's
    ::unlink(beside->c_str());
    if (failed == EEXIST) return fail(ErrorCode::conflict, "there is a key file already");
    if (failed != 0) return fail_errno("cannot make the key file '" + path_ + "'", failed);
    return sync_folder(folder_);
}

Status KeyFile::replace(const Ring& ring) const {
    auto beside = write_beside(ring);
    if (!beside) return pass(beside.error());
    if (::rename(beside->c_str(), path_.c_str()) != 0) {
        Status failed = fail_errno("cannot replace the key file '" + path_ + "'");
        ::unlink(beside->c_str());
        return failed;
    }
    return sync_folder(folder_);
}

Status KeyFile::remove() const {
    if (::unlink(path_.c_str()) != 0) return fail_errno("cannot remove the key file '" + path_ + "'");
    return {};
}

}  // namespace rushlight::vault
