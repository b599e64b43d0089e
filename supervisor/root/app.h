/* An app: a definition, and as many units as it has instances. */
/* SPDX-License-Identifier: MIT */
#ifndef ROOT_APP_H
#define ROOT_APP_H

#include "supervisor/root/hash.h"
#include "supervisor/root/supervisor.h"
#include "supervisor/root/unit.h"

struct app {
	struct supervisor *s;
	uint64_t	 number;	/* of its records, never reused */
	const char	*name;		/* within def */
	struct message	 def;		/* MSG_process_define, uid and gid set */
	int64_t		 first_id;	/* of instance 0; the others follow */
	int		 count;		/* of units */
	struct unit	**units;
	bool		 is_doomed;	/* deleted, when all have stopped */
	UT_hash_handle	 hh;		/* by name */
	UT_hash_handle	 hh_number;
};

/*
 * Make an app of a definition that was checked, with its units in the state
 * `created`. def is taken over. number 0 and first_id -1: new ones.
 */
int	app_new(struct supervisor *, struct message *def, uint64_t number,
	    int64_t first_id, struct app **, struct error *);

/* Write definition and wishes into the desired state. */
int	app_record(struct app *, struct error *);

/*
 * Replace the definition of an app. What the processes themselves depend on
 * restarts those that run; instances are added and removed. def is taken
 * over.
 */
int	app_redefine(struct app *, struct message *def, struct error *);

/* Write down which of its units are wanted. */
int	app_note_wanted(struct unit *);

/* Stop everything and remove it then. A negative errno: it is done, and not
 * recorded. */
int	app_doom(struct app *);

/* Free what is doomed and has stopped; once a turn. */
void	app_sweep(struct supervisor *);

const char	*app_namespace(const struct app *);

/* Rebuild all apps from the desired state that was loaded or taken over;
 * -ENOMEM if there was no memory for all of them. */
int	app_restore_all(struct supervisor *);

/* Where instance of the app writes; path is relative to the log directory, or
 * absolute: what the user gave, with {name} and {instance} filled in. */
void	app_log_path(const struct app *, int instance, bool err, char *buf,
	    size_t);

/* The record DESIRED_WANT. */
struct desired_want {
	int64_t	 first_id;
	uint32_t count;
	uint32_t padding;
	uint8_t	 wanted[INSTANCES_MAX];
};

/* The record DESIRED_META. */
struct desired_meta {
	uint64_t next_app;
	int64_t	 next_id;
};

#endif
