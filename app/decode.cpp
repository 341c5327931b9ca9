// decode: the sandboxed child. It locks itself down, then answers what media and archive ask, until the
// parent closes. Its whole privilege story is sandbox/child/lockdown.cpp.

#include "media/decode/decode.h"

#include "archive/unpack/unpack.h"
#include "sandbox/child/child.h"

int main() {
    auto handlers = rushlight::media::decode::handlers();
    handlers.merge(rushlight::archive::unpack::handlers());
    return rushlight::sandbox::child::run(handlers);
}
