/*
 * A fuzz target without libFuzzer: its corpus, every beginning of each file,
 * and each file with every byte changed in a few ways. TAP on standard output.
 * Usage: fuzz_NAME [file...]; without files, $OD_SOURCE/tests/fuzz/corpus/NAME.
 */
/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <err.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/target.h"

#define MUTATED_BYTES	2048	/* larger files are replayed as they are */

/* Give the target a block of exactly that size, for sanitizers to guard. */
static void
feed(const uint8_t *bytes, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);

	if (copy == NULL)
		err(1, "malloc");
	memcpy(copy, bytes, len);
	LLVMFuzzerTestOneInput(copy, len);
	free(copy);
}

static void
feed_variants(uint8_t *bytes, size_t len)
{
	static const uint8_t flips[] = { 0x01, 0x80, 0xff };

	for (size_t n = 0; n < len; n++)
		feed(bytes, n);
	for (size_t n = 0; n < len; n++) {
		for (size_t i = 0; i < sizeof(flips); i++) {
			bytes[n] ^= flips[i];
			feed(bytes, len);
			bytes[n] ^= flips[i];
		}
	}
}

static void
replay(const char *path)
{
	static uint8_t bytes[1 << 20];
	FILE *f = fopen(path, "re");
	size_t len;

	if (f == NULL)
		err(1, "%s", path);
	len = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	feed(bytes, len);
	if (len <= MUTATED_BYTES)
		feed_variants(bytes, len);
}

static int
is_visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static int
replay_directory(const char *name)
{
	const char *source = getenv("OD_SOURCE");
	struct dirent **files;
	char path[4096];
	int n;

	snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s",
	    source != NULL ? source : ".", name);
	if ((n = scandir(path, &files, is_visible, alphasort)) == -1)
		err(1, "%s", path);
	if (n == 0)
		errx(1, "%s: no corpus", path);
	printf("1..%d\n", n);
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s/%s",
		    source != NULL ? source : ".", name, files[i]->d_name);
		replay(path);
		printf("ok %d - %s/%s\n", i + 1, name, files[i]->d_name);
		fflush(stdout);
		free(files[i]);
	}
	free(files);
	return 0;
}

int
main(int argc, char **argv)
{
	const char *name = basename(argv[0]);

	if (argc < 2)
		return replay_directory(strncmp(name, "fuzz_", 5) == 0 ?
		    name + 5 : name);
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	return 0;
}
