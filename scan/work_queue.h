// What workers still have to do, in bounded memory. Files come from one producer, which waits while there are
// enough; members of archives come from the workers themselves, which never wait: what does not fit they do
// at once.
#pragma once

#include "base/content.h"
#include "base/reason.h"
#include "base/time.h"

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>

namespace rushlight::scan {

// Counts down when everything of one file is done: the file itself and all members handed to other workers.
struct FileTicket {
    std::function<void()> done;
    explicit FileTicket(std::function<void()> when_done) : done(std::move(when_done)) {}
    ~FileTicket() { done(); }
    FileTicket(const FileTicket&) = delete;
    FileTicket& operator=(const FileTicket&) = delete;
};

struct FileTask {
    std::string path;  // or a link
    bool is_link = false;
    std::shared_ptr<FileTicket> ticket;
};
struct MemberTask {
    std::string name;           // as shown
    std::string absolute_name;  // as stored
    std::optional<Time> date;
    std::optional<Problem> problem;  // why the content is only a part, or not to be trusted
    Content content;
    std::shared_ptr<FileTicket> ticket;
};
using Task = std::variant<FileTask, MemberTask>;

class WorkQueue {
  public:
    // Waits while the queue is full; false once stop() was called.
    bool push_file(FileTask task);
    // Never waits. Gives the task back where there is no room for it.
    std::optional<MemberTask> push_member(MemberTask task);
    // No more files will come.
    void close();
    // Drops what is queued and wakes everybody.
    void stop();

    // Members first, so that archives end. nullopt: everything is done, or stop() was called. Each task that
    // was taken has to be followed by finished(), since its worker may still push members.
    std::optional<Task> take();
    void finished();

  private:
    static constexpr std::size_t kMaxFiles = 256;
    static constexpr std::size_t kMaxMembers = 64;
    static constexpr std::uint64_t kMaxMemberBytes = std::uint64_t{128} << 20;

    std::mutex mutex_;
    std::condition_variable for_workers_;
    std::condition_variable for_producer_;
    std::deque<FileTask> files_;
    std::deque<MemberTask> members_;
    std::uint64_t member_bytes_ = 0;
    unsigned working_ = 0;
    bool closed_ = false;
    bool stopped_ = false;
};

}  // namespace rushlight::scan
