// The means of a baseline JPEG's luma blocks, without decoding the rest. Private to media/decode.
//
// A picture at an eighth or a quarter of its size rests on a few coefficients of each block; all that has to
// be known about the others, and about colour, is how many bits they take. A general decoder spends most of
// its time on their values. This one reads the bits of healthy files only: whatever is unusual or broken it
// gives back, and libjpeg decides what that file is.
#pragma once

#include "base/bytes.h"

#include <array>
#include <cstdint>
#include <span>

namespace rushlight::media::decode {

// What the headers say, as far as it matters here.
struct JpegHuffman {
    std::array<std::uint8_t, 17> bits{};  // [i]: number of codes of i bits
    std::array<std::uint8_t, 256> values{};
};
struct JpegComponent {
    int across = 1, down = 1;  // blocks of it in one unit of the scan
    JpegHuffman dc, ac;
};
struct JpegScan {
    std::uint32_t width = 0, height = 0;        // of the picture
    std::span<const JpegComponent> components;  // in the scan's order; the first is luma, at full resolution
    std::array<std::uint16_t, 64> quantisation{};  // luma's, row by row
    unsigned restart_interval = 0;                 // units; 0: none
};

// Fills `out` with ceil(width·eighths/8) × ceil(height·eighths/8) pixels, eighths 1 or 2. `data` begins
// behind the scan's header. False: not a healthy scan; `out` is then of no meaning.
// `scratch` has jpeg_means_scratch(data) bytes.
bool jpeg_means(const JpegScan& scan, Bytes data, int eighths, std::uint8_t* scratch, std::uint8_t* out);
std::size_t jpeg_means_scratch(Bytes data);

}  // namespace rushlight::media::decode
