/* The bounds that more than one message, or more than one program, shares. */
/* SPDX-License-Identifier: MIT */
#ifndef PROTOCOL_LIMITS_H
#define PROTOCOL_LIMITS_H

#define NAME_BYTES	64			/* a name of an app or plugin */
#define SUBJECT_BYTES	256			/* what an event is about */
#define PATH_BYTES	4095			/* PATH_MAX without its NUL */
#define LIST_COUNT	16384			/* items of a list or map */
#define ITEM_BYTES	(128 * 1024)		/* one of them, as execve has it */
#define INSTANCES_MAX	1024
#define DURATION_MS	(366LL * 24 * 3600 * 1000)
#define RECORD_BYTES	(1024 * 1024 - 4096)

#define FRAME_BYTES	(64 * 1024)		/* of a frame's payload */
#define FRAME_BYTES_BIG	(1024 * 1024)		/* of one with a definition */

#endif
