// Private: the container, a POSIX tar (ustar) of one strict form, so that any tar and any sha256sum can look
// into it. Each byte of it is fixed by its members' names and contents and one time: a file that differs
// anywhere is refused.
#pragma once

#include "base/content.h"
#include "base/digest.h"
#include "base/fd.h"
#include "base/result.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace rushlight::backup {

inline constexpr std::string_view kSums = "SHA256SUMS";       // the last member
inline constexpr std::uint64_t kMostMember = 07777777777ULL;  // what eleven octal digits hold: 8 GiB
inline constexpr std::size_t kMostMembers = 4'000'000;

// Letters, digits, `.`, `_`, `-`, and `/` between: up to 100 bytes, no part that begins with a dot.
bool is_member_name(std::string_view name);

class TarWriter {
  public:
    // `fd` is a new regular file, `path` its name for errors; `seconds` since 1970.
    TarWriter(int fd, std::string path, std::int64_t seconds);

    Status begin(std::string_view name);
    Status write(Bytes bytes);
    Status end();
    Status drop();  // as if the member had not been begun
    Status add(std::string_view name, Bytes content);
    // Writes the list of digests and the end; its own digest names the whole.
    Result<Sha256> finish();
    std::uint64_t bytes() const { return at_; }

  private:
    Status put(Bytes bytes, std::uint64_t at);

    int fd_;
    std::string path_;
    std::int64_t seconds_;
    std::uint64_t at_ = 0;     // where the next byte goes
    std::uint64_t start_ = 0;  // of the member's header
    std::string name_;
    Digest digest_;
    std::string sums_;
};

struct Member {
    std::string name;
    std::uint64_t offset = 0, size = 0;
    Sha256 sha256;
};

class TarReader {
  public:
    // Reads all of it once. `corrupt` in words where it is not whole.
    static Result<TarReader> open(
        Content content, const std::function<void(std::uint64_t done, std::uint64_t total)>& progress);

    const std::vector<Member>& members() const { return members_; }
    const Member* find(std::string_view name) const;
    const Sha256& sha256() const { return sha256_; }
    std::int64_t seconds() const { return seconds_; }
    std::uint64_t bytes() const { return content_.size(); }
    // Read again, and held to its digest again: the file may have changed meanwhile.
    Result<std::string> read(const Member& member, std::uint64_t most) const;
    Status each_piece(const Member& member, const std::function<Status(Bytes)>& use) const;

  private:
    explicit TarReader(Content content) : content_(std::move(content)) {}

    Content content_;
    std::vector<Member> members_;
    Sha256 sha256_;
    std::int64_t seconds_ = 0;
};

}  // namespace rushlight::backup
