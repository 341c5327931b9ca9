// Lines of a file from outside: LF or CRLF, a byte order mark skipped, of bounded length.
#pragma once

#include "base/result.h"
#include "match/formats/formats.h"

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rushlight::match::formats {

struct Line {
    std::string_view text;  // without its end; valid until the next call
    std::uint64_t number = 0;
    bool too_long = false;  // then `text` is empty: the rest of the line was skipped
};

class Lines {
  public:
    explicit Lines(int fd);

    // nullopt at the end; `io` where reading fails.
    Result<std::optional<Line>> next();
    // What next() will begin with, as much as one buffer holds; for telling the format.
    Result<std::string_view> peek();
    // Gives back lines that were read ahead in vain: next() returns them again, in this order.
    void give_back(std::vector<std::string> texts, std::uint64_t first_number);

  private:
    struct Kept {
        std::string text;
        std::uint64_t number;
    };
    Status fill();

    int fd_;
    std::vector<char> buffer_;
    std::size_t begin_ = 0, end_ = 0;
    bool ended_ = false;
    bool started_ = false;
    std::uint64_t number_ = 0;
    std::string long_;  // a line that crosses the buffer's end
    std::deque<Kept> kept_;
    std::string current_;
};

}  // namespace rushlight::match::formats
