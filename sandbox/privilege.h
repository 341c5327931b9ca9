// Privilege: the steps by which a process gives up what it is. Used by the child for good and by the kernel
// probe in a throw-away process, so they are async-signal-safe: system calls and nothing else.
#pragma once

namespace rushlight::sandbox::privilege {

// Root becomes `nobody`, without groups. Does nothing for anybody else, and nothing where the system does not
// let it (a container without CAP_SETUID): what follows then has to do.
void become_nobody();
// A new user namespace in which nobody is mapped: whatever one might become in there is nobody outside.
// `network` adds an empty network namespace. Returns 0 or an errno.
int enter_user_namespace(bool network);
// Makes a folder in which nothing can be opened the root folder, where we may; closes what `stat` could
// still tell.
void enter_empty_root();
// Gives up every capability. Returns 0 or an errno.
int drop_capabilities();

}  // namespace rushlight::sandbox::privilege
