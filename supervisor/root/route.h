/* Dispatch that is also the policy: what may be asked, by whom. */
/* SPDX-License-Identifier: MIT */
#ifndef ROOT_ROUTE_H
#define ROOT_ROUTE_H

#include "supervisor/root/control.h"

/* Serve the request, or refuse it: 0, or a negative errno and why. What it
 * waits for holds q. */
int	route(struct request *q, const struct message *, struct error *);

#endif
