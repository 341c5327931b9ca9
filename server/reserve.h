// reserve: room on the data folder's disk that is set aside for the day on which it is full.
//
// A file of that size, DATA/disk.reserve, is allocated at the start. When the disk runs full it is given up:
// people can then still sign in, read, and destroy or delete something, while nothing new is stored that
// would eat that room as well (App asks full()). Once there is room again for the reserve and some more, it
// is made anew and all goes on by itself.
//
// Thread-safety: look() is one thread's; what it found may be read by any.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

namespace rushlight::server {

inline constexpr const char* kDiskFull =
    "the disk of the data folder is full: nothing new is stored until there is room";

class Reserve {
  public:
    // `bytes`: 0 is none; a full disk is noticed all the same.
    Reserve(const std::string& folder, std::uint64_t bytes);

    // Looks how much is free, gives the reserve up or makes it again. True where full() changed.
    bool look();
    bool full() const { return full_; }
    bool held() const { return held_; }
    std::uint64_t bytes() const { return bytes_; }
    std::uint64_t free() const { return free_; }  // without the reserve, at the last look

  private:
    bool make() const;

    const std::string folder_, path_;
    const std::uint64_t bytes_;
    const std::uint64_t low_;  // so little is called full
    std::atomic<bool> full_{false}, held_{false};
    std::atomic<std::uint64_t> free_{0};
};

}  // namespace rushlight::server
