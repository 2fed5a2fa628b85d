"""What the system tests stand on: an upstream, a started proxy, clients. Holds no test."""
