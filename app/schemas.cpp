#include "app/schemas.h"

#include "accounts/accounts.h"
#include "audit/audit.h"
#include "check/service.h"
#include "match/match.h"
#include "message/message.h"
#include "queue/queue.h"
#include "scan/scan.h"
#include "server/server.h"
#include "vault/vault.h"

namespace rushlight::app {

std::vector<store::Schema> all_schemas() {
    return {queue::schema(), audit::schema(),    message::schema(), vault::schema(), match::schema(),
            check::schema(), accounts::schema(), scan::schema(),    server::schema()};
}

}  // namespace rushlight::app
