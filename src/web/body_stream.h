// A body that goes on for as long as there is something to tell. The loop's thread only; never blocks.
#pragma once

#include <functional>
#include <string>

namespace borehole::web {

class BodyStream {
 public:
  virtual ~BodyStream() = default;
  // What is to be sent next; empty: nothing yet. Whoever sends takes only what he can get rid of.
  virtual std::string take() = 0;
  virtual bool over() const = 0;  // nothing will come behind what `take` gives
  // Called when `take` has something again, or it is over.
  std::function<void()> on_more;
};

}  // namespace borehole::web
