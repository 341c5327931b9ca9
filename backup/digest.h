// Private: SHA-256 piece by piece.
#pragma once

#include "base/bytes.h"
#include "base/hash.h"

#include <memory>

struct evp_md_ctx_st;

namespace rushlight::backup {

class Digest {
  public:
    Digest();
    void add(Bytes bytes);
    Sha256 finish();  // and begins anew

  private:
    struct Free {
        void operator()(evp_md_ctx_st* context) const;
    };
    std::unique_ptr<evp_md_ctx_st, Free> context_;
};

}  // namespace rushlight::backup
