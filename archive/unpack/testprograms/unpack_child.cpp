// A child that only unpacks, so that this room's tests need no picture decoder.
#include "archive/unpack/unpack.h"
#include "sandbox/child/child.h"

int main() { return rushlight::sandbox::child::run(rushlight::archive::unpack::handlers()); }
