#include "base/digest.h"

#include <stdexcept>

#include <openssl/evp.h>

namespace rushlight {

Sha256 sha256_of(Bytes bytes) {
    Sha256 hash;
    if (EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(hash.value.data()), nullptr,
                   EVP_sha256(), nullptr) != 1) {
        throw std::runtime_error("OpenSSL has no SHA-256");  // it is built in
    }
    return hash;
}

}  // namespace rushlight
