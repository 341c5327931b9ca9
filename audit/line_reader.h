// Private: the lines of a descriptor, of bounded length.
#pragma once

#include "base/result.h"

#include <memory>
#include <string_view>

namespace rushlight::audit {

class LineReader {
  public:
    LineReader(int fd, std::size_t most);
    LineReader(const LineReader&) = delete;
    LineReader& operator=(const LineReader&) = delete;
    ~LineReader();

    enum class Next { line, end, cut, too_long };  // cut: the last line has no newline
    // The view of line() is valid until the next call.
    Result<Next> next();
    std::string_view line() const { return line_; }

  private:
    Result<bool> fill();  // false at the end

    int fd_;
    std::size_t most_;
    std::unique_ptr<char[]> buffer_;
    std::size_t begin_ = 0, end_ = 0;
    std::string_view line_;
};

}  // namespace rushlight::audit
