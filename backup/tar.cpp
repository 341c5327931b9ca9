#include "backup/tar.h"

#include "base/text.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <unordered_set>

#include <unistd.h>

namespace rushlight::backup {
namespace {

constexpr std::size_t kBlock = 512;
constexpr std::size_t kPiece = 1 << 20;
constexpr std::uint64_t kMostSums = 512ULL << 20;
using Block = std::array<char, kBlock>;

std::uint64_t padded(std::uint64_t size) { return (size + kBlock - 1) / kBlock * kBlock; }

// POSIX.1-1988's header; all that is not named here is NUL.
Block header_of(std::string_view name, std::uint64_t size, std::int64_t seconds) {
    Block block{};
    const auto text = [&](std::size_t at, std::string_view value) {
        std::memcpy(block.data() + at, value.data(), value.size());
    };
    const auto octal = [&](std::size_t at, std::size_t digits, std::uint64_t value) {
        for (std::size_t i = digits; i-- > 0; value >>= 3)
            block.at(at + i) = static_cast<char>('0' + (value & 7));
    };
    text(0, name);
    octal(100, 7, 0600);
    octal(108, 7, 0);
    octal(116, 7, 0);
    octal(124, 11, size);
    octal(136, 11, static_cast<std::uint64_t>(seconds));
    text(148, "        ");
    block[156] = '0';
    text(257, std::string_view("ustar\0"
                               "00",
                               8));
    std::uint64_t sum = 0;
    for (const char c : block) sum += static_cast<unsigned char>(c);
    octal(148, 6, sum);
    block[154] = '\0';
    return block;
}

std::optional<std::uint64_t> octal_at(const Block& block, std::size_t at, std::size_t digits) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
        const char c = block.at(at + i);
        if (c < '0' || c > '7') return std::nullopt;
        value = value << 3 | static_cast<std::uint64_t>(c - '0');
    }
    return value;
}

bool is_zero(Bytes bytes) {
    return std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; });
}

tl::unexpected<Error> broken(const std::string& what) {
    return fail(ErrorCode::corrupt, "the backup is not whole: " + what +
                                        ". Nothing was changed. Take another copy of it, or another backup");
}

// All of `out`, or `corrupt`: the end came too soon.
Status read_exactly(const Content& content, std::uint64_t at, std::span<std::byte> out) {
    while (!out.empty()) {
        const auto got = content.read_at(at, out);
        if (!got) return pass(got.error());
        if (*got == 0) return broken("it ends in the middle");
        at += *got;
        out = out.subspan(*got);
    }
    return {};
}

std::string line_of(const Sha256& sha256, std::string_view name) {
    return sha256.hex() + "  " + std::string(name) + '\n';
}

}  // namespace

bool is_member_name(std::string_view name) {
    if (name.empty() || name.size() > 100) return false;
    for (const std::string_view part : split(name, '/')) {
        if (part.empty() || part.front() == '.') return false;
        for (const char c : part) {
            const bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                              c == '.' || c == '_' || c == '-';
            if (!fine) return false;
        }
    }
    return true;
}

TarWriter::TarWriter(int fd, std::string path, std::int64_t seconds)
    : fd_(fd), path_(std::move(path)), seconds_(std::max<std::int64_t>(0, seconds)) {}

Status TarWriter::put(Bytes bytes, std::uint64_t at) {
    while (!bytes.empty()) {
        const ssize_t wrote = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(at));
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0) return fail_errno("cannot write '" + path_ + "'");
        at += static_cast<std::uint64_t>(wrote);
        bytes = bytes.subspan(static_cast<std::size_t>(wrote));
    }
    return {};
}

Status TarWriter::begin(std::string_view name) {
    start_ = at_;
    at_ += kBlock;
    name_ = name;
    return {};
}

Status TarWriter::write(Bytes bytes) {
    if (auto done = put(bytes, at_); !done) return done;
    digest_.add(bytes);
    at_ += bytes.size();
    return {};
}

Status TarWriter::end() {
    const std::uint64_t size = at_ - start_ - kBlock;
    if (size > kMostMember) return fail(ErrorCode::limit, "'" + name_ + "' is too large for a backup: 8 GiB");
    const Block header = header_of(name_, size, seconds_);
    if (auto done = put(std::as_bytes(std::span(header)), start_); !done) return done;
    const Block zeros{};
    if (auto done = put(std::as_bytes(std::span(zeros)).first(padded(at_) - at_), at_); !done) return done;
    at_ = padded(at_);
    sums_ += line_of(digest_.finish(), name_);
    return {};
}

Status TarWriter::drop() {
    at_ = start_;
    (void)digest_.finish();
    if (::ftruncate(fd_, static_cast<off_t>(at_)) != 0) return fail_errno("cannot write '" + path_ + "'");
    return {};
}

Status TarWriter::add(std::string_view name, Bytes content) {
    Status status = begin(name);
    if (status) status = write(content);
    return status ? end() : status;
}

Result<Sha256> TarWriter::finish() {
    const std::string sums = std::move(sums_);
    Digest whole;
    whole.add(bytes_of(sums));
    if (auto done = add(kSums, bytes_of(sums)); !done) return pass(done.error());
    const std::array<std::byte, 2 * kBlock> zeros{};
    if (auto done = put(zeros, at_); !done) return pass(done.error());
    at_ += zeros.size();
    if (::fsync(fd_) != 0) return fail_errno("cannot flush '" + path_ + "' to the disk");
    return whole.finish();
}

Result<TarReader> TarReader::open(Content content,
                                  const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
    TarReader reader(std::move(content));
    const Content& file = reader.content_;
    std::unordered_set<std::string> names;
    std::string sums;  // as they have to be
    std::uint64_t at = 0;
    std::vector<std::byte> piece(kPiece);
    for (bool last = false; !last;) {
        Block header{};
        if (auto got = read_exactly(file, at, std::as_writable_bytes(std::span(header))); !got)
            return pass(got.error());
        const std::string name(header.data(), ::strnlen(header.data(), 100));
        const auto size = octal_at(header, 124, 11);
        const auto seconds = octal_at(header, 136, 11);
        if (!is_member_name(name) || !size || !seconds)
            return broken(at == 0 ? "it does not begin as a backup"
                                  : "something unexpected stands at byte " + std::to_string(at));
        if (at == 0) reader.seconds_ = static_cast<std::int64_t>(*seconds);
        if (header_of(name, *size, reader.seconds_) != header)
            return broken("what stands around '" + name + "' was changed");
        if (reader.members_.size() == kMostMembers || !names.insert(name).second)
            return broken("it holds '" + name + "' twice, or too much");
        at += kBlock;
        if (file.size() < at || *size > file.size() - at)
            return broken("it ends in the middle of '" + name + "'");
        last = name == kSums;
        if (last && *size > kMostSums) return broken("its list of digests is too long");
        Member member{.name = name, .offset = at, .size = *size, .sha256 = {}};
        Digest digest;
        std::string listed;
        for (std::uint64_t left = *size; left > 0;) {
            const auto some = std::span(piece).first(std::min<std::uint64_t>(left, piece.size()));
            if (auto got = read_exactly(file, at, some); !got) return pass(got.error());
            digest.add(some);
            if (last) listed.append(text_of(some));
            at += some.size();
            left -= some.size();
            if (progress) progress(at, file.size());
        }
        member.sha256 = digest.finish();
        const auto padding = std::span(piece).first(padded(*size) - *size);
        if (auto got = read_exactly(file, at, padding); !got) return pass(got.error());
        if (!is_zero(padding)) return broken("what stands behind '" + name + "' was changed");
        at += padding.size();
        if (!last) {
            sums += line_of(member.sha256, name);
            reader.members_.push_back(std::move(member));
            continue;
        }
        reader.sha256_ = member.sha256;
        if (listed != sums) {
            // The first line that differs names what is damaged.
            std::size_t line = 0;
            for (std::size_t i = 0; i < std::min(listed.size(), sums.size()) && listed[i] == sums[i]; ++i)
                line += sums[i] == '\n' ? 1 : 0;
            return broken(line < reader.members_.size()
                              ? "'" + reader.members_[line].name + "' is not what was written"
                              : "something is missing");
        }
    }
    const auto end = std::span(piece).first(2 * kBlock);
    if (auto got = read_exactly(file, at, end); !got) return pass(got.error());
    if (!is_zero(end) || file.size() != at + end.size()) return broken("something stands behind its end");
    return reader;
}

const Member* TarReader::find(std::string_view name) const {
    const auto found = std::ranges::find(members_, name, &Member::name);
    return found == members_.end() ? nullptr : &*found;
}

Status TarReader::each_piece(const Member& member, const std::function<Status(Bytes)>& use) const {
    std::vector<std::byte> piece(std::min<std::uint64_t>(kPiece, std::max<std::uint64_t>(member.size, 1)));
    Digest digest;
    for (std::uint64_t done = 0; done < member.size;) {
        const auto some = std::span(piece).first(std::min<std::uint64_t>(member.size - done, piece.size()));
        if (auto got = read_exactly(content_, member.offset + done, some); !got) return got;
        digest.add(some);
        done += some.size();
        if (auto used = use(some); !used) return used;
    }
    if (digest.finish() != member.sha256) return broken("'" + member.name + "' changed while it was read");
    return {};
}

Result<std::string> TarReader::read(const Member& member, std::uint64_t most) const {
    if (member.size > most)
        return broken("'" + member.name + "' has " + std::to_string(member.size) +
                      " bytes, more than it may");
    std::string text;
    text.reserve(member.size);
    auto done = each_piece(member, [&](Bytes bytes) -> Status {
        text += text_of(bytes);
        return {};
    });
    if (!done) return pass(done.error());
    return text;
}

}  // namespace rushlight::backup
