// Sanitizer: what an instrumented build cannot do. AddressSanitizer and ThreadSanitizer map terabytes of
// shadow memory, so RLIMIT_AS cannot be set; ThreadSanitizer's own thread forbids a user namespace.
#pragma once

namespace rushlight::sandbox {

#if defined(__SANITIZE_THREAD__)
#define RUSHLIGHT_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RUSHLIGHT_TSAN 1
#endif
#endif

#if defined(__SANITIZE_ADDRESS__)
#define RUSHLIGHT_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RUSHLIGHT_ASAN 1
#endif
#endif

#ifdef RUSHLIGHT_TSAN
inline constexpr bool kThreadSanitizer = true;
#else
inline constexpr bool kThreadSanitizer = false;
#endif
#ifdef RUSHLIGHT_ASAN
inline constexpr bool kAddressSanitizer = true;
#else
inline constexpr bool kAddressSanitizer = false;
#endif

inline constexpr bool kShadowMemory = kThreadSanitizer || kAddressSanitizer;

}  // namespace rushlight::sandbox
