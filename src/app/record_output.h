// Records out of the store, written one after another in one of the export's forms. Keeps no more than one in memory.
#pragma once

#include <string>

#include "app/line_output.h"
#include "export/format.h"
#include "store/call_store.h"

namespace borehole::app {

// The record of a call by its id, the beginning of one, or `last`.
Result<std::string> find_record(const store::CallStoreReader& reader, const std::string& id);

// All that fit the filter, until the output takes no more or the user wants an end; the form is whole in any case. What
// is wrong goes to stderr, damaged records are left out and counted. The exit status.
int write_records(const store::CallStoreReader& reader, const store::CallFilter& filter, store::CallOrder order,
                  exporting::Format format, LineOutput& out);

// One record in a form. The exit status.
int write_record(const std::string& json, exporting::Format format, LineOutput& out);

}  // namespace borehole::app
