// archive: goes through the members of a zip, tar (plain or compressed), 7z, WARC or WARC.gz. The unpacking
// happens in a sandbox child; a member arrives here as a sealed memory file whose bytes nobody here
// interprets.
//
// Bounded: members, bytes a member, bytes and ratio of the whole. One Budget is shared by an archive and all
// that is nested in it. Nothing is ever written to the file system, so a member called "../../x" is only a
// strange name. Thread-safety: a Reader belongs to one thread; Budget is shared by reference within one
// item's reading.
#pragma once

#include "base/content.h"
#include "base/reason.h"
#include "base/time.h"
#include "sandbox/sandbox.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace rushlight::archive {

struct Limits {
    int depth = 5;                       // archives within archives
    std::uint64_t members = 10'000'000;  // a WARC of many GB has millions
    std::uint64_t member_bytes = std::uint64_t{512} << 20;
    std::uint64_t total_bytes = std::uint64_t{64} << 30;  // all members together
    double ratio = 200;  // unpacked : packed, once more than ratio_floor came out
    std::uint64_t ratio_floor = std::uint64_t{64} << 20;
    // Members of an archive and of all nested in it, by its own size: one for each so many bytes, once there
    // are more than the floor. Each costs work however small it is, and archives of archives multiply them.
    std::uint64_t member_packed_bytes = 16;
    std::uint64_t members_floor = 100'000;
};

struct Budget {
    Limits limits;
    std::uint64_t packed = 0;  // size of the outermost archive
    std::uint64_t members = 0;
    std::uint64_t bytes = 0;  // unpacked so far
};

// One member: a file of an archive, or a response or resource record of a WARC (its payload, with chunked and
// compressed transfer undone).
struct Member {
    std::string name;          // as stored, any bytes; a WARC record's target URI
    std::optional<Time> date;  // a WARC record's date
    std::optional<Content> content;
    // Why there is no content. With content: why it is only a part or not to be trusted (a wrong checksum, a
    // record that was cut); what there is may still be matched. The reader goes on to the next where it can.
    std::optional<Problem> problem;
};

class Reader {
  public:
    // Problem: `unsupported`, `corrupt`, `truncated`, `bomb`, … where not even the first member can be
    // reached.
    static sandbox::Outcome<Reader> open(sandbox::Pool& pool, const Content& content, Budget& budget,
                                         sandbox::Submitter submitter);
    Reader(Reader&&) noexcept;
    Reader& operator=(Reader&&) noexcept;
    ~Reader();

    // nullopt at the end. A Problem ends the archive: what was broken, after how many members.
    sandbox::Outcome<std::optional<Member>> next();

  private:
    struct State;
    explicit Reader(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace rushlight::archive
