// A certificate that nobody trusts but who is told to, made for one test.
#pragma once

#include <memory>
#include <string>

struct ssl_ctx_st;

namespace rushlight::net::testing {

class Certificate {
  public:
    // For one host name, valid now.
    explicit Certificate(const std::string& host);
    ~Certificate();
    Certificate(const Certificate&) = delete;
    Certificate& operator=(const Certificate&) = delete;

    ssl_ctx_st* server() const { return context_.get(); }
    const std::string& file() const { return file_; }  // PEM, for Client::Options::ca_file

  private:
    std::shared_ptr<ssl_ctx_st> context_;
    std::string file_;
};

}  // namespace rushlight::net::testing
