/* SPDX-License-Identifier: Apache-2.0 */
/* Assets: the files of the page (src/serve/page), compressed and built in by gen_page. All are served
 * below /assets/HASH/, the hash of all of them, so that they may be kept for ever and find each other by
 * their plain names; index.html is served at /, and names that folder where it says @assets@. */
#ifndef AEP_SERVE_ASSET_H
#define AEP_SERVE_ASSET_H

#include <stddef.h>

struct aep__asset {
    const char *name, *type;
    const unsigned char *gzip;
    size_t gzip_len, len; /* len: of the file itself */
};

extern const struct aep__asset aep__assets[]; /* ended by a row without a name */
extern const char aep__assets_hash[];

#endif
