// server: Rushlight as a service: the API, the console's files, and all parts behind them.
//
//   auto server = Server::start(options);
//   print(server->url(), server->setup_url());
//   …
//   server->stop();          // or let it go
//
// Thread-safety: start and stop are the owner's.
#pragma once

#include "base/config.h"
#include "base/result.h"
#include "base/time.h"
#include "store/store.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace rushlight::server {

// The tables of this room, for Store::open.
store::Schema schema();

// A list that comes with the program.
struct BundledList {
    std::string name;
    bool negative = false;
    std::string source;  // in words
    std::string file;    // what is imported into it
};

struct ServerOptions {
    std::vector<store::Schema> schemas;          // of every room of the program, in floor order
    Config config;                               // config.serve.listen: port 0 is any free one
    std::string light_program, all_program;      // libexec/rushlight/decode and decode-all
    std::optional<std::string> passphrase{};     // of the key file
    std::string console;                         // the folder of the built console; empty: none
    std::vector<std::string> allowed_targets{};  // HOST:PORT that may lead to any address
    // Where it is not empty, nothing but the allowed targets can be reached, and these words say why.
    std::string nothing_else{};
    std::vector<BundledList> lists{};  // made where they are missing
    std::string who = "system";        // starts it, as the audit log says it
    const Clock* clock = &system_clock();
};

// What administrators set for the holding area, read from the store.
struct HoldingSet {
    bool on = false;
    std::uint64_t quota = 0;  // bytes
};
Result<HoldingSet> holding_set(store::Store& store);

class Server {
  public:
    // Listens and answers when this returns.
    static Result<Server> start(const ServerOptions& options);
    Server(Server&&) noexcept;
    Server& operator=(Server&&) noexcept;
    ~Server();

    const std::string& url() const;  // "http://127.0.0.1:8080"
    // The one-time link to the set-up page, while there is no administrator.
    const std::optional<std::string>& setup_url() const;
    // The store was restored from a backup: stop this server, and start another.
    bool restored() const;
    // Takes nothing new, ends what is under way, returns when all of it has ended.
    void stop();

  private:
    struct State;
    explicit Server(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace rushlight::server
