// Which parts of a JPEG file are worth decoding for a small picture of its luma. Private to media/decode.
//
// A progressive file comes as a series of scans, each refining the one before; a sequential one may have a
// scan a colour. At an eighth of the size only the mean of each block counts, which the first scans hold: the
// others, most of the file, need not be decoded at all.
#pragma once

#include "base/bytes.h"

#include <vector>

namespace rushlight::media::decode {

struct JpegScans {
    std::vector<Bytes> pieces;  // of the file, in order; together a JPEG with fewer scans
    bool complete = false;      // the file has its end mark
};

// `luma_only`: the first component holds all that is wanted (YCbCr and grey). Linear in the file's size;
// reads nothing but markers, so a broken file gives pieces that the decoder will find broken. A file of one
// scan is one piece.
JpegScans jpeg_scans(Bytes file, int eighths, bool luma_only);

}  // namespace rushlight::media::decode
