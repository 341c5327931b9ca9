// Does a file end before its own outermost structure says? Tells `truncated` from `corrupt` once a decoder
// has given up: the libraries do not say which it was.
#pragma once

#include "media/decode/decoder.h"

namespace rushlight::media::decode {

bool boxes_cut_short(const Input& input);     // MP4, MOV, HEIC, AVIF: the lengths of the top boxes
bool matroska_cut_short(const Input& input);  // the length of the header and of the segment
bool riff_cut_short(const Input& input);      // AVI, WebP: the length of the first chunk

}  // namespace rushlight::media::decode
