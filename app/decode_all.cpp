// decode-all: the sandboxed child for the formats that need FFmpeg or libheif. Like decode, it locks itself
// down and then answers until the parent closes.

#include "media/decode/decode.h"
#include "sandbox/child/child.h"

int main() { return rushlight::sandbox::child::run(rushlight::media::decode::all_handlers()); }
