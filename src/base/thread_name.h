// What a thread is called where the system shows threads (`top -H`, /proc/PID/task/TID/comm). Never fails a thread.
#pragma once

namespace borehole {

// The calling thread's; of what is longer than 15 octets, the system takes nothing.
void name_this_thread(const char* name) noexcept;

}  // namespace borehole
