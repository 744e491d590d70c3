// The child coroutine of the Asio peers, in a translation unit of its own as a real callee mostly is: a compiler that
// saw it could put its frame into the caller's, and creating and awaiting a child would then cost nothing.
#include <asio/awaitable.hpp>

namespace flywheel::bench::peers {

asio::awaitable<int> AsioChild(int value);

asio::awaitable<int> AsioChild(int value) { co_return value; }

}  // namespace flywheel::bench::peers
