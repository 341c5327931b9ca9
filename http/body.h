// Reads a request's body from the connection's bytes: by its length, or chunk by chunk. Private; no Asio.
//
// Strict, and bounded: sizes are 1 to 16 hexadecimal digits, lines end with CR LF, extensions and trailers
// are counted and forgotten. Any cutting of the bytes gives the same body. (Beast's own reader of chunks
// holds an assertion that a client who sends single bytes can reach.) Source: RFC 9112 7.1.
#pragma once

#include "http/fault.h"
#include "http/http.h"

namespace rushlight::http {

class Body {
  public:
    Body() = default;
    Body(const RequestHead& head, const Limits& limits);

    // Appends what `bytes` holds of the body to `out`; returns how much of `bytes` it used up: all, unless
    // the body ends before, or there is a fault.
    std::size_t read(std::string_view bytes, std::string& out, std::uint64_t limit,
                     std::optional<Fault>& fault);
    bool done() const { return state_ == State::done; }
    std::uint64_t bytes() const { return bytes_; }

  private:
    enum class State : std::uint8_t {
        length,
        size,
        extension,
        size_end,
        data,
        data_end,
        data_end_2,
        trailer,
        done
    };

    std::optional<Fault> step(char c, std::uint64_t limit);
    std::optional<Fault> end_trailer();

    State state_ = State::done;
    int digits_ = 0;
    std::uint64_t left_ = 0;    // of the body, or of the chunk
    std::uint64_t bytes_ = 0;   // of the body so far
    std::size_t overhead_ = 0;  // extensions and trailers
    std::size_t trailers_ = 0;
    std::size_t most_overhead_ = 0, most_trailers_ = 0;
    std::string line_;
};

}  // namespace rushlight::http
