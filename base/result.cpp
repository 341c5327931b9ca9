#include "base/result.h"

#include <cerrno>
#include <system_error>

namespace rushlight {
namespace {

ErrorCode code_of(int error_number) {
    switch (error_number) {
        case ENOENT:
        case ENOTDIR:
            return ErrorCode::not_found;
        case EACCES:
        case EPERM:
            return ErrorCode::denied;
        case EEXIST:
            return ErrorCode::conflict;
        case EFBIG:
        case EMFILE:
        case ENFILE:
            return ErrorCode::limit;
        case EAGAIN:
        case EBUSY:
            return ErrorCode::unavailable;
        default:
            return ErrorCode::io;
    }
}

}  // namespace

tl::unexpected<Error> fail_errno(std::string what) { return fail_errno(std::move(what), errno); }

tl::unexpected<Error> fail_errno(std::string what, int error_number) {
    what += ": ";
    what += std::generic_category().message(error_number);  // thread-safe, unlike strerror
    // What the person can do about it, where it is a limit of this process.
    if (error_number == EMFILE) what += " (a limit of this process: `ulimit -n` shows and raises it)";
    if (error_number == EFBIG) what += " (a limit of this process, see `ulimit -f`, or of the file system)";
    return fail(code_of(error_number), std::move(what));
}

}  // namespace rushlight
