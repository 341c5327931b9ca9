// match: hash lists, and the matcher that turns a fingerprint into a decision. The door of the room.
#pragma once

#include "match/lists.h"
#include "match/matcher.h"
