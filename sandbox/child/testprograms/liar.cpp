// liar: a decode program that says it is locked down, and is not.
#include "sandbox/handshake.h"

int main() {
    using namespace rushlight;
    using namespace rushlight::sandbox;
    ByteVector buffer;
    if (!wire::receive(handshake::kSocket, buffer, std::nullopt)) return 1;
    const handshake::Locked nothing;
    (void)wire::send(handshake::kSocket, handshake::kLocked, handshake::bytes_of(nothing), {}, std::nullopt);
    (void)wire::receive(handshake::kSocket, buffer, std::nullopt);  // until the parent closes
}
