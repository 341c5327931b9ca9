#include "media/decode/jpeg_scans.h"

#include <cstdint>
#include <cstring>

namespace rushlight::media::decode {
namespace {

enum Marker : unsigned {
    kSof0 = 0xC0,
    kSof2 = 0xC2,
    kSof10 = 0xCA,
    kSof15 = 0xCF,
    kDht = 0xC4,
    kJpg = 0xC8,
    kDac = 0xCC
};
enum Other : unsigned { kTem = 0x01, kRst0 = 0xD0, kRst7 = 0xD7, kEoi = 0xD9, kSos = 0xDA };

class Walk {
  public:
    explicit Walk(Bytes file)
        : data_(reinterpret_cast<const std::uint8_t*>(file.data())), size_(file.size()) {}

    std::size_t at = 2;  // behind the start mark

    // The next marker that is none of the data's own (stuffed zeros and restarts); `at` is then at its 0xFF.
    // 0 at the file's end.
    unsigned next() {
        while (at < size_) {
            const void* found = std::memchr(data_ + at, 0xFF, size_ - at);
            if (found == nullptr) break;
            at = static_cast<std::size_t>(static_cast<const std::uint8_t*>(found) - data_);
            while (at + 1 < size_ && data_[at + 1] == 0xFF) ++at;  // filling
            if (at + 1 >= size_) break;
            const unsigned code = data_[at + 1];
            if (code != 0 && code != kTem && (code < kRst0 || code > kRst7)) return code;
            at += 2;
        }
        at = size_;
        return 0;
    }
    // The body of the segment whose marker `at` is at; empty where it does not fit into the file.
    Bytes body() const {
        if (size_ - at < 4) return {};
        const std::size_t length = std::size_t{data_[at + 2]} << 8 | data_[at + 3];
        if (length < 2 || size_ - at - 2 < length) return {};
        return std::as_bytes(std::span(data_ + at + 4, length - 2));
    }

  private:
    const std::uint8_t* data_;
    std::size_t size_;
};

unsigned number(Bytes bytes, std::size_t at) { return std::to_integer<unsigned>(bytes[at]); }

// SOS: count of components, then two bytes each, then first and last coefficient, then the two bit positions.
bool wanted(Bytes scan, bool progressive, int eighths, bool luma_only, unsigned luma) {
    if (scan.empty()) return true;
    const std::size_t components = number(scan, 0);
    if (components == 0 || scan.size() < 4 + 2 * components) return true;
    if (luma_only && components == 1 && number(scan, 1) != luma) return false;
    if (!progressive) return true;
    const unsigned first = number(scan, 1 + 2 * components);
    if (first == 0 || eighths > 2) return true;
    // A quarter's size rests on the lowest few of a block's other coefficients, whose first scan holds all
    // but the last bit or two.
    const bool refines = number(scan, 3 + 2 * components) >> 4 != 0;
    return eighths == 2 && first <= 5 && !refines;
}

}  // namespace

JpegScans jpeg_scans(Bytes file, int eighths, bool luma_only) {
    Walk walk(file);
    JpegScans scans;
    std::size_t from = 0;  // start of the piece that is being gathered
    bool progressive = false;
    bool first = true;  // the first scan is always kept: the decoder has begun it already
    unsigned luma = 0;
    while (const unsigned marker = walk.next()) {
        if (marker == kEoi) {
            scans.complete = true;
            break;
        }
        const std::size_t start = walk.at;
        const Bytes body = walk.body();
        walk.at += 2 + (body.empty() ? 0 : 2 + body.size());
        if (marker >= kSof0 && marker <= kSof15 && marker != kDht && marker != kJpg && marker != kDac) {
            progressive = marker == kSof2 || marker == kSof10;
            if (body.size() >= 7) luma = number(body, 6);
        }
        if (marker != kSos) continue;
        if (first || wanted(body, progressive, eighths, luma_only, luma)) {
            first = false;
            continue;
        }
        if (start > from) scans.pieces.push_back(file.subspan(from, start - from));
        walk.next();
        from = walk.at;
    }
    if (from < file.size()) scans.pieces.push_back(file.subspan(from));
    return scans;
}

}  // namespace rushlight::media::decode
