/* SPDX-License-Identifier: Apache-2.0 */
#include "base/topic_name.h"

#include "base/ascii.h"

static bool is_dots(struct aep__slice name)
{
    return name.data[0] == '.' && (name.len == 1 || (name.len == 2 && name.data[1] == '.'));
}

bool aep__topic_name_valid(struct aep__slice name)
{
    if (name.len == 0 || name.len > AEP__TOPIC_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (!aep__is_alnum(name.data[i]) && name.data[i] != '.' && name.data[i] != '_' &&
            name.data[i] != '-')
            return false;
    return !is_dots(name);
}
