/* What clients may ask about apps. Each serves one message of route.c. */
/* SPDX-License-Identifier: MIT */
#ifndef ROOT_PROCESS_H
#define ROOT_PROCESS_H

#include "supervisor/root/control.h"

#define SERVES(name)	int name(struct request *, const struct message *,	\
			    struct error *)

SERVES(process_define);
SERVES(process_start);
SERVES(process_stop);
SERVES(process_restart);
SERVES(process_delete);
SERVES(process_reset);
SERVES(process_signal);
SERVES(process_list);
SERVES(process_info);
SERVES(process_logs);

#endif
