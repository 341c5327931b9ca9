// digest: the SHA-256 of bytes in memory. A file's exact hashes are media's.
#pragma once

#include "base/bytes.h"
#include "base/hash.h"

namespace rushlight {

// FIPS 180-4, by OpenSSL. Thread-safe.
Sha256 sha256_of(Bytes bytes);

}  // namespace rushlight
