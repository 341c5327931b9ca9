// warc: the records of a WARC 0.17–1.1 (ISO 28500), plain or compressed in any way that a Stream undoes.
//
// Members are `response` records (the HTTP body, codings undone), and `resource` and `conversion` records
// (the block as it is). Records without a payload and all other types are passed over. Behind a broken record
// reading goes on at the next thing that looks like a record's start; a broken record gives one member with a
// problem.
#pragma once

#include "archive/unpack/coding.h"
#include "archive/unpack/source.h"

#include <memory>

namespace rushlight::archive::unpack {

// `text` gives the WARC's text. `gzip` is `text` where that is a gzip file, else nullptr.
std::unique_ptr<Source> open_warc(std::unique_ptr<FileStream> file, std::unique_ptr<Stream> text,
                                  GzipFile* gzip, Meter& meter);

}  // namespace rushlight::archive::unpack
