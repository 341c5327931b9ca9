#include "http/body.h"

#include "base/text.h"

#include <algorithm>
#include <array>

namespace rushlight::http {
namespace {

constexpr int kMostDigits = 16;

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool is_control(char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; }

Fault bad_chunk(std::string_view how) {
    return {400, "the chunks of the body are malformed: " + std::string(how)};
}

}  // namespace

Body::Body(const RequestHead& head, const Limits& limits)
    : state_(head.chunked                          ? State::size
             : head.content_length.value_or(0) > 0 ? State::length
                                                   : State::done),
      left_(head.chunked ? 0 : head.content_length.value_or(0)),
      most_overhead_(limits.head_bytes),
      most_trailers_(limits.headers) {}

std::size_t Body::read(std::string_view bytes, std::string& out, std::uint64_t limit,
                       std::optional<Fault>& fault) {
    std::size_t at = 0;
    while (at < bytes.size() && state_ != State::done) {
        if (state_ != State::length && state_ != State::data) {
            fault = step(bytes[at++], limit);
            if (fault) break;
            continue;
        }
        const auto piece = bytes.substr(at, left_);
        out += piece;
        at += piece.size();
        left_ -= piece.size();
        bytes_ += piece.size();
        if (left_ == 0) state_ = state_ == State::data ? State::data_end : State::done;
    }
    return at;
}

std::optional<Fault> Body::step(char c, std::uint64_t limit) {
    switch (state_) {
        case State::size:
            if (const int digit = hex_digit(c); digit >= 0) {
                if (++digits_ > kMostDigits) return bad_chunk("a size is too long");
                left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
                return std::nullopt;
            }
            if (digits_ == 0) return bad_chunk("a size is missing");
            if (c != '\r' && c != ';') return bad_chunk("a size is no hexadecimal number");
            state_ = c == '\r' ? State::size_end : State::extension;
            return std::nullopt;
        case State::extension:
            if (c == '\r') {
                state_ = State::size_end;
                return std::nullopt;
            }
            if (is_control(c)) return bad_chunk("an extension holds a control character");
            if (++overhead_ > most_overhead_) return bad_chunk("their extensions are too long");
            return std::nullopt;
        case State::size_end:
            if (c != '\n') return bad_chunk("a size does not end its line");
            digits_ = 0;
            if (left_ > limit || bytes_ > limit - left_)
                return Fault{413, "the body is longer than " + std::to_string(limit) + " bytes"};
            state_ = left_ == 0 ? State::trailer : State::data;
            return std::nullopt;
        case State::data_end:
            if (c != '\r') return bad_chunk("one is longer than it says");
            state_ = State::data_end_2;
            return std::nullopt;
        case State::data_end_2:
            if (c != '\n') return bad_chunk("one is longer than it says");
            state_ = State::size;
            return std::nullopt;
        case State::trailer:
            if (++overhead_ > most_overhead_)
                return Fault{431,
                             "the trailers are longer than " + std::to_string(most_overhead_) + " bytes"};
            line_ += c;
            return c == '\n' ? end_trailer() : std::nullopt;
        case State::length:
        case State::data:
        case State::done:
            break;
    }
    return std::nullopt;
}

// Trailers are nobody's business here, but a line that is none, or that would change the framing, is no
// trailer.
std::optional<Fault> Body::end_trailer() {
    const std::string line = std::exchange(line_, {});
    if (line == "\r\n") {
        state_ = State::done;
        return std::nullopt;
    }
    if (++trailers_ > most_trailers_)
        return Fault{431, "there are more than " + std::to_string(most_trailers_) + " trailers"};
    const std::string_view text = std::string_view(line).substr(0, line.size() - 2);
    const auto name = text.substr(0, text.find(':'));
    const bool well_formed = line.ends_with("\r\n") && !name.empty() && name.size() < text.size() &&
                             name.find_first_of(" \t") == std::string_view::npos &&
                             std::none_of(text.begin(), text.end(), is_control);
    if (!well_formed) return bad_chunk("a trailer is no header");
    for (const std::string_view framing : {"Content-Length", "Transfer-Encoding", "Host"})
        if (equals_ignoring_case(name, framing)) return bad_chunk(std::string(framing) + " is no trailer");
    return std::nullopt;
}

}  // namespace rushlight::http
