// A full disk: while it lives, no file of this process grows beyond 1000 bytes.
#pragma once

#include <sys/resource.h>

#include <csignal>

namespace cotape::tests {

class full_disk {
 public:
  full_disk() : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit little{1000, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &little);
  }
  full_disk(const full_disk&) = delete;
  full_disk& operator=(const full_disk&) = delete;
  ~full_disk() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  void (*handler_)(int);
  rlimit before_{};
};

}  // namespace cotape::tests
