#include "match/key.h"

#include "base/digest.h"

#include <algorithm>

namespace rushlight::match {

Key key_of(formats::Method method, Bytes packed) {
    Key key{method, {}};
    if (Key::is_digest(method)) {
        key.bytes = sha256_of(packed).value;
        return key;
    }
    std::ranges::copy(packed.first(std::min(packed.size(), Key::size_of(method))), key.bytes.begin());
    return key;
}

}  // namespace rushlight::match
