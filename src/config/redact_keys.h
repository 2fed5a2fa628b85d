// How the keys are read that say what of bodies and texts is recorded: record.redact.* and those of record.bodies that
// name what is kept. Never holds a text that is recorded.
#pragma once

#include "config/schema.h"

namespace borehole::config {

void read_json_paths(const Value& value, Draft& draft);
void read_patterns(const Value& value, Draft& draft);
void read_builtin(const Value& value, Draft& draft);
void read_body_keep(const Value& value, Draft& draft);
void read_body_rules(const Value& value, Draft& draft);

}  // namespace borehole::config
