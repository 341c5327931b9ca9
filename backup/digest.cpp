#include "backup/digest.h"

#include <stdexcept>

#include <openssl/evp.h>

namespace rushlight::backup {
namespace {

void must(int done) {
    if (done != 1) throw std::runtime_error("OpenSSL has no SHA-256");  // it is built in
}

}  // namespace

void Digest::Free::operator()(evp_md_ctx_st* context) const { ::EVP_MD_CTX_free(context); }

Digest::Digest() : context_(::EVP_MD_CTX_new()) {
    must(::EVP_DigestInit_ex(context_.get(), ::EVP_sha256(), nullptr));
}

void Digest::add(Bytes bytes) { must(::EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size())); }

Sha256 Digest::finish() {
    Sha256 hash;
    must(::EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(hash.value.data()), nullptr));
    must(::EVP_DigestInit_ex(context_.get(), ::EVP_sha256(), nullptr));
    return hash;
}

}  // namespace rushlight::backup
