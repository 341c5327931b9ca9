#include "media/protocol.h"

#include "base/text.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>

namespace rushlight::media::protocol {
namespace {

constexpr std::uint32_t kVersion = 1;
constexpr std::uint64_t kWantDihedral = 1;
enum AnswerFlags : std::uint32_t {
    kHasSize = 1,
    kHasPdq = 2,
    kHasDihedral = 4,
    kHasProblem = 8,
    kAllFlags = 15
};

class Writer {
  public:
    template <class T>
    void put(const T& value) {
        static_assert(std::is_trivially_copyable_v<T>);
        const auto bytes = std::as_bytes(std::span(&value, 1));
        out.insert(out.end(), bytes.begin(), bytes.end());
    }
    ByteVector out;
};

// Reads past the end give zeros and make `ok` false, so that a parser checks once.
class Cursor {
  public:
    explicit Cursor(Bytes bytes) : bytes_(bytes) {}
    template <class T>
    T get() {
        static_assert(std::is_trivially_copyable_v<T>);
        T value{};
        if (bytes_.size() < sizeof value) {
            ok_ = false;
            return value;
        }
        std::memcpy(&value, bytes_.data(), sizeof value);
        bytes_ = bytes_.subspan(sizeof value);
        return value;
    }
    Bytes take(std::size_t n) {
        if (bytes_.size() < n) {
            ok_ = false;
            return {};
        }
        const Bytes taken = bytes_.first(n);
        bytes_ = bytes_.subspan(n);
        return taken;
    }
    std::size_t left() const { return bytes_.size(); }
    bool finished() const { return ok_ && bytes_.empty(); }

  private:
    Bytes bytes_;
    bool ok_ = true;
};

// Reasons that only the parent can give (denied, crashed, …) are no child's business.
constexpr Reason kChildReasons[] = {Reason::truncated, Reason::unsupported, Reason::corrupt,
                                    Reason::too_large, Reason::timeout,     Reason::not_media,
                                    Reason::empty};

std::optional<Reason> child_reason(std::uint32_t code) {
    if (code >= std::size(kChildReasons)) return std::nullopt;
    return kChildReasons[code];
}

std::uint32_t code_of(Reason reason) {
    for (std::uint32_t i = 0; i < std::size(kChildReasons); ++i) {
        if (kChildReasons[i] == reason) return i;
    }
    return 2;  // corrupt: what a decoder means when it has nothing better to say
}

std::chrono::nanoseconds bounded(std::uint64_t nanoseconds) {
    constexpr std::uint64_t kHour = 3'600'000'000'000;
    return std::chrono::nanoseconds(static_cast<std::int64_t>(std::min(nanoseconds, kHour)));
}

}  // namespace

ByteVector encode(const Request& request) {
    Writer writer;
    writer.put(std::uint64_t{kVersion});
    writer.put(request.dihedral ? kWantDihedral : std::uint64_t{0});
    writer.put(request.max_pixels);
    writer.put(request.max_frames);
    writer.put(request.time_ms);
    return std::move(writer.out);
}

std::optional<Request> parse_request(Bytes body) {
    Cursor cursor(body);
    Request request;
    const auto version = cursor.get<std::uint64_t>();
    const auto flags = cursor.get<std::uint64_t>();
    request.dihedral = (flags & kWantDihedral) != 0;
    request.max_pixels = cursor.get<std::uint64_t>();
    request.max_frames = cursor.get<std::uint64_t>();
    request.time_ms = cursor.get<std::uint64_t>();
    if (!cursor.finished() || version != kVersion) return std::nullopt;
    return request;
}

ByteVector encode(const Answer& answer) {
    const bool sized = answer.width && answer.height;
    const bool dihedral = answer.pdq && answer.dihedral;
    Writer writer;
    writer.put(std::uint32_t{(sized ? kHasSize : 0u) | (answer.pdq ? kHasPdq : 0u) |
                             (dihedral ? kHasDihedral : 0u) | (answer.problem ? kHasProblem : 0u)});
    writer.put(static_cast<std::uint32_t>(answer.format));
    writer.put(sized ? *answer.width : 0u);
    writer.put(sized ? *answer.height : 0u);
    writer.put(static_cast<std::uint32_t>(answer.quality));
    for (const auto stage : {answer.read, answer.decode, answer.filter, answer.dct}) {
        writer.put(static_cast<std::uint64_t>(stage.count()));
    }
    if (answer.pdq) writer.put(answer.pdq->value);
    if (dihedral) {
        for (const Pdq& hash : *answer.dihedral) writer.put(hash.value);
    }
    if (answer.problem) {
        writer.put(code_of(answer.problem->reason));
        const auto message =
            bytes_of(answer.problem->message).first(std::min(answer.problem->message.size(), kMaxMessage));
        writer.out.insert(writer.out.end(), message.begin(), message.end());
    }
    return std::move(writer.out);
}

std::optional<Answer> parse_answer(Bytes body, const Request& request) {
    Cursor cursor(body);
    Answer answer;
    const auto flags = cursor.get<std::uint32_t>();
    const auto format = cursor.get<std::uint32_t>();
    const auto width = cursor.get<std::uint32_t>();
    const auto height = cursor.get<std::uint32_t>();
    const auto quality = cursor.get<std::uint32_t>();
    for (auto* stage : {&answer.read, &answer.decode, &answer.filter, &answer.dct}) {
        *stage = bounded(cursor.get<std::uint64_t>());
    }
    if ((flags & ~std::uint32_t{kAllFlags}) != 0 || format >= kFormats || quality > 100) return std::nullopt;
    answer.format = static_cast<Format>(format);
    answer.quality = static_cast<int>(quality);
    if (flags & kHasSize) {
        // A picture that is refused as too large still says how large it is.
        const bool refused = (flags & kHasProblem) != 0;
        if (width == 0 || height == 0) return std::nullopt;
        if (!refused && std::uint64_t{width} * height > request.max_pixels) return std::nullopt;
        answer.width = width;
        answer.height = height;
    }
    if (flags & kHasPdq) answer.pdq = Pdq{cursor.get<std::array<std::byte, Pdq::kBytes>>()};
    if (flags & kHasDihedral) {
        if (!answer.pdq || !request.dihedral) return std::nullopt;
        answer.dihedral.emplace();
        for (Pdq& hash : *answer.dihedral) hash.value = cursor.get<std::array<std::byte, Pdq::kBytes>>();
    }
    if (flags & kHasProblem) {
        const auto reason = child_reason(cursor.get<std::uint32_t>());
        if (!reason || cursor.left() > kMaxMessage) return std::nullopt;
        answer.problem = Problem{*reason, printable(text_of(cursor.take(cursor.left())))};
    }
    if (!cursor.finished()) return std::nullopt;
    return answer;
}

ByteVector encode(std::span<const Frame> frames) {
    Writer writer;
    writer.out.reserve(frames.size() * kFrameBytes);
    for (const Frame& frame : frames) {
        writer.put(frame.frame);
        writer.put(static_cast<std::uint32_t>(frame.quality));
        writer.put(frame.seconds);
        writer.put(frame.pdq.value);
    }
    return std::move(writer.out);
}

bool parse_frames(Bytes body, const Request& request, std::vector<Frame>& frames) {
    const std::size_t count = body.size() / kFrameBytes;
    if (count == 0 || count > kMaxBatch || body.size() % kFrameBytes != 0) return false;
    if (count > request.max_frames - std::min<std::uint64_t>(frames.size(), request.max_frames)) return false;
    Cursor cursor(body);
    for (std::size_t i = 0; i < count; ++i) {
        Frame frame;
        frame.frame = cursor.get<std::uint32_t>();
        const auto quality = cursor.get<std::uint32_t>();
        frame.seconds = cursor.get<double>();
        frame.pdq.value = cursor.get<std::array<std::byte, Pdq::kBytes>>();
        if (quality > 100 || !std::isfinite(frame.seconds) || frame.seconds < 0) return false;
        if (!frames.empty() &&
            (frame.frame <= frames.back().frame || frame.seconds < frames.back().seconds)) {
            return false;
        }
        frame.quality = static_cast<int>(quality);
        frames.push_back(frame);
    }
    return true;
}

}  // namespace rushlight::media::protocol
