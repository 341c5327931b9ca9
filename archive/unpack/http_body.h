// http_body: an HTTP/1.x response as a crawler stored it → its body, with transfer and content codings undone
// (RFC 9112, RFC 9110). Lenient where crawlers are: line ends without CR, bodies stored undone under their
// old headers.
#pragma once

#include "archive/unpack/coding.h"
#include "archive/unpack/stream.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rushlight::archive::unpack {

// "name: value" lines, folded lines joined. Shared by HTTP and WARC.
struct Fields {
    std::vector<std::pair<std::string_view, std::string>> lines;

    // The first value of that name (any case), nullptr where there is none.
    const std::string* find(std::string_view name) const;
    // The comma-separated parts of all values of that name, in lower case.
    std::vector<std::string> list(std::string_view name) const;
};

// The length of a head up to and with its empty line; 0 where the text does not contain it.
std::size_t head_size(std::string_view text);
// The first line goes to `first`. Lines without a colon are left out. Views into `head`.
Fields parse_head(std::string_view head, std::string_view& first);

// The chunks of a chunked body after each other. What does not start with a chunk is passed through as it is.
// A broken chunk ends it with `corrupt`.
class ChunkedStream final : public BufferedStream {
  public:
    explicit ChunkedStream(Stream& from) : BufferedStream(kMaxPeek), from_(from) {}

  protected:
    std::size_t read(std::span<std::byte> out) override;

  private:
    bool close_chunk();
    bool next_chunk();
    void skip_trailer();
    Problem unfinished() const;

    Stream& from_;
    std::uint64_t left_ = 0;
    bool first_ = true;
    bool plain_ = false;
    bool done_ = false;
};

// A response's body: a stack of streams on the block that it was opened on.
struct HttpBody {
    std::vector<std::unique_ptr<Stream>> layers;  // none: the block itself
    std::optional<Problem> problem;               // what its head already shows to be wrong
    bool readable = true;                         // false: `problem` says why there is nothing to read
};

// Takes the head off `block`, whose size is `block_size`. `most` bounds what its codings may unpack to.
// Without a head the whole block is the body, with a problem.
HttpBody open_body(Stream& block, std::uint64_t block_size, Meter& meter, std::uint64_t most);

}  // namespace rushlight::archive::unpack
