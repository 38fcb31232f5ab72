// SPDX-License-Identifier: MIT

#include "cli/interruption.h"

#include <signal.h>

#include <csignal>

namespace overpass::cli {

namespace {

volatile std::sig_atomic_t interrupted = 0;

void on_signal(int) { interrupted = 1; }

}  // namespace

void note_interruption(std::initializer_list<int> signals) {
  interrupted = 0;
  struct sigaction action = {};
  action.sa_handler = on_signal;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (const int signal : signals) (void)::sigaction(signal, &action, nullptr);
}

bool is_interrupted() { return interrupted != 0; }

}  // namespace overpass::cli
