/*
 * Disk trouble at a chosen call. Programs that link faults.c must be linked
 * with FAULTS_WRAP (tests/unit/module.am), which put these functions
 * between the code and write, fsync, fdatasync, ftruncate, openat (of files
 * that are made), renameat and unlinkat.
 */
/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_FAULTS_H
#define TESTS_UNIT_FAULTS_H

enum fault_mode {
	FAULT_NONE,
	FAULT_ONCE,		/* call number at fails with the error */
	FAULT_FROM,		/* it, and all that come later */
	FAULT_CUT,		/* the power goes at that call */
};

struct faults {
	enum fault_mode	mode;
	int		at;	/* counted from 1 */
	int		error;
	int		calls;	/* so far */
	unsigned int	seed;	/* for what is left when the power goes */
};

/* What is done is done to this one, which starts as FAULT_NONE. */
extern struct faults faults;

#endif
