/* SPDX-License-Identifier: Apache-2.0 */
/* Which names Kafka accepts for a topic. */
#ifndef AEP_BASE_TOPIC_NAME_H
#define AEP_BASE_TOPIC_NAME_H

#include "base/buf.h"

#include <stdbool.h>

#define AEP__TOPIC_NAME_MAX 249 /* bytes */

/** 1 to 249 of [a-zA-Z0-9._-], not "." or "..". */
bool aep__topic_name_valid(struct aep__slice name);

#endif
