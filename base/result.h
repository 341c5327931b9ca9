// Result: a value, or the reason why there is none.
//
// What can fail in the world (a file, a list line, a server) returns a Result. An exception or an
// assertion is for a bug of ours; nothing from outside may reach one.
#pragma once

#include <string>
#include <utility>

#include <tl/expected.hpp>

namespace rushlight {

// What a caller may want to branch on. The message is for people: what happened, where, what to do.
enum class ErrorCode {
    invalid,      // the asker's input is wrong; asking again the same way cannot help
    not_found,    // the named thing does not exist
    conflict,     // it exists already, or changed under us
    unavailable,  // a part we need is down, busy or missing; asking again later may help
    denied,       // not permitted
    limit,        // a bound was reached (size, count, time)
    corrupt,      // stored or received data is not what it claims to be
    io,           // the operating system refused: disk, memory, descriptor
    cancelled,    // the person or the caller stopped it
};

struct Error {
    ErrorCode code = ErrorCode::io;
    std::string message;
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

inline tl::unexpected<Error> fail(ErrorCode code, std::string message) {
    return tl::unexpected<Error>(Error{code, std::move(message)});
}

// The same failure, handed on by a function that returns another type.
inline tl::unexpected<Error> pass(Error error) { return tl::unexpected<Error>(std::move(error)); }

// "cannot open 'x': Permission denied" from errno, with the code that fits.
tl::unexpected<Error> fail_errno(std::string what);
tl::unexpected<Error> fail_errno(std::string what, int error_number);

}  // namespace rushlight
