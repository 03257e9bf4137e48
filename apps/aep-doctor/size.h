/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as people read them. */
#ifndef AEP_DOCTOR_SIZE_H
#define AEP_DOCTOR_SIZE_H

#include <stdint.h>

#define AEP__SIZE_TEXT 24

/** "512 B", "1.5 GiB". Returns text. */
const char *aep__size_show(uint64_t bytes, char text[AEP__SIZE_TEXT]);

#endif
