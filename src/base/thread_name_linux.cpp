#include <pthread.h>

#include "base/thread_name.h"

namespace borehole {

void name_this_thread(const char* name) noexcept { pthread_setname_np(pthread_self(), name); }

}  // namespace borehole
