// archive/protocol: the conversation between a Reader and the sandboxed child that unpacks for it.
//
//   parent                                      child
//   kOpen  Allowance, fds: content, spare  -->
//                                          <--  kBatch  members so far, what comes next
//   kNext  Allowance, fds: [spare]         -->
//                                          <--  kBatch  …
//   kClose                                 -->
//                                          <--  kClosed
//
// `spare` is an empty memory file of the parent's for one member that does not fit into a message; the parent
// sends a new one with the request that follows a batch which used it up. A batch without members means
// "still at work": the child answers at least every second or two, so that the clock of one request bounds
// the time without progress and not the size of a member. The parent hears that only so often in a row.
//
// The child is not trusted: `parse_batch` takes nothing that this file does not allow.
#pragma once

#include "base/bytes.h"
#include "base/reason.h"
#include "base/time.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rushlight::archive {

enum Kind : std::uint32_t { kOpen = 200, kNext = 201, kClose = 202, kBatch = 210, kClosed = 211 };

inline constexpr std::size_t kMaxName = 4096;         // longer names are cut
inline constexpr std::size_t kMaxMessage = 300;       // longer messages are cut
inline constexpr std::size_t kMaxBatch = 60 * 1024;   // bytes of one kBatch body
inline constexpr std::size_t kMaxInline = 48 * 1024;  // a larger member travels in the spare memory file
inline constexpr std::uint64_t kLeastProgress = 64 * 1024;  // bytes between two batches without members
inline constexpr int kMostIdle = 3600;  // batches without members in a row: the child's least is one a second

// What the parent still allows. Native byte order: both ends are one machine.
struct Allowance {
    std::uint64_t member_bytes = 0;  // of one member
    std::uint64_t total_bytes = 0;   // of all members to come; beyond: too_large
    std::uint64_t ratio_bytes = 0;   // of all members to come; beyond: bomb
    std::uint64_t work_bytes = 0;    // out of all decompressors since kOpen; beyond: bomb
    std::uint64_t members = 0;       // to come
};
ByteVector write_allowance(const Allowance& allowance);
std::optional<Allowance> parse_allowance(Bytes body);

enum class Place : std::uint8_t { nowhere, in_message, in_spare };

struct Entry {
    std::string name;
    std::optional<Time> date;
    std::optional<Problem> problem;
    Place place = Place::nowhere;
    std::uint64_t size = 0;
    Bytes bytes;  // in_message: a view into the body
};

enum class Next : std::uint8_t { more, end, failed };

struct Batch {
    std::vector<Entry> entries;
    Next next = Next::more;
    std::optional<Problem> problem;  // why it failed
    bool spare_used = false;         // send a new one
    std::uint64_t progress = 0;      // bytes read and unpacked since kOpen: only grows
};

class BatchWriter {
  public:
    BatchWriter();
    bool empty() const { return count_ == 0; }
    // How many bytes a member with this name may have to travel in this batch; a batch that is not empty may
    // have no room for even its name: then flush first.
    std::size_t room(std::size_t name_size) const;
    bool fits(std::size_t name_size) const;
    // Cuts name and message to what the protocol allows.
    void add(std::string_view name, std::optional<Time> date, const std::optional<Problem>& problem,
             Place place, std::uint64_t size, Bytes bytes);
    // The finished body; the writer is empty again.
    ByteVector take(Next next, const std::optional<Problem>& problem, bool spare_used,
                    std::uint64_t progress);

  private:
    ByteVector body_;
    std::uint32_t count_ = 0;
};

// nullopt where anything is not as it must be. Entries view into `body`.
std::optional<Batch> parse_batch(Bytes body);

}  // namespace rushlight::archive
