#include "media/decode/jpeg_means.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace rushlight::media::decode {
namespace {

// ---- bits

constexpr int kBlock = 64;
constexpr int kMostBlocks = 10;  // in one unit of a scan (ITU-T T.81, B.2.3)
// What one unit can use at most: 64 symbols a block of 16 + 15 bits.
constexpr std::size_t kPadding = std::size_t{kMostBlocks} * kBlock * 4 + 16;

// The scan's bits, highest first, one restart interval after the other: each is copied without its stuffed
// zeros, so that taking bits needs no look at the bytes. Behind its end are zeros for one unit more; the
// caller asks for `overrun` after each.
class BitReader {
  public:
    // `plain` has room for data.size() + kPadding bytes.
    BitReader(Bytes data, std::uint8_t* plain)
        : from_(reinterpret_cast<const std::uint8_t*>(data.data())),
          end_(from_ + data.size()),
          plain_(plain) {
        copy_interval();
    }

    // At least 56 bits lie ready afterwards.
    void refill() {
        std::uint64_t next = 0;
        std::memcpy(&next, at_, 8);
        if constexpr (std::endian::native == std::endian::little) next = __builtin_bswap64(next);
        buffer_ |= next >> count_;
        at_ += (63 - count_) >> 3;
        count_ |= 56;
    }
    std::uint32_t peek(int bits) const { return static_cast<std::uint32_t>(buffer_ >> (64 - bits)); }
    void skip(int bits) {
        buffer_ <<= bits;
        count_ -= bits;
    }
    // JPEG's signed numbers: `size` bits, 0 to 15, of which the first says the sign.
    int number(int size) {
        if (size == 0) return 0;
        const int number = signed_number(peek(size), size);
        skip(size);
        return number;
    }
    static int signed_number(std::uint32_t bits, int size) {
        const auto value = static_cast<int>(bits);
        return value < 1 << (size - 1) ? value - (1 << size) + 1 : value;
    }

    bool overrun() const { return used() > 8 * size_; }
    // On to the next interval. False where this one is not used up, or no restart marker ends it.
    bool restart() {
        if (!restarts_ || overrun() || 8 * size_ - used() >= 8) return false;
        copy_interval();
        return true;
    }

  private:
    std::size_t used() const {
        return 8 * static_cast<std::size_t>(at_ - plain_) - static_cast<std::size_t>(count_);
    }

    void copy_interval() {
        std::uint8_t* to = plain_;
        restarts_ = false;
        while (from_ < end_) {
            const void* found = std::memchr(from_, 0xFF, static_cast<std::size_t>(end_ - from_));
            const auto* stop = found == nullptr ? end_ : static_cast<const std::uint8_t*>(found);
            to = std::copy(from_, stop, to);
            from_ = stop;
            if (end_ - from_ < 2) break;
            if (from_[1] == 0xFF) {  // filling
                ++from_;
                continue;
            }
            restarts_ = from_[1] >= 0xD0 && from_[1] <= 0xD7;
            if (!restarts_ && from_[1] != 0) break;
            if (from_[1] == 0) *to++ = 0xFF;
            from_ += 2;
            if (restarts_) break;
        }
        size_ = static_cast<std::size_t>(to - plain_);
        std::memset(to, 0, kPadding);
        at_ = plain_;
        buffer_ = 0;
        count_ = 0;
    }

    const std::uint8_t* from_;
    const std::uint8_t* end_;
    std::uint8_t* plain_;
    std::size_t size_ = 0;  // of the interval, in plain_
    bool restarts_ = false;
    const std::uint8_t* at_ = nullptr;
    std::uint64_t buffer_ = 0;
    int count_ = 0;  // bits in the buffer
};

// ---- codes

constexpr int kLookBits = 11;
struct Symbol {
    std::uint8_t code_bits = 0;  // 0: no such code among those of kLookBits or fewer
    std::uint8_t value = 0;
};

class Codes {
  public:
    // False where the lengths make no prefix code.
    bool build(const JpegHuffman& huffman) {
        look_.fill({});
        unsigned code = 0;
        unsigned index = 0;
        for (int length = 1; length <= 16; ++length) {
            first_[static_cast<std::size_t>(length)] = static_cast<int>(index) - static_cast<int>(code);
            for (unsigned i = 0; i < huffman.bits[static_cast<std::size_t>(length)]; ++i, ++code, ++index) {
                if (index >= 256 || code >= 1u << length) return false;
                if (length > kLookBits) continue;
                const unsigned start = code << (kLookBits - length);
                std::fill_n(look_.begin() + start, 1u << (kLookBits - length),
                            Symbol{static_cast<std::uint8_t>(length), huffman.values[index]});
            }
            limit_[static_cast<std::size_t>(length)] = code;
            code <<= 1;
        }
        values_ = huffman.values;
        return true;
    }
    Symbol look(std::uint32_t bits) const { return look_[bits]; }
    // The next symbol; code_bits 0 where there is none.
    Symbol next(const BitReader& bits) const {
        const Symbol symbol = look_[bits.peek(kLookBits)];
        if (symbol.code_bits != 0) return symbol;
        for (int length = kLookBits + 1; length <= 16; ++length) {
            const std::uint32_t code = bits.peek(length);
            if (code >= limit_[static_cast<std::size_t>(length)]) continue;
            const int index = first_[static_cast<std::size_t>(length)] + static_cast<int>(code);
            if (index < 0 || index > 255) break;
            return {static_cast<std::uint8_t>(length), values_[static_cast<std::size_t>(index)]};
        }
        return {};
    }

  private:
    std::array<Symbol, 1 << kLookBits> look_;
    std::array<unsigned, 17> limit_{};  // one over the last code of that length
    std::array<int, 17> first_{};       // what to add to a code for its place in `values_`
    std::array<std::uint8_t, 256> values_{};
};

// A coefficient's symbol: how many places it goes on, and how many bits its value takes. `ends` is the end of
// the block: size 0 without a run of 16.
struct Step {
    int places, size;
    bool ends;
};
Step step_of(std::uint8_t value) {
    const int run = value >> 4;
    const int size = value & 15;
    return {run + 1, size, size == 0 && run != 15};
}

// What the next kLookBits bits are good for when only lengths matter: as many whole symbols as they hold.
struct Stride {
    std::uint8_t bits = 0;    // codes and values together; 0: look closer
    std::uint8_t places = 0;  // that the symbols go on, an end of block not counted
    std::uint8_t ends = 0;    // 1 with an end of block
    std::uint8_t unused = 0;
};
using Strides = std::array<Stride, 1 << kLookBits>;

void build_strides(const Codes& codes, Strides& strides) {
    for (std::uint32_t pattern = 0; pattern < strides.size(); ++pattern) {
        Stride stride;
        while (stride.bits < kLookBits && stride.ends == 0) {
            const std::uint32_t rest = (pattern << stride.bits) & (strides.size() - 1);
            const Symbol symbol = codes.look(rest);
            const Step step = step_of(symbol.value);
            const int bits = symbol.code_bits + step.size;
            // The first symbol's value may reach behind the pattern: only its length counts.
            const bool whole = stride.bits + bits <= kLookBits;
            if (symbol.code_bits == 0 || (stride.bits != 0 && !whole) ||
                stride.places + step.places >= kBlock)
                break;
            stride.bits = static_cast<std::uint8_t>(stride.bits + bits);
            stride.ends = step.ends ? 1 : 0;
            if (!step.ends) stride.places = static_cast<std::uint8_t>(stride.places + step.places);
        }
        strides[pattern] = stride;
    }
}

// A whole symbol with its value, where the next kLookBits bits hold both.
struct Whole {
    std::int16_t value = 0;
    std::uint8_t bits = 0;    // 0: look closer
    std::uint8_t places = 0;  // that it goes on; kBlock for an end of block
};
using Wholes = std::array<Whole, 1 << kLookBits>;

void build_wholes(const Codes& codes, bool dc, Wholes& wholes) {
    for (std::uint32_t pattern = 0; pattern < wholes.size(); ++pattern) {
        const Symbol symbol = codes.look(pattern);
        const Step step = dc ? Step{1, symbol.value, false} : step_of(symbol.value);
        const int bits = symbol.code_bits + step.size;
        wholes[pattern] = {};
        if (symbol.code_bits == 0 || bits > kLookBits) continue;
        const std::uint32_t number = (pattern >> (kLookBits - bits)) & ((1u << step.size) - 1);
        wholes[pattern] = {
            static_cast<std::int16_t>(step.size == 0 ? 0 : BitReader::signed_number(number, step.size)),
            static_cast<std::uint8_t>(bits), static_cast<std::uint8_t>(step.ends ? kBlock : step.places)};
    }
}

// ---- blocks

struct Tables {
    Codes dc, ac;
    Wholes dc_wholes, ac_wholes;
    Strides strides;
};

// All that runs a block is made part of one loop, so that the reader's state stays in registers.
#define RUSHLIGHT_INLINE [[gnu::always_inline]] inline

// The rest of a block from coefficient `place` on. False where it is broken.
RUSHLIGHT_INLINE bool skip_rest(BitReader& bits, const Tables& tables, int place) {
    while (place < kBlock) {
        bits.refill();
        Stride stride = tables.strides[bits.peek(kLookBits)];
        if (stride.bits != 0 && place + stride.places < kBlock) {
            bits.skip(stride.bits);
            if (stride.ends != 0) return true;
            place += stride.places;
            // There are bits for a second one: a stride takes 26 at most (11 of code, 15 of value).
            stride = tables.strides[bits.peek(kLookBits)];
            if (stride.bits != 0 && place + stride.places < kBlock) {
                bits.skip(stride.bits);
                if (stride.ends != 0) return true;
                place += stride.places;
            }
            continue;
        }
        const Symbol symbol = tables.ac.next(bits);
        if (symbol.code_bits == 0) return false;
        const Step step = step_of(symbol.value);
        bits.skip(symbol.code_bits + step.size);
        if (step.ends) return true;
        place += step.places;
    }
    return place == kBlock;
}

RUSHLIGHT_INLINE bool read_dc(BitReader& bits, const Tables& tables, int& difference) {
    bits.refill();
    const Whole whole = tables.dc_wholes[bits.peek(kLookBits)];
    if (whole.bits != 0) {
        bits.skip(whole.bits);
        difference = whole.value;
        return true;
    }
    const Symbol symbol = tables.dc.next(bits);
    if (symbol.code_bits == 0 || symbol.value > 15) return false;
    bits.skip(symbol.code_bits);
    difference = bits.number(symbol.value);
    return true;
}

RUSHLIGHT_INLINE bool skip_block(BitReader& bits, const Tables& tables) {
    int ignored = 0;
    return read_dc(bits, tables, ignored) && skip_rest(bits, tables, 1);
}

// The mean of each quarter of a block is a sum over coefficients of odd (or no) frequency: an even one has as
// much light as dark in each half. In zigzag order the first six of them are these; the rest weigh a few
// percent.
constexpr int kLastPlace = 9;
enum Place { kX1 = 1, kY1 = 2, kXY = 4, kX3 = 6, kY3 = 9 };
// Mean of cos((2x+1)uπ/16) over x = 0…3, for u = 1 and 3.
constexpr float kMean1 = 0.6407289f;
constexpr float kMean3 = -0.2249966f;
constexpr float kHalfRoot = 0.7071068f;

struct Quarters {
    std::array<float, kLastPlace + 1> weight{};  // with the quantisation in it

    explicit Quarters(const std::array<std::uint16_t, 64>& q) {
        weight[0] = q[0] / 8.0f;
        weight[kX1] = q[1] * kHalfRoot * kMean1 / 4;
        weight[kX3] = q[3] * kHalfRoot * kMean3 / 4;
        weight[kY1] = q[8] * kHalfRoot * kMean1 / 4;
        weight[kY3] = q[24] * kHalfRoot * kMean3 / 4;
        weight[kXY] = q[9] * kMean1 * kMean1 / 4;
    }
};

// As many as the first kLastPlace places and one symbol's run can touch.
using Low = std::array<int, kLastPlace + 17>;

RUSHLIGHT_INLINE bool read_low(BitReader& bits, const Tables& tables, Low& coefficients) {
    int place = 1;
    while (place <= kLastPlace) {
        bits.refill();
        const Whole whole = tables.ac_wholes[bits.peek(kLookBits)];
        if (whole.bits != 0) {
            bits.skip(whole.bits);
            place += whole.places;
            if (place > kBlock) return true;
            coefficients[static_cast<std::size_t>(place - 1)] = whole.value;
            continue;
        }
        const Symbol symbol = tables.ac.next(bits);
        if (symbol.code_bits == 0) return false;
        const Step step = step_of(symbol.value);
        bits.skip(symbol.code_bits);
        if (step.ends) return true;
        place += step.places;
        coefficients[static_cast<std::size_t>(place - 1)] = bits.number(step.size);
    }
    return skip_rest(bits, tables, place);
}

std::uint8_t clamp(int light) { return static_cast<std::uint8_t>(std::clamp(light, 0, 255)); }
// NOLINTNEXTLINE(bugprone-incorrect-roundings): what lies below 0 becomes 0
std::uint8_t round(float light) { return clamp(static_cast<int>(std::clamp(light, -1.0f, 256.0f) + 0.5f)); }

}  // namespace

std::size_t jpeg_means_scratch(Bytes data) { return data.size() + kPadding; }

bool jpeg_means(const JpegScan& scan, Bytes data, int eighths, std::uint8_t* scratch, std::uint8_t* out) {
    constexpr std::size_t kMostComponents = 3;
    if (scan.components.empty() || scan.components.size() > kMostComponents) return false;
    std::array<Tables, kMostComponents> tables;
    int blocks = 0;
    for (std::size_t c = 0; c < scan.components.size(); ++c) {
        if (!tables[c].dc.build(scan.components[c].dc) || !tables[c].ac.build(scan.components[c].ac))
            return false;
        build_wholes(tables[c].dc, true, tables[c].dc_wholes);
        build_wholes(tables[c].ac, false, tables[c].ac_wholes);
        build_strides(tables[c].ac, tables[c].strides);
        blocks += scan.components[c].across * scan.components[c].down;
    }
    if (blocks > kMostBlocks) return false;
    const Quarters quarters(scan.quantisation);
    const JpegComponent& luma = scan.components[0];
    const auto units_of = [](std::uint32_t pixels, int side) {
        return (pixels + 8 * static_cast<unsigned>(side) - 1) / (8 * static_cast<unsigned>(side));
    };
    const std::uint32_t units_across = units_of(scan.width, luma.across);
    const std::uint32_t units_down = units_of(scan.height, luma.down);
    const auto e = static_cast<std::uint32_t>(eighths);
    const std::size_t width = (std::size_t{scan.width} * e + 7) / 8;
    const std::size_t height = (std::size_t{scan.height} * e + 7) / 8;

    BitReader bits(data, scratch);
    int dc = 0;
    unsigned until_restart = scan.restart_interval;
    for (std::uint32_t y = 0; y < units_down; ++y) {
        for (std::uint32_t x = 0; x < units_across; ++x) {
            if (scan.restart_interval != 0 && until_restart-- == 0) {
                if (!bits.restart()) return false;
                dc = 0;
                until_restart = scan.restart_interval - 1;
            }
            for (int v = 0; v < luma.down; ++v) {
                for (int h = 0; h < luma.across; ++h) {
                    int difference = 0;
                    if (!read_dc(bits, tables[0], difference)) return false;
                    dc = std::clamp(dc + difference, -32768, 32767);
                    const std::size_t left =
                        (std::size_t{x} * static_cast<unsigned>(luma.across) + static_cast<unsigned>(h)) * e;
                    const std::size_t top =
                        (std::size_t{y} * static_cast<unsigned>(luma.down) + static_cast<unsigned>(v)) * e;
                    if (eighths == 1) {
                        if (!skip_rest(bits, tables[0], 1)) return false;
                        if (left < width && top < height) {
                            out[top * width + left] = clamp(((dc * scan.quantisation[0] + 4) >> 3) + 128);
                        }
                        continue;
                    }
                    Low low{};
                    if (!read_low(bits, tables[0], low)) return false;
                    const auto part = [&](std::size_t place) {
                        return static_cast<float>(low[place]) * quarters.weight[place];
                    };
                    const float mean = static_cast<float>(dc) * quarters.weight[0] + 128;
                    const float across = part(kX1) + part(kX3);
                    const float down = part(kY1) + part(kY3);
                    const float both = part(kXY);
                    if (left >= width || top >= height) continue;
                    std::uint8_t* at = out + top * width + left;
                    const bool right = left + 1 < width;
                    at[0] = round(mean + across + down + both);
                    if (right) at[1] = round(mean - across + down - both);
                    if (top + 1 >= height) continue;
                    at[width] = round(mean + across - down - both);
                    if (right) at[width + 1] = round(mean - across - down + both);
                }
            }
            for (std::size_t c = 1; c < scan.components.size(); ++c) {
                for (int b = scan.components[c].across * scan.components[c].down; b > 0; --b) {
                    if (!skip_block(bits, tables[c])) return false;
                }
            }
            if (bits.overrun()) return false;
        }
    }
    return true;
}

}  // namespace rushlight::media::decode
