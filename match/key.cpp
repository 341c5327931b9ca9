#include "match/key.h"

#include <algorithm>
#include <stdexcept>

#include <openssl/evp.h>

namespace rushlight::match {

Key key_of(formats::Method method, Bytes packed) {
    Key key{method, {}};
    if (Key::is_digest(method)) {
        if (EVP_Digest(packed.data(), packed.size(), reinterpret_cast<unsigned char*>(key.bytes.data()),
                       nullptr, EVP_sha256(), nullptr) != 1) {
            throw std::runtime_error("OpenSSL has no SHA-256");
        }
        return key;
    }
    std::ranges::copy(packed.first(std::min(packed.size(), Key::size_of(method))), key.bytes.begin());
    return key;
}

}  // namespace rushlight::match
