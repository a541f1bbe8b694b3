/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_BUNDLE_DESK_H_INCLUDED
#define TESTS_UNIT_BUNDLE_DESK_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

#include "enroll/bundle.h"
#include "tar_build.h"

#include "sr/span.h"

/* Bundles made by hand, and what is read of them. */

#define BUNDLE_DESK_TOP "collector-package-0a1b2c3d/"

/* The names of a bundle's five files in both layouts, in the order of struct bundle. */
extern const char *const bundle_desk_built[5];
extern const char *const bundle_desk_flat[5];

/* What is in them, and expected of the parts. */
extern const char *const bundle_desk_contents[5];

/* The archive that is made. */
extern struct tar_build bundle_desk_tar;

#define BUNDLE_DESK_ALL SIZE_MAX

/* Starts the archive anew with the files of a layout, without the one of index `but`. */
void bundle_desk_put(const char *const names[5], size_t but);

/* Packs `plain` and reads it: as bundle_read(). */
enum bundle_err bundle_desk_read_plain(
    struct sr_span plain, const char *config, struct bundle *out, char *detail);

/* Ends the archive and reads it: as bundle_read(). */
enum bundle_err bundle_desk_read(const char *config, struct bundle *out, char *detail);

/* The error of the archive, with nothing to free. */
enum bundle_err bundle_desk_refusal(char *detail);

void bundle_desk_span(struct sr_span span, const char *text);

/* Fails the test when a part is not what was put into the bundle. */
void bundle_desk_parts(const struct bundle *bundle);

#endif
