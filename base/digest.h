// digest: the SHA-256 (FIPS 180-4, by OpenSSL) of bytes in memory, whole or piece by piece. A file's exact
// hashes are media's.
#pragma once

#include "base/bytes.h"
#include "base/hash.h"

#include <memory>

struct evp_md_ctx_st;

namespace rushlight {

// Thread-safe.
Sha256 sha256_of(Bytes bytes);

// Of bytes that come in pieces. For one thread; one that was moved from may only be destroyed or assigned to.
class Digest {
  public:
    Digest();
    void add(Bytes bytes);
    Sha256 finish();  // of all added; and begins anew

  private:
    struct Free {
        void operator()(evp_md_ctx_st* context) const;
    };
    std::unique_ptr<evp_md_ctx_st, Free> context_;
};

}  // namespace rushlight
