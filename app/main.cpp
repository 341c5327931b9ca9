// rushlight: the one program.

#include "cli/cli.h"

int main(int argc, char** argv) { return rushlight::cli::main(argc, argv); }
