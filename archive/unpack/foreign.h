// foreign: what libarchive reads for us: zip, tar and 7z, and the decompression of bzip2, xz and zstd files.
//
// Only these formats are switched on: each further one of libarchive's would be more hostile surface. Input
// comes through our own Stream or by position, so bounds and heartbeat hold within libarchive too.
#pragma once

#include "archive/unpack/source.h"
#include "archive/unpack/stream.h"

#include <memory>

namespace rushlight::archive::unpack {

// Call once before the sandbox closes. 7z keeps names as UTF-16 and zip can mark them as UTF-8; libarchive
// loses such a name where the process's character set is not UTF-8.
void prepare_names();

enum class Format { zip, seven_zip };

// Formats that are read back and forth.
std::unique_ptr<Source> open_by_position(Format format, std::unique_ptr<FileStream> file, Meter& meter);
// Keeps `file` alive for `text`, which reads it. `text` may be `file` itself, moved: then file is null.
std::unique_ptr<Source> open_tar(std::unique_ptr<FileStream> file, std::unique_ptr<Stream> text,
                                 Meter& meter);

// The text of a bzip2, xz or zstd file.
std::unique_ptr<Stream> undo_file_compression(FileStream& file, Meter& meter);

}  // namespace rushlight::archive::unpack
