// A running `rushlight serve` for the tests of the whole, and a client that asks it.
#pragma once

#include "app/testing/program.h"
#include "http/testing/raw_client.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace rushlight::app::testing {

using Headers = std::map<std::string, std::string>;

struct Answer {
    int status = 0;
    json body;  // where it is JSON
    std::string text;
    std::vector<std::pair<std::string, std::string>> headers;

    std::string header(const std::string& name) const;
};

// Whatever listens there on loopback.
Answer ask_port(std::uint16_t port, const std::string& method, const std::string& path,
                const Headers& headers, const std::string& body);

class Served {
  public:
    // Starts it and waits until it answers; throws where it does not.
    explicit Served(const std::string& data, std::vector<std::string> more = {},
                    std::map<std::string, std::string> environment = {});

    std::uint16_t port() const { return port_; }
    const std::string& url() const { return url_; }
    pid_t pid() const { return pid_; }
    const json& ready() const { return ready_; }  // what it printed
    const std::string& setup_token() const { return setup_token_; }

    Answer ask(const std::string& method, const std::string& path, const Headers& headers = {},
               const std::string& body = {}) const;
    Answer ask(const std::string& method, const std::string& path, const Headers& headers,
               const json& body) const;
    // A form with a file and, where it is not empty, a context.
    Answer upload(const std::string& path, const Headers& headers, const std::string& file,
                  const std::string& context = {}) const;

    // The first administrator, signed in: headers for whatever follows.
    Headers set_up(const std::string& profile = "platform");
    // The same for a person whom an administrator has made.
    Headers sign_in(const std::string& email, const std::string& password) const;
    // A key with these scopes, made by that administrator.
    Headers key(const Headers& administrator, const std::vector<std::string>& scopes) const;

    // Until it has said so many lines: one more each time that it begins anew with a restored store.
    bool wait_for_lines(std::size_t count) const { return running_->wait_for_lines(count); }
    void kill();  // -9
    Ran stop();   // politely; what it said

  private:
    std::unique_ptr<Running> running_;
    std::uint16_t port_ = 0;
    pid_t pid_ = 0;
    json ready_;
    std::string url_, setup_token_;
};

}  // namespace rushlight::app::testing
