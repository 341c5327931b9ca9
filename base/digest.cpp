#include "base/digest.h"

#include <stdexcept>

#include <openssl/evp.h>

namespace rushlight {
namespace {

void must(int done) {
    if (done != 1) throw std::runtime_error("OpenSSL has no SHA-256");  // it is built in
}

unsigned char* bytes_in(Sha256& hash) { return reinterpret_cast<unsigned char*>(hash.value.data()); }

}  // namespace

Sha256 sha256_of(Bytes bytes) {
    Sha256 hash;
    must(::EVP_Digest(bytes.data(), bytes.size(), bytes_in(hash), nullptr, ::EVP_sha256(), nullptr));
    return hash;
}

void Digest::Free::operator()(evp_md_ctx_st* context) const { ::EVP_MD_CTX_free(context); }

Digest::Digest() : context_(::EVP_MD_CTX_new()) {
    must(::EVP_DigestInit_ex(context_.get(), ::EVP_sha256(), nullptr));
}

void Digest::add(Bytes bytes) { must(::EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size())); }

Sha256 Digest::finish() {
    Sha256 hash;
    must(::EVP_DigestFinal_ex(context_.get(), bytes_in(hash), nullptr));
    must(::EVP_DigestInit_ex(context_.get(), ::EVP_sha256(), nullptr));
    return hash;
}

}  // namespace rushlight
