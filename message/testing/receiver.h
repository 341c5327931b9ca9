// A receiver of webhooks on loopback that does what it is told: answers, lies, is slow, hangs up.
#pragma once

#include "base/fd.h"

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace rushlight::message::testing {

// What it does with one request, once that has come whole.
struct Act {
    int status = 200;
    std::string headers = {};  // "Retry-After: 5\r\n"
    std::string body = "ok";
    enum class Manner {
        answer,
        hang_up,         // without a word
        cut_in_head,     // in the middle of the status line
        cut_in_content,  // after the head and half of the content that it announced
        babble,          // something that is no HTTP
        silence,         // reads, and says nothing until the other side gives up
        endless,         // content without end
    } manner = Manner::answer;
};

struct Received {
    std::string line;                            // "POST /hook HTTP/1.1"
    std::map<std::string, std::string> headers;  // names in lower case
    std::string body;
};

class Receiver {
  public:
    Receiver();
    ~Receiver();
    Receiver(const Receiver&) = delete;
    Receiver& operator=(const Receiver&) = delete;

    std::uint16_t port() const { return port_; }
    std::string url(const std::string& path = "/hook") const {
        return "http://127.0.0.1:" + std::to_string(port_) + path;
    }
    // One after the other; then `afterwards`, for ever.
    void will(std::vector<Act> acts, Act afterwards = {});
    std::vector<Received> received() const;
    bool wait_for(std::size_t requests);  // until so many have come

  private:
    void serve();
    void handle(int connection);
    void perform(int connection, const Act& act) const;

    Fd listening_;
    std::uint16_t port_ = 0;
    mutable std::mutex mutex_;
    std::condition_variable came_;
    std::vector<Act> acts_;
    Act afterwards_;
    std::vector<Received> received_;
    std::thread thread_;
};

}  // namespace rushlight::message::testing
