#include "store/engine.h"

namespace rushlight::store {
Result<std::unique_ptr<Engine>> open_postgres(const Options&) {
    return fail(ErrorCode::unavailable, "PostgreSQL comes with the next commit");
}
}  // namespace rushlight::store
