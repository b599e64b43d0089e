/* Steps aside for the od of coreutils, whose name we share. */
/* SPDX-License-Identifier: MIT */
#ifndef CLI_ASIDE_H
#define CLI_ASIDE_H

#include <stdbool.h>

/* True if this command line is meant for coreutils' od: it names none of our
 * commands and options, and does not look like a misspelt one. */
bool	aside_is_meant(int argc, char *const *argv);

/* Execute the next od in PATH; returns only if there is none. */
void	aside_exec(char *const *argv);

#endif
