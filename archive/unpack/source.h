// Source: the members of one archive, one after another, whatever its format. `open_source` looks at the
// bytes and chooses; names are never asked. Runs in the sandbox child, and as it is in tests and fuzzers.
#pragma once

#include "archive/unpack/meter.h"
#include "archive/unpack/stream.h"
#include "base/bytes.h"
#include "base/reason.h"
#include "base/time.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <tl/expected.hpp>

namespace rushlight::archive::unpack {

// Where a member's bytes go.
class Sink {
  public:
    virtual ~Sink() = default;
    virtual void write(Bytes bytes) = 0;
    virtual void zeros(std::uint64_t n) = 0;
};

struct Member {
    std::string name;
    std::optional<Time> date;
    bool has_content = false;  // what the sink was given is the member, or with a problem a part of it
    std::optional<Problem> problem;
};

// A sink behind the bounds of one member and of the archive.
class Output {
  public:
    Output(Sink& sink, Meter& meter) : sink_(sink), meter_(meter) {}

    // False where the member must not go on: it is too large, or the meter stopped.
    bool write(Bytes bytes);
    bool zeros(std::uint64_t n);
    std::uint64_t size() const { return size_; }
    bool too_large() const { return too_large_; }
    // Ends a member: whether it has content, and the first of what went wrong.
    void finish(Member& member, const std::optional<Problem>& trouble) const;

  private:
    bool take(std::uint64_t n);

    Sink& sink_;
    Meter& meter_;
    std::uint64_t size_ = 0;
    bool too_large_ = false;
};

enum class Step { member, end, failed };

class Source {
  public:
    virtual ~Source() = default;
    // `sink` is empty at each call.
    virtual Step next(Member& member, Sink& sink) = 0;
    virtual const Problem& problem() const = 0;  // after failed
    // Whether several members may travel in one message: not where a foreign parser may crash between them.
    virtual bool batches() const = 0;
};

// The descriptor is borrowed and must be readable by position.
tl::expected<std::unique_ptr<Source>, Problem> open_source(int fd, Meter& meter);

}  // namespace rushlight::archive::unpack
