#include "match/formats/value.h"

#include "base/text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

namespace rushlight::match::formats {
namespace {

constexpr std::array<std::string_view, kMethods> kNames = {"md5", "sha1", "sha256",
                                                           "pdq", "vpdq", "photodna"};
constexpr std::size_t kFrameBytes = Pdq::kBytes + 1 + 8;
constexpr double kMaxSeconds = 1e9;

constexpr std::size_t fixed_size(Method method) {
    return method == Method::photodna ? kPhotoDnaBytes : hash_bytes(method);
}

void pack(const VideoFrame& frame, ByteVector& out) {
    out.insert(out.end(), frame.hash.value.begin(), frame.hash.value.end());
    out.push_back(static_cast<std::byte>(frame.quality));
    const auto bits = std::bit_cast<std::uint64_t>(frame.seconds);
    for (int shift = 0; shift < 64; shift += 8) out.push_back(static_cast<std::byte>(bits >> shift));
}

VideoFrame unpack_frame(Bytes bytes) {
    VideoFrame frame;
    std::memcpy(frame.hash.value.data(), bytes.data(), Pdq::kBytes);
    frame.quality = static_cast<int>(bytes[Pdq::kBytes]);
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < 8; ++i) bits |= std::uint64_t(bytes[Pdq::kBytes + 1 + i]) << (8 * i);
    frame.seconds = std::bit_cast<double>(bits);
    return frame;
}

bool plausible(const VideoFrame& frame) {
    return frame.quality >= 0 && frame.quality <= 100 && frame.seconds >= 0 && frame.seconds <= kMaxSeconds;
}

std::optional<VideoFrame> parse_frame(std::string_view text) {
    const auto parts = split(text, ',');
    if (parts.size() != 3) return std::nullopt;
    const auto hash = Pdq::parse(trim(parts[0]));
    const auto quality = parse_integer(trim(parts[1]));
    const auto number = trim(parts[2]);
    double seconds = -1;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), seconds);
    if (!hash || !quality || *quality < 0 || *quality > 100 || error != std::errc{} ||
        end != number.data() + number.size()) {
        return std::nullopt;
    }
    const VideoFrame frame{*hash, static_cast<int>(*quality), seconds == 0 ? 0 : seconds};  // no "-0"
    return plausible(frame) ? std::optional(frame) : std::nullopt;
}

// The array holds only strings of digits, commas, dots, signs and 'e': no JSON escape can be needed in one,
// so none is read.
Result<Value> parse_video(std::string_view text) {
    const auto bad = [](std::string words) { return fail(ErrorCode::invalid, std::move(words)); };
    text = trim(text);
    if (text.size() < 2 || text.front() != '[' || text.back() != ']') {
        return bad("a vPDQ value is a JSON array of \"hash,quality,seconds\"");
    }
    text = trim(text.substr(1, text.size() - 2));
    Value value{Method::vpdq, {}};
    std::size_t frames = 0;
    while (!text.empty()) {
        if (text.front() != '"') return bad("a vPDQ frame is a string in double quotes");
        const auto end = text.find('"', 1);
        if (end == std::string_view::npos) return bad("a vPDQ frame's string does not end");
        const auto frame = parse_frame(text.substr(1, end - 1));
        if (!frame) {
            return bad("vPDQ frame " + std::to_string(frames + 1) +
                       " is not 64 hexadecimal digits, a quality of 0-100 and its seconds");
        }
        if (++frames > kMaxFrames) return bad("more than " + std::to_string(kMaxFrames) + " vPDQ frames");
        pack(*frame, value.bytes);
        text = trim(text.substr(end + 1));
        if (text.empty()) break;
        if (text.front() != ',') return bad("vPDQ frames are separated by commas");
        text = trim(text.substr(1));
        if (text.empty()) return bad("a vPDQ value ends with a comma");
    }
    if (frames == 0) return bad("a vPDQ value without a frame matches nothing");
    return value;
}

Result<Value> parse_photodna(std::string_view text) {
    Value value{Method::photodna, ByteVector(kPhotoDnaBytes)};
    if (text.size() == 2 * kPhotoDnaBytes && parse_hex(text, value.bytes)) return value;
    if (auto bytes = parse_base64(text); bytes && bytes->size() == kPhotoDnaBytes) {
        value.bytes = std::move(*bytes);
        return value;
    }
    return fail(ErrorCode::invalid,
                "a PhotoDNA value is 144 bytes: 192 characters of base64 or 288 hexadecimal digits");
}

template <std::size_t N, class Tag>
Value packed(Method method, const Hash<N, Tag>& hash) {
    return {method, ByteVector(hash.value.begin(), hash.value.end())};
}

}  // namespace

std::string_view to_string(Method method) { return kNames.at(static_cast<std::size_t>(method)); }

std::optional<Method> parse_method(std::string_view text) {
    for (std::size_t i = 0; i < kNames.size(); ++i) {
        if (equals_ignoring_case(kNames[i], text)) return static_cast<Method>(i);
    }
    return std::nullopt;
}

Result<Value> Value::parse(Method method, std::string_view text) {
    text = trim(text);
    if (method == Method::vpdq) return parse_video(text);
    if (method == Method::photodna) return parse_photodna(text);
    Value value{method, ByteVector(fixed_size(method))};
    if (!parse_hex(text, value.bytes)) {
        return fail(ErrorCode::invalid, "not the " + std::to_string(2 * value.bytes.size()) +
                                            " hexadecimal digits of " + std::string(to_string(method)));
    }
    return value;
}

Result<Value> Value::guess(std::string_view text, Method sixty_four) {
    text = trim(text);
    if (!text.empty() && text.front() == '[') return parse(Method::vpdq, text);
    switch (text.size()) {
        case 32:
            return parse(Method::md5, text);
        case 40:
            return parse(Method::sha1, text);
        case 64:
            return parse(sixty_four == Method::pdq ? Method::pdq : Method::sha256, text);
        case 192:
        case 288:
            return parse(Method::photodna, text);
        default:
            return fail(ErrorCode::invalid, "not a hash: expected 32, 40 or 64 hexadecimal digits, found " +
                                                std::to_string(text.size()) + " characters");
    }
}

Value Value::of(const Md5& hash) { return packed(Method::md5, hash); }
Value Value::of(const Sha1& hash) { return packed(Method::sha1, hash); }
Value Value::of(const Sha256& hash) { return packed(Method::sha256, hash); }
Value Value::of(const Pdq& hash) { return packed(Method::pdq, hash); }
Value Value::of(const std::vector<VideoFrame>& frames) {
    Value value{Method::vpdq, {}};
    for (const auto& frame : std::span(frames).first(std::min(frames.size(), kMaxFrames)))
        pack(frame, value.bytes);
    return value;
}

Result<Value> Value::unpack(Method method, Bytes bytes) {
    const bool whole = method == Method::vpdq ? !bytes.empty() && bytes.size() % kFrameBytes == 0 &&
                                                    bytes.size() / kFrameBytes <= kMaxFrames
                                              : bytes.size() == fixed_size(method);
    Value value{method, ByteVector(bytes.begin(), bytes.end())};
    bool good = whole;
    if (whole && method == Method::vpdq) {
        for (const auto& frame : value.frames()) good = good && plausible(frame);
    }
    if (!good) {
        return fail(ErrorCode::corrupt, "a stored " + std::string(to_string(method)) + " value of " +
                                            std::to_string(bytes.size()) + " bytes is damaged");
    }
    return value;
}

std::string Value::text() const {
    if (method == Method::photodna) return to_base64(bytes);
    if (method != Method::vpdq) return to_hex(bytes);
    std::string text = "[";
    for (const auto& frame : frames()) {
        std::array<char, 32> number{};
        const auto end = std::to_chars(number.data(), number.data() + number.size(), frame.seconds).ptr;
        if (text.size() > 1) text += ',';
        text += '"' + frame.hash.hex() + ',' + std::to_string(frame.quality) + ',';
        text.append(number.data(), end);
        text += '"';
    }
    return text + ']';
}

std::vector<VideoFrame> Value::frames() const {
    std::vector<VideoFrame> frames;
    if (method != Method::vpdq) return frames;
    frames.reserve(bytes.size() / kFrameBytes);
    for (std::size_t at = 0; at + kFrameBytes <= bytes.size(); at += kFrameBytes) {
        frames.push_back(unpack_frame(Bytes(bytes).subspan(at, kFrameBytes)));
    }
    return frames;
}

}  // namespace rushlight::match::formats
